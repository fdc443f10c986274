import dataclasses
import json
import logging
import pathlib
import shutil

import numpy as np
import pytest

from components import configuration, manifest
from components.checkpoint_conversion import description, named_checkpoint
from components.modeling.config import XLNetConfig
from components.trainer import divergence, history
from components.trainer.classification.fine_tuning import FineTuningConfig, fine_tune
from components.trainer.initial_weights import InitialWeightsError
from components.trainer.training_run import completed
from tests.components.trainer.runs import with_training


@pytest.fixture(scope="module")
def config(fine_tuning_config) -> FineTuningConfig:
    return fine_tuning_config


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


def test_the_seed_of_a_training_is_that_of_its_initialisation_too(config, sample_records):
    made = manifest.read(sample_records.directory)
    seeded = with_training(config, seed=7)
    assert completed(seeded, made).options.init_seed == 7
    given = dataclasses.replace(seeded, options=dataclasses.replace(config.options, init_seed=3))
    assert completed(given, made).options.init_seed == 3


def test_double_precision_is_not_for_training(config, pretraining_config):
    for made in (config, pretraining_config):
        options = dataclasses.replace(made.options, compute_dtype="float64")
        with pytest.raises(ValueError, match="training computes in float32 or bfloat16"):
            dataclasses.replace(made, options=options)


class _MachineTakenAwayError(Exception):
    """Stands for the end of a machine."""


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    trained, config, sample_records, tmp_path, monkeypatch
):
    # Same stretches as `trained`, so that the loops sum the same numbers in the same order.
    record = history.History.record_training

    def interrupt(self, progress):
        if progress.step > 42:
            raise _MachineTakenAwayError
        record(self, progress)

    monkeypatch.setattr(history.History, "record_training", interrupt)
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


def test_micro_batches_make_the_updates_of_the_batch(config, sample_records, tmp_path):
    whole = dataclasses.replace(
        with_training(config, batch_size=20, train_steps=20, steps_per_loop=1, save_steps=20),
        options=dataclasses.replace(config.options, dropout=0.0, dropout_att=0.0),
    )
    run(whole, sample_records, tmp_path / "whole")
    run(with_training(whole, gradient_accumulation=4), sample_records, tmp_path / "parts")
    one, four = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    assert one.keys() == four.keys()
    np.testing.assert_allclose(list(one.values()), list(four.values()), atol=1e-6)


def test_weights_of_another_vocabulary_are_refused(config, sample_records, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "spiece.model").write_bytes(b"another vocabulary")
    other = dataclasses.replace(config, init_from=str(weights))
    with pytest.raises(manifest.ManifestError, match=r"another vocabulary \(sha256 0{64}\)"):
        run(other, sample_records, tmp_path / "run")


def test_the_digest_of_the_vocabulary_is_enough_to_refuse_it(
    trained, config, sample_records, tmp_path
):
    """Where `spiece.model` itself does not lie beside the weights, as in a `model_run`."""
    _, model_dir = trained
    weights = tmp_path / "weights"
    shutil.copytree(f"{model_dir}/xlnet", weights)
    assert not (weights / "spiece.model").exists()
    found = description.read(str(weights))
    assert found == description.Description("0" * 64, ("no", "yes"), False, False)
    description.write(str(weights), dataclasses.replace(found, vocabulary_sha256="1" * 64))
    other = dataclasses.replace(config, init_from=str(weights))
    with pytest.raises(manifest.ManifestError, match=r"sha256 0{64}\) than .* \(1{64}\)"):
        run(other, sample_records, tmp_path / "run")


def test_a_head_of_other_labels_is_taken_over_only_under_another_name(
    trained, config, sample_records, tmp_path, caplog
):
    _, model_dir = trained
    weights = tmp_path / "weights"
    shutil.copytree(f"{model_dir}/xlnet", weights)
    found = description.read(str(weights))
    description.write(str(weights), dataclasses.replace(found, labels=("yes", "no")))
    other = dataclasses.replace(config, init_from=str(weights))
    with pytest.raises(InitialWeightsError, match=r"labels yes, no, but this run has"):
        run(other, sample_records, tmp_path / "run")
    new_head = dataclasses.replace(with_training(other, train_steps=6), task_name="other")
    with caplog.at_level(logging.INFO, "components.trainer.loop"):
        run(new_head, sample_records, tmp_path / "run")
    new, left_out = (
        next(message for message in caplog.messages if begin in message)
        for begin in ("begin at random", "left out")
    )
    for message, task in ((new, "other"), (left_out, config.task_name.lower())):
        assert message.endswith(
            f": model/classification_{task}/logit/bias, model/classification_{task}/logit/kernel."
        )


def test_a_fine_tune_starts_from_heads_at_the_root(trained, config, sample_records, tmp_path):
    """A checkpoint as the published code fine-tunes one for another task."""
    _, model_dir = trained
    weights = tmp_path / "weights"
    shutil.copytree(f"{model_dir}/xlnet", weights)
    arrays = named_checkpoint.read_arrays(str(weights))
    encoder = {n: a for n, a in arrays.items() if n.startswith("model/transformer/")}
    del encoder["model/transformer/mask_emb/mask_emb"]
    heads = {"start_logits/dense/kernel": np.ones([16, 1], np.float32)}
    for file in weights.glob("xlnet_model.ckpt.*"):
        file.unlink()
    named_checkpoint.write_arrays(str(weights / "model.ckpt-8000"), encoder | heads)
    other = dataclasses.replace(
        with_training(config, train_steps=1, warmup_steps=0, learning_rate=1e-30),
        init_from=str(weights),
    )
    second = run(other, sample_records, tmp_path / "run")
    ours = named_checkpoint.variables_by_name(second.model.variables)
    for name, value in encoder.items():
        np.testing.assert_array_equal(ours[name].numpy(), value, err_msg=name)


def test_an_attempt_goes_on_where_the_one_before_ended(config, sample_records, tmp_path):
    short = with_training(config, train_steps=10, save_steps=5, steps_per_loop=5)

    def attempt(number, made):
        return fine_tune(
            made,
            records_dir=sample_records.directory,
            train_files=[sample_records.pattern("train")],
            eval_files=[sample_records.pattern("eval")],
            model_dir=str(tmp_path / f"execution{number}"),
            state_root=str(tmp_path / "state"),
        )

    first = attempt(1, short)
    second = attempt(2, with_training(short, max_to_keep=2))
    assert len(list((tmp_path / "state").iterdir())) == 1
    assert losses(tmp_path / "execution2") == losses(tmp_path / "execution1")
    for ours, theirs in zip(second.model.variables, first.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_divergence_ends_the_run_with_its_step(config, sample_records, tmp_path):
    hopeless = with_training(config, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(
        divergence.DivergenceError, match=r"diverged at update \d+ of 60.*learning_ra"
    ):
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


def test_the_vocabulary_says_how_many_pieces_there_are(config, sample_records, tmp_path):
    open_ended = dataclasses.replace(config, model=dataclasses.replace(config.model, n_token=None))
    result = run(open_ended, sample_records, tmp_path)
    (table,) = [v for v in result.model.variables if "lookup_table" in v.name]
    assert table.shape[0] == 200
    written = XLNetConfig.read(f"{tmp_path}/xlnet/xlnet_config.json")
    assert written.n_token == 200


def test_a_metric_that_is_none_is_named_when_the_configuration_is_read(config):
    plain = {**configuration.to_plain(config), "metric_names": ["acuracy"]}
    with pytest.raises(configuration.ConfigurationError, match="metrics names acuracy; those of"):
        configuration.build(FineTuningConfig, plain)
