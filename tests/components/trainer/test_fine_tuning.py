import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from components import manifest
from components.checkpoint_conversion import named_checkpoint
from components.trainer import actions
from components.trainer.config import TrainingConfig
from components.trainer.fine_tuning import FineTuningConfig, fine_tune


@pytest.fixture(scope="module")
def config(tiny_model, tiny_options) -> FineTuningConfig:
    return FineTuningConfig(
        kind="classification",
        task_name="sample",
        labels=("no", "yes"),
        metric_names=("accuracy", "matthews_correlation"),
        seq_len=8,
        uncased=False,
        model=tiny_model,
        options=tiny_options,
        training=TrainingConfig(
            batch_size=10,
            train_steps=60,
            learning_rate=5e-3,
            warmup_steps=5,
            eval_batch_size=16,
            steps_per_loop=7,
            save_steps=10,
            weight_decay=0.01,
        ),
    )


def with_training(config, **changes):
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def run(config, sample_records, model_dir):
    return fine_tune(
        config,
        records_dir=sample_records.directory,
        train_files=[sample_records.pattern("train")],
        eval_files=[sample_records.pattern("eval")],
        model_dir=str(model_dir),
    )


def losses(model_dir) -> dict[int, float]:
    lines = (pathlib.Path(model_dir) / "history" / "history.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    return {point["step"]: point["loss"] for point in points if point["kind"] == "train"}


@pytest.fixture(scope="module")
def trained(config, sample_records, tmp_path_factory):
    model_dir = tmp_path_factory.mktemp("trained")
    return run(config, sample_records, model_dir), model_dir


def test_it_learns_what_can_be_learnt(trained):
    result, model_dir = trained
    assert result.step == 60
    curve = losses(model_dir)
    assert curve[max(curve)] < 0.3 * curve[min(curve)]
    assert set(result.metrics) == {"loss", "accuracy", "matthews_correlation"}
    assert result.metrics["accuracy"] > 0.8


class _MachineTakenAwayError(Exception):
    """Stands for the end of a machine."""


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    trained, config, sample_records, tmp_path, monkeypatch
):
    # Same stretches as `trained`, so that the loops sum the same numbers in the same order.
    record = actions.History.record_training

    def interrupt(self, progress):
        if progress.step > 42:
            raise _MachineTakenAwayError
        record(self, progress)

    monkeypatch.setattr(actions.History, "record_training", interrupt)
    with pytest.raises(_MachineTakenAwayError):
        run(config, sample_records, tmp_path)
    monkeypatch.undo()
    resumed = run(config, sample_records, tmp_path)

    uninterrupted, _ = trained
    for ours, theirs in zip(resumed.model.variables, uninterrupted.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)


def test_a_complete_run_is_not_repeated(trained, config, sample_records):
    result, model_dir = trained
    before = losses(model_dir)
    again = run(config, sample_records, model_dir)
    assert losses(model_dir) == before
    assert again.metrics == pytest.approx(result.metrics)


def test_a_fine_tune_starts_from_the_encoder_of_another_run(
    trained, config, sample_records, tmp_path
):
    result, model_dir = trained
    other = dataclasses.replace(
        with_training(config, train_steps=1, warmup_steps=0, learning_rate=1e-30),
        task_name="another",
        init_from=f"{model_dir}/xlnet",
    )
    second = run(other, sample_records, tmp_path)
    ours = named_checkpoint.variables_by_name(second.model.variables)
    for name, value in named_checkpoint.variables_by_name(result.model.variables).items():
        if name.startswith("model/transformer/"):
            np.testing.assert_array_equal(ours[name].numpy(), value.numpy(), err_msg=name)


def test_two_replicas_make_the_same_updates_as_one(config, sample_records, tmp_path, monkeypatch):
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        pytest.skip("needs two logical CPU devices, set before TensorFlow starts")
    without_dropout = dataclasses.replace(
        with_training(config, train_steps=20),
        options=dataclasses.replace(config.options, dropout=0.0, dropout_att=0.0),
    )
    run(without_dropout, sample_records, tmp_path / "one")
    mirrored = with_training(without_dropout, strategy="mirrored")
    monkeypatch.setattr(
        tf.distribute,
        "MirroredStrategy",
        lambda make=tf.distribute.MirroredStrategy: make(["CPU:0", "CPU:1"]),
    )
    run(mirrored, sample_records, tmp_path / "two")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one.keys() == two.keys()
    np.testing.assert_allclose(list(one.values()), list(two.values()), atol=1e-5)


def test_divergence_ends_the_run_with_its_step(config, sample_records, tmp_path):
    hopeless = with_training(config, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(actions.DivergenceError, match=r"diverged by update \d+ of 60.*learning_ra"):
        run(hopeless, sample_records, tmp_path)


def test_records_of_another_configuration_are_refused(config, sample_records, tmp_path):
    longer = dataclasses.replace(config, seq_len=16)
    with pytest.raises(
        manifest.ManifestError, match="seq_len: the records have 8, the configuration asks for 16"
    ):
        run(longer, sample_records, tmp_path)


def test_a_vocabulary_of_another_size_is_refused(config, sample_records, tmp_path):
    larger = dataclasses.replace(config, model=dataclasses.replace(config.model, n_token=300))
    with pytest.raises(ValueError, match=r"vocabulary of 200 pieces.*n_token 300"):
        run(larger, sample_records, tmp_path)
