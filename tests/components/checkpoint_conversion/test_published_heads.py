"""Checkpoints as the published code fine-tunes them: some of their heads stand at the root."""

import numpy as np
import pytest

from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.convert import convert
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import Heads

# Source: the published `function_builder.py`. `get_qa_outputs` opens the scopes start_logits,
# end_logits and answer_class, `get_race_loss` the scope logits, all outside of "model";
# `get_classification_loss` opens "model" first, and `summarize_sequence` always does.
AT_THE_ROOT = {
    "question_answering": {
        "start_logits/dense/kernel",
        "start_logits/dense/bias",
        "end_logits/dense_0/kernel",
        "end_logits/dense_0/bias",
        "end_logits/LayerNorm/gamma",
        "end_logits/LayerNorm/beta",
        "end_logits/dense_1/kernel",
        "end_logits/dense_1/bias",
        "answer_class/dense_0/kernel",
        "answer_class/dense_0/bias",
        "answer_class/dense_1/kernel",
    },
    "multiple_choice": {"logits/dense/kernel", "logits/dense/bias"},
    "classification": set(),
    "regression": set(),
}
MASK = "model/transformer/mask_emb/mask_emb"


@pytest.fixture
def published(tiny_models, tmp_path):
    """Writes a checkpoint as published; gives its folder and the arrays by our names."""

    def write(name, **more):
        config = tiny_models.config()
        model = tiny_models.build(name, config)
        arrays = {
            variable: value.numpy()
            for variable, value in named_checkpoint.variables_by_name(model.variables).items()
            if variable != MASK
        }
        stored = {}
        for variable, array in arrays.items():
            bare = variable.removeprefix("model/")
            stored[bare if bare in AT_THE_ROOT[name] else variable] = array
        assert AT_THE_ROOT[name] <= set(stored)
        stored |= {f"{variable}/adam_m": array for variable, array in stored.items()}
        folder = tmp_path / "published"
        folder.mkdir()
        step = {"global_step": np.int64(8000)}
        named_checkpoint.write_arrays(str(folder / "model.ckpt-8000"), stored | step | more)
        config.write(str(folder / "xlnet_config.json"))
        return folder, arrays

    return write


@pytest.mark.parametrize("name", AT_THE_ROOT)
def test_they_convert_to_both_layouts(tiny_models, published, tmp_path, name):
    folder, arrays = published(name)
    conversion = convert(str(folder), str(tmp_path / "ours"), target_format="xlnet")
    expected = {
        "question_answering": Heads(question_answering=True),
        "multiple_choice": Heads(sequence="multiple_choice", num_outputs=1),
        "classification": Heads(sequence="classification_mnli", num_outputs=3),
        "regression": Heads(sequence="regression_sts-b", num_outputs=1),
    }
    assert conversion.heads == expected[name]
    assert any("at the root" in note for note in conversion.notes) is bool(AT_THE_ROOT[name])
    convert(str(folder), str(tmp_path / "hf"), target_format="hf")
    convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")
    for place in ("ours", "back"):
        found = named_checkpoint.read_arrays(str(tmp_path / place))
        assert not found.pop(MASK).any()
        assert set(found) == set(arrays)
        for variable, array in arrays.items():
            assert array.tobytes() == found[variable].tobytes(), variable


@pytest.mark.parametrize("name", AT_THE_ROOT)
def test_a_model_starts_from_them(tiny_models, published, name):
    folder, arrays = published(name)
    model = tiny_models.build(name, tiny_models.config(), seed=1)
    variables = named_checkpoint.variables_by_name(model.variables)
    before = variables[MASK].numpy()
    restored = named_checkpoint.restore(model.variables, str(folder))
    assert set(restored.restored) == set(arrays)
    assert restored.new == (MASK,)
    for variable, array in arrays.items():
        np.testing.assert_array_equal(variables[variable].numpy(), array)
    np.testing.assert_array_equal(variables[MASK].numpy(), before)


def test_pretraining_does_not_go_on_without_a_mask_embedding(tiny_models, published):
    folder, _ = published("question_answering")
    model = tiny_models.build("tied", tiny_models.config())
    with pytest.raises(WeightsError, match=f"not in the checkpoint: {MASK}"):
        named_checkpoint.restore(
            model.variables,
            str(folder),
            may_be_new=["^model/lm_loss/"],
            may_be_ignored=["^model/[a-z_]*(logits|class)/"],
        )


def test_both_spellings_at_once_are_refused(tiny_models, published, tmp_path):
    more = {"model/start_logits/dense/bias": np.zeros(1, np.float32)}
    folder, _ = published("question_answering", **more)
    with pytest.raises(WeightsError, match="model/start_logits/dense/bias and start_logits/dense"):
        convert(str(folder), str(tmp_path / "ours"), target_format="xlnet")


@pytest.mark.parametrize("prefix", ["^", "^model/"])
def test_they_are_left_out_by_either_spelling(published, tmp_path, prefix):
    folder, _ = published("question_answering")
    ignore = [f"{prefix}(start_logits|end_logits|answer_class)/", "^model/transformer/mask_emb"]
    with pytest.raises(WeightsError, match="no name matches"):
        convert(str(folder), str(tmp_path / "ours"), target_format="xlnet", ignore=ignore)
    more = {MASK: np.zeros((1, 1, 16), np.float32)}
    folder.rename(tmp_path / "without")
    folder, _ = published("question_answering", **more)
    conversion = convert(
        str(folder), str(tmp_path / "ours"), target_format="xlnet", ignore=ignore[:1]
    )
    assert conversion.heads == Heads()


def test_without_its_head_a_fine_tuned_encoder_converts_too(published, tmp_path):
    """That the mask embedding is missing by design shows by the head that is left out."""
    folder, arrays = published("question_answering")
    ignore = ["^model/(start_logits|end_logits|answer_class)/"]
    target = str(tmp_path / "ours")
    conversion = convert(str(folder), target, target_format="xlnet", ignore=ignore)
    assert conversion.heads == Heads()
    found = named_checkpoint.read_arrays(target)
    assert not found.pop(MASK).any()
    assert set(found) == {name for name in arrays if name.startswith("model/transformer/")}
