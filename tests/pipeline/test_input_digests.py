"""What TFX's cache compares: the same path with new content must not be the same parameters."""

import numpy as np
import pytest

from components.checkpoint_conversion import named_checkpoint
from pipeline import baseline, graph, input_digests, preset_loader

SEARCH = (
    "search={metric: accuracy, max_trials: 2, "
    "space: {training.learning_rate: {minimum: 1.0e-5, maximum: 1.0e-4, scale: log}}}"
)


def parameters(preset: str, *overrides: str) -> dict[str, dict]:
    """The parameters of all components as a local run passes them to TFX, by component."""
    config = preset_loader.load(preset, overrides)
    made = graph.create_pipeline(
        config, pipeline_root="root", resolve_baseline=baseline.blessed_before
    )
    input_digests.bind(made.components, config)
    return {
        node.id: dict(node.exec_properties) for node in made.components if hasattr(node, "spec")
    }


def changed(before: dict[str, dict], after: dict[str, dict]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("preset", ["sample", "sample_question_answering", "sample_pretraining"])
def test_other_weights_under_the_same_path_are_other_parameters(preset, tmp_path):
    def with_weights(value):
        weights = {"model/transformer/a": np.full(3, value, np.float32)}
        named_checkpoint.write_arrays(str(tmp_path), weights)
        return parameters(preset, f"init_from={tmp_path}")

    one, again, other = with_weights(1.0), with_weights(1.0), with_weights(2.0)
    assert changed(one, again) == set()
    assert changed(one, other) == {"Trainer"}


def test_a_search_is_made_again_with_other_weights(tmp_path):
    def with_weights(value):
        weights = {"model/transformer/a": np.full(3, value, np.float32)}
        named_checkpoint.write_arrays(str(tmp_path), weights)
        return parameters("sample", f"init_from={tmp_path}", SEARCH)

    assert changed(with_weights(1.0), with_weights(2.0)) == {"Tuner", "Trainer"}


def test_another_vocabulary_under_the_same_path_is_imported_anew(tmp_path):
    def with_vocabulary(content):
        (tmp_path / "spiece.model").write_bytes(content)
        model = f"vocabulary={{model: '{tmp_path}/spiece.model', size: null}}"
        return parameters("sample", model)

    assert changed(with_vocabulary(b"1"), with_vocabulary(b"2")) == {"SentencePieceGen"}


def test_other_records_to_mix_in_are_other_parameters(tmp_path):
    def with_manifest(content):
        (tmp_path / "manifest.json").write_text(content)
        return parameters("sample_pretraining", f"mix_with=[{{directory: '{tmp_path}'}}]")

    assert changed(with_manifest("{}"), with_manifest("{ }")) == {"Trainer"}


def test_nothing_is_added_where_nothing_is_read():
    assert not [name for name, given in parameters("sample").items() if "input_sha256" in given]
