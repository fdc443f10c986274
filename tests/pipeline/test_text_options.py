"""How texts are normalised reaches every component that normalises, or checks how it was done."""

import json

import pytest

from pipeline import baseline, graph, preset_loader


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("sample", ()),
        ("sample_question_answering", ()),
        ("sample_pretraining", ("records.keep_accents=true",)),
        ("race_large", ("data.root=/data", "vocabulary.model=/m", "init_from=/x")),
    ],
)
def test_accents_are_kept_from_the_vocabulary_to_the_export(preset, overrides):
    config = preset_loader.load(preset, ("vocabulary.keep_accents=true", *overrides))
    pipeline = graph.create_pipeline(config, pipeline_root="/tmp/r", resolve_baseline=baseline.none)
    properties = {node.id: getattr(node, "exec_properties", {}) for node in pipeline.components}
    own = {name for name, given in properties.items() if given.get("keep_accents") == 1}
    # The others get it with their configuration.
    nested = {
        name
        for name, given in properties.items()
        if '"keep_accents": true' in json.dumps(given).replace('\\"', '"').replace("\\", "")
    }
    preprocessor = next(name for name in properties if name.endswith("Preprocessor"))
    assert {"SentencePieceGen", preprocessor, "Trainer"} <= own | nested
    assert "keep_accents" not in json.dumps(
        [given for name, given in properties.items() if name not in own | nested]
    )
