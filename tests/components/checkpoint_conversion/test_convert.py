import json
import os

import numpy as np
import pytest
import safetensors.numpy

from components.checkpoint_conversion import convert as convert_lib
from components.checkpoint_conversion import description, named_checkpoint
from components.checkpoint_conversion.convert import TargetExistsError, convert, detect_format
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import Heads

MODELS = [
    "encoder",
    "tied",
    "untied",
    "classification",
    "regression",
    "multiple_choice",
    "question_answering",
]


@pytest.mark.parametrize(
    "network",
    [
        {"untie_r": True},
        {"untie_r": False, "ff_activation": "relu", "summary_type": "first"},
        {"ff_activation": "gelu_erf", "summary_type": "mean"},
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_to_hugging_face_and_back_is_exact_to_the_bit(
    tiny_models, vocabulary, tmp_path, name, network
):
    config = tiny_models.config(**network)
    tiny_models.write(tmp_path / "ours", tiny_models.build(name, config), config)
    (tmp_path / "ours" / "spiece.model").write_bytes(vocabulary.model)
    labels = ("contradiction", "entailment", "neutral") if name == "classification" else ()
    about = description.Description(vocabulary.sha256, labels)
    description.write(str(tmp_path / "ours"), about)
    there = convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
    back = convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")
    assert (there.source_format, back.source_format) == ("tf1", "hf")
    assert there.heads == back.heads
    before = named_checkpoint.read_arrays(str(tmp_path / "ours"))
    after = named_checkpoint.read_arrays(str(tmp_path / "back"))
    assert set(before) == set(after)
    for variable, array in before.items():
        assert array.dtype == after[variable].dtype == np.float32
        assert array.tobytes() == after[variable].tobytes(), variable
    assert back.variables == len(before)
    assert back.parameters == sum(array.size for array in before.values())
    for name in ("xlnet_config.json", "spiece.model", "xlnet_weights.json"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "back" / name).read_bytes()


def test_the_layout_is_that_of_hugging_face(tiny_models, tmp_path):
    """Against the tensors' shapes in `transformers`, written down by hand."""
    config = tiny_models.config()
    model = tiny_models.build("classification", config)
    tiny_models.write(tmp_path / "ours", model, config)
    convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
    found = safetensors.numpy.load_file(tmp_path / "hf" / "model.safetensors")
    ours = named_checkpoint.variables_by_name(model.variables)
    assert len(found) == 2 + 2 * 17 + 4
    for letter in "qkvro":
        np.testing.assert_array_equal(
            found[f"transformer.layer.1.rel_attn.{letter}"],
            ours[f"model/transformer/layer_1/rel_attn/{letter}/kernel"].numpy(),
        )
    for name, tensor, index in (
        ("r_w_bias", "transformer.layer.1.rel_attn.r_w_bias", 1),
        ("seg_embed", "transformer.layer.0.rel_attn.seg_embed", 0),
    ):
        np.testing.assert_array_equal(found[tensor], ours[f"model/transformer/{name}"][index])
    np.testing.assert_array_equal(
        found["transformer.layer.0.ff.layer_1.weight"],  # PyTorch's [d_out, d_in]
        ours["model/transformer/layer_0/ff/layer_1/kernel"].numpy().T,
    )
    assert found["logits_proj.weight"].shape == (3, 16)
    fields = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert fields["architectures"] == ["XLNetForSequenceClassification"]
    assert fields["id2label"] == {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}
    assert fields["problem_type"] == "single_label_classification"


@pytest.fixture
def fine_tuned(tiny_models, tmp_path):
    """A checkpoint as the published code fine-tunes one: no mask embedding, Adam beside."""
    config = tiny_models.config()
    model = tiny_models.build("classification", config)
    arrays = {
        name: variable.numpy()
        for name, variable in named_checkpoint.variables_by_name(model.variables).items()
        if not name.endswith("mask_emb")
    }
    training = {f"{name}/adam_m": array for name, array in arrays.items()}
    training |= {f"{name}/adam_v": array for name, array in arrays.items()}
    folder = tmp_path / "run"
    folder.mkdir()
    everything = arrays | training | {"global_step": np.int64(1200)}
    named_checkpoint.write_arrays(str(folder / "model.ckpt-1200"), everything)
    config.write(str(tmp_path / "xlnet_config.json"))
    return folder, arrays


def test_published_fine_tuned_checkpoints_keep_their_heads(fine_tuned, tmp_path):
    folder, arrays = fine_tuned
    conversion = convert(
        str(folder),
        str(tmp_path / "ours"),
        target_format="xlnet",
        config_path=str(tmp_path / "xlnet_config.json"),
    )
    assert conversion.heads == Heads(sequence="classification_mnli", num_outputs=3)
    assert "mask_emb" in conversion.notes[0]
    found = named_checkpoint.read_arrays(str(tmp_path / "ours"))
    assert not found.pop("model/transformer/mask_emb/mask_emb").any()
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_prefix_is_a_source_too(fine_tuned, tmp_path):
    folder, _ = fine_tuned
    (folder / "xlnet_config.json").write_bytes((tmp_path / "xlnet_config.json").read_bytes())
    prefix = str(folder / "model.ckpt-1200")
    assert detect_format(f"{prefix}.index") == "tf1"
    conversion = convert(prefix, str(tmp_path / "hf"), target_format="hf")
    assert conversion.heads.task_name == "mnli"


def test_without_a_configuration_it_is_said_what_to_give(fine_tuned, tmp_path):
    with pytest.raises(WeightsError, match="--model-config"):
        convert(str(fine_tuned[0]), str(tmp_path / "hf"), target_format="hf")


def test_a_missing_mask_embedding_counts_where_there_is_a_language_model(tiny_models, tmp_path):
    config = tiny_models.config()
    model = tiny_models.build("tied", config)
    tiny_models.write(tmp_path / "ours", model, config)
    arrays = named_checkpoint.read_arrays(str(tmp_path / "ours"))
    arrays.pop("model/transformer/mask_emb/mask_emb")
    named_checkpoint.write_arrays(str(tmp_path / "ours"), arrays)
    with pytest.raises(WeightsError, match="not found: model/transformer/mask_emb/mask_emb"):
        convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")


@pytest.fixture
def hugging_face(tiny_models, tmp_path):
    """A Hugging Face folder and its tensors, to be changed."""
    config = tiny_models.config(untie_r=False)
    tiny_models.write(tmp_path / "ours", tiny_models.build("tied", config), config)
    convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
    path = tmp_path / "hf" / "model.safetensors"
    return path, safetensors.numpy.load_file(path)


def to_ours(tmp_path, **options):
    return convert(str(tmp_path / "hf"), str(tmp_path / "out"), target_format="xlnet", **options)


def test_every_tensor_is_accounted_for(hugging_face, tmp_path):
    path, tensors = hugging_face
    tensors.pop("transformer.layer.1.rel_attn.q")
    tensors["qa_outputs.weight"] = np.ones((2, 16), np.float32)
    tensors["lm_loss.bias"] = np.ones(41, np.float32)
    safetensors.numpy.save_file(tensors, path)
    with pytest.raises(WeightsError) as error:
        to_ours(tmp_path)
    assert str(error.value).splitlines()[1:] == [
        "  not found: transformer.layer.1.rel_attn.q",
        "  not used: qa_outputs.weight",
        "  lm_loss.bias has shape [41], but the configuration asks for [40]",
    ]
    assert not (tmp_path / "out").exists()


def test_heads_can_be_left_out(hugging_face, tmp_path):
    path, tensors = hugging_face
    tensors["qa_outputs.weight"] = np.ones((2, 16), np.float32)
    safetensors.numpy.save_file(tensors, path)
    conversion = to_ours(tmp_path, ignore=["^qa_outputs", "^lm_loss"])
    assert conversion.heads == Heads()


def test_biases_that_should_be_tied_must_be_equal(hugging_face, tmp_path):
    path, tensors = hugging_face
    tensors["transformer.layer.1.rel_attn.r_r_bias"] += 1
    safetensors.numpy.save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"layer\.1\.rel_attn\.r_r_bias differs from"):
        to_ours(tmp_path)
    assert not (tmp_path / "out" / "xlnet_config.json").exists()


@pytest.mark.parametrize(("change", "tied"), [(0.0, True), (1.0, False)])
def test_an_output_matrix_is_tied_if_it_is_the_embeddings(hugging_face, tmp_path, change, tied):
    path, tensors = hugging_face
    tensors["lm_loss.weight"] = tensors["transformer.word_embedding.weight"] + np.float32(change)
    safetensors.numpy.save_file(tensors, path)
    conversion = to_ours(tmp_path)
    assert conversion.heads.tie_weight is tied
    arrays = named_checkpoint.read_arrays(str(tmp_path / "out"))
    assert ("model/lm_loss/weight" in arrays) is not tied


@pytest.mark.parametrize("ignore", [[], ["^lm_loss"]])
def test_embeddings_may_be_stored_as_the_output_matrix_only(hugging_face, tmp_path, ignore):
    """As safetensors' `save_model` stores tied weights: once, under the first of their names."""
    path, tensors = hugging_face
    expected = tensors.pop("transformer.word_embedding.weight")
    tensors["lm_loss.weight"] = expected
    safetensors.numpy.save_file(tensors, path)
    conversion = to_ours(tmp_path, ignore=ignore)
    assert conversion.heads == Heads(language_model=not ignore)
    found = named_checkpoint.read_arrays(str(tmp_path / "out"))
    np.testing.assert_array_equal(found["model/transformer/word_embedding/lookup_table"], expected)
    assert "model/lm_loss/weight" not in found


def test_a_missing_output_matrix_counts_where_it_is_not_tied(hugging_face, tmp_path):
    config = tmp_path / "hf" / "config.json"
    fields = json.loads(config.read_text())
    config.write_text(json.dumps(fields | {"tie_word_embeddings": False}))
    with pytest.raises(WeightsError, match=r"not found: lm_loss\.weight"):
        to_ours(tmp_path)


def test_a_bare_encoder_is_recognised_without_its_prefix(hugging_face, tmp_path):
    path, tensors = hugging_face
    bare = {
        name.removeprefix("transformer."): array
        for name, array in tensors.items()
        if name.startswith("transformer.")
    }
    safetensors.numpy.save_file(bare, path)
    assert to_ours(tmp_path).heads == Heads()


def test_the_task_names_the_head(tiny_models, tmp_path):
    config = tiny_models.config()
    tiny_models.write(tmp_path / "ours", tiny_models.build("classification", config), config)
    convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
    assert to_ours(tmp_path, task_name="XNLI").heads.sequence == "classification_xnli"


def test_damaged_checkpoints_are_named_and_leave_no_configuration(tiny_models, tmp_path):
    config = tiny_models.config()
    tiny_models.write(tmp_path / "ours", tiny_models.build("tied", config), config)
    for file in sorted((tmp_path / "ours").glob("xlnet_model.ckpt.*")):
        content = file.read_bytes()
        for damaged in (
            content[: len(content) // 2],
            content[:10],
            b"",
            content[:40] + bytes([content[40] ^ 0xFF]) + content[41:],
        ):
            file.write_bytes(damaged)
            with pytest.raises(WeightsError, match=r"xlnet_model\.ckpt"):
                convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
            assert not (tmp_path / "hf" / "config.json").exists()
        file.write_bytes(content)
    (tmp_path / "ours" / "xlnet_config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"xlnet_config\.json"):
        convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")


def test_nothing_is_overwritten_unasked(hugging_face, tmp_path):
    to_ours(tmp_path)
    config = tmp_path / "out" / "xlnet_config.json"
    config.write_text("mine")
    with pytest.raises(TargetExistsError, match=r"xlnet_config\.json"):
        to_ours(tmp_path)
    assert config.read_text() == "mine"
    to_ours(tmp_path, overwrite=True)
    assert json.loads(config.read_text())["n_layer"] == 2
    source = str(tmp_path / "hf")
    with pytest.raises(TargetExistsError, match="same folder"):
        convert(source, os.path.join(source, "."), target_format="hf", overwrite=True)


def test_what_would_be_taken_for_the_weights_files_is_not_left_there(hugging_face, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    stale = ["pytorch_model.bin", "model-00001-of-00002.safetensors", "added_tokens.json"]
    stale += ["tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json"]
    for name in (*stale, "README.md", "notes.txt"):
        (target / name).write_text("mine")
    source = str(tmp_path / "ours")
    with pytest.raises(TargetExistsError, match=r"README\.md, added_tokens\.json, .*--overwrite"):
        convert(source, str(target), target_format="hf")
    assert {file.read_text() for file in target.iterdir()} == {"mine"}
    convert(source, str(target), target_format="hf", overwrite=True)
    assert {file.name for file in target.iterdir()} == {
        *("README.md", "config.json", "model.safetensors", "notes.txt", "xlnet_weights.json")
    }
    assert (target / "README.md").read_text() != "mine"


@pytest.mark.parametrize("target_format", ["xlnet", "hf"])
def test_the_file_that_makes_a_folder_complete_is_written_last(
    hugging_face, tmp_path, target_format, monkeypatch
):
    source = str(tmp_path / ("hf" if target_format == "xlnet" else "ours"))
    target = tmp_path / "target"
    convert(source, str(target), target_format=target_format)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(description, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(source, str(target), target_format=target_format, overwrite=True)
    # Nothing is left that said something of the weights that were there before.
    left = {file.name.partition(".")[0] for file in target.iterdir()}
    assert left == {"xlnet_model" if target_format == "xlnet" else "model"}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("ours", {"task_name": "mnli"}, "--task-name is for Hugging Face folders"),
        ("hf", {"task_name": "mnli"}, "--task-name names a head for classes .* has none"),
        ("hf", {"config_path": "xlnet_config.json"}, "--model-config is for TF1 checkpoints"),
    ],
)
def test_an_option_of_no_use_is_said(hugging_face, tmp_path, source, options, message):
    with pytest.raises(WeightsError, match=message):
        convert(str(tmp_path / source), str(tmp_path / "out"), target_format="hf", **options)
    assert not (tmp_path / "out").exists()


def test_a_configuration_that_is_a_git_lfs_pointer_is_named_as_such(hugging_face, tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0"
    (tmp_path / "ours" / "xlnet_config.json").write_text(pointer)
    with pytest.raises(WeightsError, match=r"xlnet_config\.json is no configuration.*git lfs pull"):
        convert(str(tmp_path / "ours"), str(tmp_path / "out"), target_format="hf")


def test_folders_of_runs_and_exported_models_come_with_advice(tmp_path):
    weights = tmp_path / "artifacts/Trainer/model_run/9/xlnet/xlnet_model.ckpt.index"
    serving = tmp_path / "serving" / "1"
    for file in (weights, serving / "saved_model.pb"):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    for source, advice in ((tmp_path, "this run are in .*/9/xlnet"), (serving, "exported model")):
        with pytest.raises(WeightsError, match=f"holds no weights .*{advice}"):
            convert(str(source), str(tmp_path / "out"), target_format="hf")
    with pytest.raises(WeightsError, match=r"saved_model\.pb is a file; give the folder"):
        convert(str(serving / "saved_model.pb"), str(tmp_path / "out"), target_format="hf")


def test_a_failed_conversion_leaves_what_was_there(hugging_face, tmp_path):
    path, tensors = hugging_face
    to_ours(tmp_path)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    # Found only when all else has been read.
    tensors["transformer.word_embedding.weight"][3, 4] = np.inf
    safetensors.numpy.save_file(tensors, path)
    with pytest.raises(WeightsError, match="not finite"):
        to_ours(tmp_path, overwrite=True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_unknown_sources_are_named(tmp_path):
    with pytest.raises(WeightsError, match="holds no weights"):
        convert(str(tmp_path), str(tmp_path / "out"), target_format="hf")
    for source_format in ("auto", "tf1", "hf"):
        with pytest.raises(WeightsError, match=r"no file or folder .*nowhere.*hf download"):
            convert(
                str(tmp_path / "nowhere"),
                str(tmp_path / "out"),
                target_format="hf",
                source_format=source_format,
            )
    with pytest.raises(ValueError, match="target_format"):
        convert(str(tmp_path), str(tmp_path / "out"), target_format="onnx")


def test_a_folder_with_both_formats_needs_a_word(hugging_face, tmp_path):
    for file in (tmp_path / "ours").iterdir():
        (tmp_path / "hf" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(WeightsError, match="--from"):
        to_ours(tmp_path)
    assert to_ours(tmp_path, source_format="tf1").source_format == "tf1"


def test_checkpoints_of_a_run_are_pointed_elsewhere(tiny_models, tmp_path):
    import tensorflow as tf

    tiny_models.config().write(str(tmp_path / "xlnet_config.json"))
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "step-1"))
    with pytest.raises(WeightsError, match="'xlnet'"):
        convert(str(tmp_path), str(tmp_path / "out"), target_format="hf")


def test_all_that_the_command_offers_is_known():
    from components.checkpoint_conversion import command

    assert convert_lib.SOURCE_FORMATS == command.SOURCE_FORMATS
    assert convert_lib.TARGET_FORMATS == command.TARGET_FORMATS
