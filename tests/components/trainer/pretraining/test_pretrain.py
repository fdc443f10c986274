import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from components import manifest
from components.checkpoint_conversion import named_checkpoint
from components.manifest import ManifestError
from components.trainer import history
from components.trainer.pretraining.pretrain import PretrainingConfig, evaluate, pretrain
from components.trainer.pretraining.pretraining_schedule import Corpus, PretrainingInputError
from tests.components.trainer.runs import with_training
from tests.components.trainer.tiny_corpus import MEM_LEN, REUSE_LEN, ROWS, SEQ_LEN

MEMORY_IN_CHECKPOINT = "carried_state/mems/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.fixture(scope="module")
def config(pretraining_config) -> PretrainingConfig:
    return pretraining_config


@pytest.fixture(scope="module")
def two_layers(config) -> PretrainingConfig:
    """Each layer has a memory of its own."""
    return dataclasses.replace(config, model=dataclasses.replace(config.model, n_layer=2))


def losses(model_dir) -> dict[int, float]:
    lines = (pathlib.Path(model_dir) / "history" / "history.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    return {point["step"]: point["loss"] for point in points if point["kind"] == "train"}


@pytest.fixture(scope="module")
def trained(two_layers, corpus, tmp_path_factory):
    model_dir = tmp_path_factory.mktemp("trained")
    return pretrain(two_layers, records_dir=corpus, model_dir=str(model_dir)), model_dir


def test_it_learns_what_can_be_learnt(trained):
    result, model_dir = trained
    curve = losses(model_dir)
    assert curve[max(curve)] < 0.5 * curve[min(curve)]
    assert set(result.metrics) == {"loss", "perplexity", "token_accuracy"}
    assert result.metrics["perplexity"] == pytest.approx(np.exp(result.metrics["loss"]))
    # Guessing among the 40 tokens in use gives a perplexity of 40 and an accuracy of 1 in 40.
    assert result.metrics["perplexity"] < 15
    assert result.metrics["token_accuracy"] > 0.2


class _MachineTakenAwayError(Exception):
    """Stands for the end of a machine."""


def test_an_interrupted_run_ends_with_weights_and_memory_of_an_uninterrupted_one(
    trained, two_layers, corpus, tmp_path, monkeypatch
):
    record = history.History.record_training

    def interrupt(self, progress):
        if progress.step > 62:
            raise _MachineTakenAwayError
        record(self, progress)

    monkeypatch.setattr(history.History, "record_training", interrupt)
    with pytest.raises(_MachineTakenAwayError):
        pretrain(two_layers, records_dir=corpus, model_dir=str(tmp_path))
    monkeypatch.undo()
    resumed = pretrain(two_layers, records_dir=corpus, model_dir=str(tmp_path))

    uninterrupted, model_dir = trained
    for ours, theirs in zip(resumed.model.variables, uninterrupted.model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)
    memory, other = (
        tf.train.load_variable(
            f"{path}/checkpoints/step-90", "carried_state/mems/.ATTRIBUTES/VARIABLE_VALUE"
        )
        for path in (tmp_path, model_dir)
    )
    assert memory.shape == (2, ROWS, MEM_LEN, 16)
    assert np.abs(memory).max(axis=(2, 3)).min() > 0
    np.testing.assert_array_equal(memory, other)


def test_memory_goes_on_from_one_call_of_the_loop_to_the_next(config, corpus, tmp_path):
    by_loop_length = {}
    for steps_per_loop in (1, 12):
        model_dir = tmp_path / str(steps_per_loop)
        short = with_training(
            config,
            train_steps=12,
            steps_per_loop=steps_per_loop,
            save_steps=12,
            eval_steps_interval=12,
        )
        pretrain(short, records_dir=corpus, model_dir=str(model_dir))
        by_loop_length[steps_per_loop] = losses(model_dir)
    mean = np.mean(list(by_loop_length[1].values()))
    assert by_loop_length[12][12] == pytest.approx(mean, rel=1e-6)


def test_a_row_that_begins_a_file_starts_with_empty_memory(config):
    task = dataclasses.replace(
        config, options=dataclasses.replace(config.options, dropout=0.0, dropout_att=0.0)
    ).make_task()
    model = task.build_model()
    rng = np.random.default_rng(0)
    features = {
        "input_k": tf.constant(rng.integers(10, 50, [ROWS, SEQ_LEN]), tf.int32),
        "seg_id": tf.zeros([ROWS, SEQ_LEN], tf.int32),
        "perm_mask": tf.zeros([ROWS, SEQ_LEN, SEQ_LEN]),
        "target_positions": tf.constant([[3, 8]] * ROWS),
        "target": tf.constant([[11, 12]] * ROWS),
        "target_mask": tf.constant([[1.0, 0.0]] * ROWS),
        "continues": tf.constant([True, False, True, False]),
    }
    remembered = {"mems": tf.constant(rng.normal(size=[1, ROWS, MEM_LEN, 16]), tf.float32)}

    outputs, state = task.evaluation_outputs(model, features, remembered)

    everything = {**features, "continues": tf.constant([True] * ROWS)}
    as_if_empty, _ = task.evaluation_outputs(model, everything, task.initial_state(ROWS))
    as_if_kept, _ = task.evaluation_outputs(model, everything, remembered)
    loss = outputs["loss"].numpy()
    np.testing.assert_array_equal(loss[[1, 3]], as_if_empty["loss"].numpy()[[1, 3]])
    np.testing.assert_array_equal(loss[[0, 2]], as_if_kept["loss"].numpy()[[0, 2]])
    assert np.all(loss != np.where([True, False] * 2, as_if_empty["loss"], as_if_kept["loss"]))
    # The last of the memory is the reused part of the segment's embeddings.
    embedded = model.encoder.word_embedding(features["input_k"])[:, :REUSE_LEN]
    np.testing.assert_allclose(state["mems"][0, :, -REUSE_LEN:], embedded, atol=1e-6)
    assert outputs["tokens"].numpy().tolist() == [1.0] * ROWS


def test_two_replicas_make_the_same_updates_as_one(config, corpus, tmp_path):
    without_dropout = dataclasses.replace(
        with_training(
            config,
            train_steps=20,
            batch_size=2 * ROWS,
            save_steps=20,
            eval_batch_size=2 * ROWS,
            eval_steps_interval=20,
        ),
        options=dataclasses.replace(config.options, dropout=0.0, dropout_att=0.0),
    )
    one = pretrain(without_dropout, records_dir=corpus, model_dir=str(tmp_path / "one"))
    mirrored = with_training(without_dropout, strategy="mirrored")
    two = pretrain(mirrored, records_dir=corpus, model_dir=str(tmp_path / "two"))
    first, second = losses(tmp_path / "one"), losses(tmp_path / "two")
    np.testing.assert_allclose(list(first.values()), list(second.values()), atol=1e-5)
    assert one.metrics == pytest.approx(two.metrics, rel=1e-4)


def test_micro_batches_keep_the_memory_of_their_rows(config, corpus, tmp_path):
    whole = dataclasses.replace(
        with_training(
            config,
            train_steps=12,
            batch_size=2 * ROWS,
            steps_per_loop=1,
            save_steps=12,
            eval_steps_interval=12,
        ),
        options=dataclasses.replace(config.options, dropout=0.0, dropout_att=0.0),
    )
    pretrain(whole, records_dir=corpus, model_dir=str(tmp_path / "whole"))
    parts = with_training(whole, gradient_accumulation=4)
    pretrain(parts, records_dir=corpus, model_dir=str(tmp_path / "parts"))
    one, four = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    assert one.keys() == four.keys()
    np.testing.assert_allclose(list(one.values()), list(four.values()), atol=1e-6)


def test_weights_are_measured_as_they_were_in_training(trained, two_layers, corpus):
    result, model_dir = trained
    again = evaluate(two_layers, records_dir=corpus, weights=f"{model_dir}/xlnet")
    assert again == pytest.approx(result.metrics, rel=1e-6)


def test_pretraining_goes_on_from_weights_to_the_bit(trained, two_layers, corpus, tmp_path):
    result, model_dir = trained
    still = with_training(
        two_layers, train_steps=1, warmup_steps=0, learning_rate=1e-30, eval_steps_interval=1
    )
    continued = pretrain(
        dataclasses.replace(still, init_from=f"{model_dir}/xlnet"),
        records_dir=corpus,
        model_dir=str(tmp_path),
    )
    ours = named_checkpoint.variables_by_name(continued.model.variables)
    for name, value in named_checkpoint.variables_by_name(result.model.variables).items():
        np.testing.assert_array_equal(ours[name].numpy(), value.numpy(), err_msg=name)


def test_records_and_configuration_that_disagree_are_refused(config, corpus, tmp_path):
    other = dataclasses.replace(
        config,
        num_predict=6,
        options=dataclasses.replace(config.options, reuse_len=6, bi_data=False),
    )
    with pytest.raises(
        ManifestError,
        match=r"bi_data: .*True.*False; num_predict: .* 4, .* 6; reuse_len: .* 8, .* 6",
    ):
        pretrain(other, records_dir=corpus, model_dir=str(tmp_path))
    with pytest.raises(ManifestError, match=r"no manifest\.json"):
        pretrain(
            dataclasses.replace(config, mix_with=(Corpus(str(tmp_path)),)),
            records_dir=corpus,
            model_dir=str(tmp_path),
        )
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_batch_that_the_held_out_files_do_not_fill_shrinks(
    config, corpus, tmp_path, caplog
):
    wide = with_training(config, eval_batch_size=3 * ROWS)
    shrunk = pretrain(wide, records_dir=corpus, model_dir=str(tmp_path / "wide"))
    files = len(manifest.read(corpus).shards["eval"])
    assert f"evaluating in batches of at most {files * ROWS}" in caplog.text
    fitting = with_training(config, eval_batch_size=files * ROWS)
    expected = pretrain(fitting, records_dir=corpus, model_dir=str(tmp_path / "fitting"))
    assert shrunk.metrics == expected.metrics


def test_a_size_that_does_not_fit_is_named_by_its_setting(config, corpus, tmp_path):
    with pytest.raises(PretrainingInputError, match=r"^training.eval_batch_size is 6, .* 4 rows"):
        pretrain(
            with_training(config, eval_batch_size=6), records_dir=corpus, model_dir=str(tmp_path)
        )
