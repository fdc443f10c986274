"""The evaluator of pretraining as TFX runs it, on weights that know nothing."""

import dataclasses
import json
import math

import pytest
from tfx.types import channel_utils, standard_artifacts

from components import files, manifest, tf_examples, tfrecords
from components.checkpoint_conversion import checkpoint_path, named_checkpoint
from components.evaluator.config import Threshold
from components.evaluator.pretraining import component, executor
from components.evaluator.pretraining.config import PretrainingEvaluationConfig
from components.export import saved_model_records
from components.modeling.config import ModelOptions, XLNetConfig
from components.trainer.config import TrainingConfig
from components.trainer.pretraining.pretrain import PretrainingConfig

ROWS, SEQ_LEN, N_TOKEN = 2, 8, 40

RUN = PretrainingConfig(
    seq_len=SEQ_LEN,
    num_predict=2,
    uncased=False,
    perm_size=4,
    model=XLNetConfig(
        n_token=N_TOKEN,
        n_layer=1,
        d_model=8,
        n_head=2,
        d_head=4,
        d_inner=8,
        ff_activation="gelu",
        untie_r=True,
    ),
    options=ModelOptions(mem_len=4, reuse_len=4, init_std=1e-6),
    training=TrainingConfig(
        batch_size=ROWS, train_steps=1, learning_rate=1.0, eval_batch_size=ROWS
    ),
)


@pytest.fixture
def records(tmp_path):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "records")
    name = "Split-eval/0.tfrecord"
    rows = [
        tf_examples.encode(
            {
                "input": [10 + i for i in range(SEQ_LEN)],
                "target": [11 + i for i in range(SEQ_LEN)],
                "seg_id": [0] * SEQ_LEN,
                "is_masked": [0, 1, 0, 0, 0, 1, 0, 0],
                "label": [1],
            }
        )
        for _ in range(3 * ROWS)
    ]
    tfrecords.write_records(f"{artifact.uri}/{name}", rows)
    manifest.Manifest(
        record_type="pretraining",
        parameters={
            "num_passes": 1,
            "batch_size": ROWS,
            "seq_len": SEQ_LEN,
            "reuse_len": 4,
            "bi_data": False,
            "num_cores": 1,
            "num_predict": 2,
            "uncased": False,
            "vocabulary_size": N_TOKEN,
        },
        vocabulary_sha256="0" * 64,
        shards={"eval": [name]},
        counts={f"records_of/{name}": len(rows), f"max_masked_of/{name}": 2},
    ).write(artifact.uri)
    return artifact


def save_model(directory, records, *, favourite=None, d_model=8):
    """A language model that finds all pieces equally likely, or one of them certain."""
    sizes = dataclasses.replace(RUN.model, d_model=d_model, d_head=d_model // 2)
    model = dataclasses.replace(RUN, model=sizes).make_task().build_model()
    by_name = named_checkpoint.variables_by_name(model.variables)
    if favourite is not None:
        by_name["model/lm_loss/bias"].assign([50.0 * (i == favourite) for i in range(N_TOKEN)])
    path = f"{directory}/Format-Serving"
    files.make_directory(path)
    named_checkpoint.write_arrays(path, by_name)
    sizes.write(f"{path}/{checkpoint_path.CONFIG_NAME}")
    saved_model_records.write(path, manifest.read(records.uri), names=("seq_len", "reuse_len"))
    artifact = standard_artifacts.Model()
    artifact.uri = str(directory)
    return artifact


def run(tmp_path, records, model, *, thresholds, baseline=None):
    made = component.PretrainingEvaluator(
        records=channel_utils.as_channel([records]),
        model=channel_utils.as_channel([model]),
        model_run=None,
        baseline_model=None,
        config=PretrainingEvaluationConfig(thresholds=thresholds),
        pretraining=RUN,
        title="t",
        lineage={},
    )
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / "out"), str(tmp_path / "out" / "blessing")
    inputs = {"records": [records], "model": [model]}
    if baseline is not None:
        inputs["baseline_model"] = [baseline]
    executor.Executor().Do(
        inputs, {"evaluation": [evaluation], "blessing": [blessing]}, dict(made.exec_properties)
    )
    return json.loads((tmp_path / "out" / "results.json").read_text()), blessing


def test_a_model_that_knows_nothing_is_as_perplexed_as_there_are_pieces(tmp_path, records):
    model = save_model(tmp_path / "model", records)
    results, blessing = run(
        tmp_path, records, model, thresholds={"perplexity": Threshold(maximum=41.0)}
    )
    assert results["metrics"]["perplexity"] == pytest.approx(N_TOKEN, rel=1e-4)
    assert results["metrics"]["loss"] == pytest.approx(math.log(N_TOKEN), rel=1e-4)
    assert results["blessed"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert (tmp_path / "out" / "blessing" / "BLESSED").is_file()
    assert "perplexity" in (tmp_path / "out" / "report.html").read_text()


def test_half_of_the_predictions_are_right_for_one_of_two_pieces(tmp_path, records):
    # The masked positions 1 and 5 hold the pieces 11 and 15.
    model = save_model(tmp_path / "model", records, favourite=11)
    baseline = save_model(tmp_path / "baseline", records)
    results, blessing = run(
        tmp_path,
        records,
        model,
        baseline=baseline,
        thresholds={
            "token_accuracy": Threshold(minimum=0.5, maximum_drop=0.1),
            "perplexity": Threshold(maximum_rise=1.0),
        },
    )
    assert results["metrics"]["token_accuracy"] == pytest.approx(0.5)
    assert results["metrics"]["loss"] == pytest.approx(25.0, rel=1e-4)
    (failure,) = results["failures"]
    assert "higher than that of the latest blessed model (40.0" in failure
    assert blessing.get_int_custom_property("blessed") == 0


def test_a_model_of_another_size_is_measured_and_one_of_other_records_refused(tmp_path, records):
    thresholds = {"perplexity": Threshold(maximum=41.0)}
    larger = save_model(tmp_path / "larger", records, d_model=16)
    results, _ = run(tmp_path, records, larger, thresholds=thresholds)
    assert results["metrics"]["perplexity"] == pytest.approx(N_TOKEN, rel=1e-4)
    made_with = tmp_path / "larger" / "Format-Serving" / "assets.extra" / "records.json"
    changed = json.loads(made_with.read_text()) | {"seq_len": 16}
    made_with.write_text(json.dumps(changed))
    with pytest.raises(manifest.ManifestError, match="seq_len"):
        run(tmp_path, records, larger, thresholds=thresholds)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"perplexity": {"minimum": 1.0}}, "of perplexity less is better"),
        ({"token_accuracy": {"maximum": 1.0}}, "of token_accuracy more is better"),
        ({"accuracy": {"minimum": 1.0}}, "names accuracy; this task measures perplexity"),
        ({}, "thresholds is empty"),
    ],
)
def test_thresholds_bound_from_the_side_that_is_worse(values, message):
    with pytest.raises(ValueError, match=message):
        PretrainingEvaluationConfig(
            thresholds={name: Threshold(**bounds) for name, bounds in values.items()}
        )
