"""The evaluator as TFX runs it, with models whose answers are known beforehand."""

import json
import pathlib

import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import channel_utils, standard_artifacts

from components import tf_examples, tfrecords
from components.evaluator.classification import component, executor
from components.evaluator.config import EvaluationConfig, Threshold

# What the models say, and the label. Three of four are right.
ROWS = [("a", "a"), ("b", "b"), ("a", "b"), ("b", "b")]
TEXT = tf.TensorSpec([None], tf.string)
EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")


class _Says(tf.Module):
    """Gives the label that a text begins with, in the signatures of `export.text_model`."""

    def __init__(self, labels):
        super().__init__()
        self.labels = tf.constant(labels)
        ids = tf.range(len(labels), dtype=tf.int64)
        # As in a Transform graph, a label that is not known has the id -1.
        self.ids = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(self.labels, ids), -1
        )

    def _predict(self, texts):
        scores = tf.one_hot(self.ids.lookup(tf.strings.substr(texts, 0, 1)), len(self.labels))
        return {"scores": scores, "label": tf.gather(self.labels, tf.argmax(scores, -1))}

    @tf.function(input_signature=[EXAMPLES])
    def serve_examples(self, examples):
        spec = {"text_a": tf.io.FixedLenFeature([], tf.string)}
        return self._predict(tf.io.parse_example(examples, spec)["text_a"])

    @tf.function(input_signature=[EXAMPLES])
    def transform_features(self, examples):
        spec = {"label": tf.io.FixedLenFeature([], tf.string)}
        label = tf.io.parse_example(examples, spec)["label"]
        return {"label_ids": self.ids.lookup(label), "length": tf.fill(tf.shape(label), "001-008")}

    @tf.function
    def serve_texts(self, text_a, text_b):
        found = self._predict(tf.strings.join([text_a, text_b]))
        return {**found, "labels": tf.repeat(self.labels[None], tf.size(text_a), 0)}

    @tf.function
    def serve_options(self, text_a, text_b, options):
        return {**self.serve_texts(text_a, text_b), "option": options[:, 0]}

    @tf.function
    def serve_number(self, text_a, text_b):
        return {"scores": self._predict(tf.strings.join([text_a, text_b]))["scores"][:, 0]}

    def default(self, kind):
        texts = {"text_a": TEXT, "text_b": TEXT}
        if kind == "multiple_choice":
            texts["options"] = tf.TensorSpec([None, len(self.labels)], tf.string)
            return self.serve_options.get_concrete_function(**texts)
        serve = self.serve_number if kind == "regression" else self.serve_texts
        return serve.get_concrete_function(**texts)


def save_model(directory, labels, kind="classification"):
    module = _Says(labels)
    tf.saved_model.save(
        module,
        f"{directory}/Format-Serving",
        signatures={
            "serving_default": module.default(kind),
            "serving_tf_examples": module.serve_examples,
            "transform_features": module.transform_features,
        },
    )
    artifact = standard_artifacts.Model()
    artifact.uri = str(directory)
    return artifact


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    artifact.split_names = json.dumps(["eval"])
    tfrecords.write_records(
        f"{artifact.uri}/Split-eval/data_tfrecord-00000-of-00001.gz",
        [
            tf_examples.encode({"text_a": [f"{said} text".encode()], "label": [label.encode()]})
            for said, label in ROWS
        ],
    )
    return artifact


def run(tmp_path, examples, model, labels, baseline):
    made = component.Evaluator(
        examples=channel_utils.as_channel([examples]),
        model=channel_utils.as_channel([model]),
        model_run=None,
        baseline_model=None,
        config=EvaluationConfig({"accuracy": Threshold(minimum=0.7, maximum_drop=0.0)}),
        metrics=["accuracy"],
        labels=labels,
        title="t",
        lineage={},
    )
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / "out"), str(tmp_path / "out" / "blessing")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(tmp_path / "temporary"),
        unique_id="1",
    )
    executor.Executor(context).Do(
        {"examples": [examples], "model": [model], "baseline_model": [baseline]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        dict(made.exec_properties),
    )
    results = json.loads((tmp_path / "out/results.json").read_text())
    return results, (tmp_path / "out/report.html").read_text(), blessing


NOT_COMPARED = "not compared with the latest blessed model"


def test_a_blessed_model_of_the_same_labels_is_compared_with(tmp_path, examples):
    model = save_model(tmp_path / "model", ["a", "b"])
    baseline = save_model(tmp_path / "baseline", ["a", "b"])
    results, report, blessing = run(tmp_path, examples, model, ["a", "b"], baseline)
    assert results["blessed"]
    assert results["metrics"]["accuracy"] == 0.75
    assert blessing.get_string_custom_property("baseline_model") == baseline.uri
    assert NOT_COMPARED not in report


@pytest.mark.parametrize(
    ("before", "now"),
    [
        # Without the check, the first two fail: an id is out of bounds. The third measures the old
        # model on the wrong labels.
        (["b", "c"], ["a", "b", "c"]),
        (["c", "b", "a"], ["a", "b"]),
        (["b", "a"], ["a", "b"]),
    ],
)
def test_a_blessed_model_of_other_labels_is_not_compared_with(tmp_path, examples, before, now):
    model = save_model(tmp_path / "model", now)
    baseline = save_model(tmp_path / "baseline", before)
    results, report, blessing = run(tmp_path, examples, model, now, baseline)
    assert results["blessed"]
    assert results["metrics"]["accuracy"] == 0.75
    assert pathlib.Path(blessing.uri, "BLESSED").exists()
    assert not blessing.has_custom_property("baseline_model")
    assert NOT_COMPARED in report
    line = f"Its labels are {', '.join(before)}, and those of the new one {', '.join(now)}."
    assert line in report
