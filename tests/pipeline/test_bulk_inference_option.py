import json

import pytest

from components.configuration import ConfigurationError
from pipeline import baseline, graph, preset_loader

STS_B = ["data.root=/data", "data.splits=[train, eval, test]", "vocabulary.model=/spiece.model"]


def test_splits_for_bulk_inference_must_be_those_of_the_data_set():
    config = preset_loader.load("sample", ["bulk_inference_splits=[test, eval]"])
    assert config.bulk_inference_splits == ("test", "eval")
    with pytest.raises(ValueError, match="bulk_inference_splits has tset; the data set has"):
        preset_loader.load("sample", ["bulk_inference_splits=[tset]"])


def test_question_answering_says_what_to_do_instead():
    with pytest.raises(ConfigurationError, match=r"has no bulk_inference_splits: .*--squad FILE"):
        preset_loader.load("sample_question_answering", ["bulk_inference_splits=[eval]"])


@pytest.mark.parametrize(
    ("preset", "overrides", "columns"),
    [
        ("sample", [], {"label": "predicted_label", "scores": "predicted_scores"}),
        ("sts_b_base", STS_B, {"scores": "predicted_scores"}),
    ],
)
def test_predictions_become_columns(preset, overrides, columns):
    config = preset_loader.load(preset, [*overrides, "bulk_inference_splits=[test]"])
    made = graph.create_pipeline(
        config, pipeline_root="root", resolve_baseline=baseline.blessed_before
    )
    (inferrer,) = (node for node in made.components if node.id == "BulkInferrer")
    assert set(inferrer.outputs) == {"output_examples"}
    (spec,) = json.loads(inferrer.exec_properties["output_example_spec"])["output_columns_spec"]
    found = spec["predict_output"]["output_columns"]
    assert {column["output_key"]: column["output_column"] for column in found} == columns
