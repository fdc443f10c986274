import dataclasses
import itertools
import json
import os
import re
import socket
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceStrategy

from components.trainer import loop, strategy
from components.trainer.classification.fine_tuning import FineTuningConfig
from components.trainer.config import TrainingConfig
from components.trainer.record_input import FineTuningData
from components.trainer.strategy import DeviceError

from . import worker
from .runs import points, with_training
from .test_resume import MEMORY


def config(**changes):
    defaults = {"batch_size": 12, "eval_batch_size": 12, "train_steps": 10, "learning_rate": 1e-3}
    return TrainingConfig(**(defaults | changes))


@pytest.mark.parametrize(
    ("batch", "replicas", "message"),
    [
        ({"size": 10}, 8, r"batch_size is 10, which 8 replicas cannot .* are 8 or 16\."),
        ({"size": 3}, 8, r"nearest legal sizes are 8\."),
        ({"size": 12, "micro_batches": 3}, 8, r"8 replicas in 3 micro-batches cannot .* are 24\."),
    ],
)
def test_batches_that_cannot_be_shared_are_errors_with_the_legal_neighbours(
    batch, replicas, message
):
    with pytest.raises(DeviceError, match=message):
        strategy.check_batch("batch_size", replicas=replicas, **batch)


def test_mirrored_takes_all_devices_of_the_machine():
    made = strategy.make_strategy(config(strategy="mirrored"))
    assert made.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))
    assert strategy.is_chief(made)


def test_an_evaluation_batch_is_checked_where_there_is_an_evaluation(
    fine_tuning_config, sample_records, tmp_path
):
    uneven = config(strategy="mirrored", eval_batch_size=13)
    strategy.make_strategy(uneven)
    data = FineTuningData(uneven, *(sample_records.make(split) for split in ("train", "eval")), 2)
    with pytest.raises(DeviceError, match=r"eval_batch_size is 13, .* are 12 or 14\."):
        loop.train(
            task=fine_tuning_config.make_task(),
            config=uneven,
            data=data,
            model_dir=str(tmp_path),
        )


def test_xla_for_mirrored_cpus_is_refused():
    with pytest.raises(DeviceError, match=r"cannot compile .* mirrored CPU .* to auto or false"):
        strategy.make_strategy(config(strategy="mirrored", jit_compile=True))


def test_a_tpu_that_is_not_there_is_one_error():
    with pytest.raises(
        DeviceError, match=r"(?s)No TPU could be reached as 'local'.*tensorflow-tpu"
    ):
        strategy.make_strategy(config(strategy="tpu"))


def test_a_cluster_is_read_as_vertex_describes_it():
    # cloud.google.com/vertex-ai/docs/training/distributed-training
    text = json.dumps(
        {
            "cluster": {"chief": ["a:2222"], "worker": ["b:2222", "c:2222"]},
            "environment": "cloud",
            "task": {"type": "worker", "index": 1},
            "job": "{}",
        }
    )
    assert strategy.read_cluster(text) == strategy.Cluster(("a:2222", "b:2222", "c:2222"), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "should be a JSON object"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "worker 1"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "ps 0"),
    ],
)
def test_what_is_no_cluster_is_an_error(text, message):
    with pytest.raises(DeviceError, match=message):
        strategy.read_cluster(text)


def test_a_remote_tpu_is_not_given_folders_of_this_machine():
    remote = config(strategy="tpu", tpu="mine")
    remote.check_folder("gs://bucket/run")
    config(strategy="tpu").check_folder("runs/mine")
    config().check_folder("runs/mine")
    with pytest.raises(ValueError, match=r"training.tpu is 'mine'.*runs/mine is a folder of this"):
        remote.check_folder("runs/mine")


def test_workers_gather_values_of_all_types_with_one_graph_each():
    # The collective operations of workers, between two devices of this process.
    devices = CollectiveAllReduceStrategy._from_local_devices(("/device:CPU:0", "/device:CPU:1"))
    gathering = strategy._gathering(devices, 1)
    dtypes = (tf.float32, tf.int64, tf.bfloat16)
    for dtype, first in itertools.product(dtypes, range(2)):
        value = devices.experimental_distribute_values_from_function(
            lambda context, row=(first, dtype): tf.cast(
                [[row[0], context.replica_id_in_sync_group]], row[1]
            )
        )
        joined = gathering(value)
        assert joined.dtype == dtype
        assert tf.cast(joined, tf.int32).numpy().tolist() == [[first, 0, first, 1]]
    assert gathering.experimental_get_tracing_count() == len(dtypes)


def test_workers_without_a_cluster_are_an_error(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(DeviceError, match="TF_CONFIG is not set"):
        strategy.make_strategy(config(strategy="multi_worker"))


def fine_tuning(tiny_model, tiny_options, **changes) -> FineTuningConfig:
    training = {
        "batch_size": 10,
        "train_steps": 50,
        "learning_rate": 5e-3,
        "warmup_steps": 5,
        "eval_batch_size": 16,
        "eval_steps_interval": 25,
        "steps_per_loop": 1,
        "save_steps": 25,
    }
    return FineTuningConfig(
        kind="classification",
        task_name="sample",
        labels=("no", "yes"),
        metric_names=("accuracy",),
        seq_len=8,
        uncased=False,
        model=tiny_model,
        options=dataclasses.replace(tiny_options, dropout=0.0, dropout_att=0.0),
        training=TrainingConfig(**(training | changes)),
    )


def start_workers(config, records_dir, directory, *, kind="fine_tuning", folders=("workers",) * 2):
    """Two processes on this machine, which train together into folders of `directory`."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    processes = []
    for index in range(2):
        cluster = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        processes.append(
            worker.start(
                kind,
                config,
                records_dir,
                directory / folders[index],
                directory=directory / f"worker{index}",
                # One core for each.
                env=os.environ | {"TF_CONFIG": json.dumps(cluster), "TF_NUM_INTRAOP_THREADS": "1"},
            )
        )
    return processes


@pytest.mark.e2e
def test_a_lost_worker_is_one_error_for_the_others(
    tiny_model, tiny_options, sample_records, tmp_path
):
    endless = fine_tuning(
        tiny_model, tiny_options, strategy="multi_worker", train_steps=100_000, save_steps=10
    )
    processes = start_workers(endless, sample_records.directory, tmp_path)
    try:
        saved = tmp_path / "workers" / "checkpoints" / "step-10.index"
        deadline = time.monotonic() + 200
        while not saved.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        processes[1].kill()
        assert processes[0].wait(120) == 1
    finally:
        for process in processes:
            process.kill()
    log = (tmp_path / "worker0" / "log").read_text()
    assert re.search(r"DeviceError: The workers no longer compute together after update \d+", log)
    assert re.search(r"go on from the checkpoint of update \d+0\.", log)


@pytest.mark.e2e
def test_workers_end_after_the_same_update_when_one_of_them_is_asked_to(
    tiny_model, tiny_options, sample_records, tmp_path
):
    # One loop, from which nothing but the request leads out.
    endless = fine_tuning(
        tiny_model,
        tiny_options,
        strategy="multi_worker",
        **dict.fromkeys(("train_steps", "steps_per_loop", "save_steps"), 1_000_000),
        eval_steps_interval=1_000_000,
    )
    processes = start_workers(endless, sample_records.directory, tmp_path)
    try:
        started = tmp_path / "workers" / "checkpoints" / "step-0.index"
        deadline = time.monotonic() + 200
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(5)  # somewhere in the loop
        processes[1].terminate()
        assert [process.wait(60) for process in processes] == [1, 1]
    finally:
        for process in processes:
            process.kill()
    asked = re.compile(r"asked to end \((.*)\) after update (\d+) of 1000000")
    found = [asked.search((tmp_path / f"worker{n}" / "log").read_text()) for n in range(2)]
    assert [match[1] for match in found] == ["by another worker", "SIGTERM"]
    steps = {int(match[2]) for match in found}
    assert len(steps) == 1
    assert (tmp_path / "workers" / "checkpoints" / f"step-{steps.pop()}.index").exists()


@pytest.mark.e2e
def test_workers_that_find_different_checkpoints_do_not_train(
    tiny_model, tiny_options, sample_records, tmp_path
):
    one = fine_tuning(tiny_model, tiny_options, train_steps=20)
    worker.train("fine_tuning", one, sample_records.directory, tmp_path / "first")
    both = dataclasses.replace(
        one, training=dataclasses.replace(one.training, strategy="multi_worker")
    )
    processes = start_workers(both, sample_records.directory, tmp_path, folders=("first", "second"))
    try:
        assert [process.wait(200) for process in processes] == [1, 1]
    finally:
        for process in processes:
            process.kill()
    for index, own in enumerate((20, 0)):
        log = (tmp_path / f"worker{index}" / "log").read_text()
        assert f"DeviceError: This worker has the weights of update {own}, but" in log
        assert "checkpoints of different updates: 0, 20." in log
    assert not (tmp_path / "second" / "checkpoints").exists()


@pytest.mark.e2e
def test_workers_carry_a_memory_of_bfloat16(pretraining_config, corpus, tmp_path):
    def placed(name):
        return dataclasses.replace(
            with_training(
                pretraining_config,
                strategy=name,
                train_steps=6,
                steps_per_loop=2,
                save_steps=2,
                eval_steps_interval=6,
            ),
            options=dataclasses.replace(
                pretraining_config.options, compute_dtype="bfloat16", dropout=0.0, dropout_att=0.0
            ),
        )

    processes = start_workers(placed("multi_worker"), corpus, tmp_path, kind="pretraining")
    try:
        worker.train("pretraining", placed("one_device"), corpus, tmp_path / "one")
        for index, process in enumerate(processes):
            assert process.wait(300) == 0, (tmp_path / f"worker{index}" / "log").read_text()[-3000:]
    finally:
        for process in processes:
            process.kill()
    expected, actual = points(tmp_path / "one"), points(tmp_path / "workers")
    assert [(p["kind"], p["step"]) for p in actual] == [(p["kind"], p["step"]) for p in expected]
    np.testing.assert_allclose(
        [p["loss"] for p in actual], [p["loss"] for p in expected], rtol=0.02
    )
    workers, one = (
        tf.train.load_variable(f"{tmp_path}/{name}/checkpoints/step-6", MEMORY).astype(np.float32)
        for name in ("workers", "one")
    )
    # Each worker has a forward and a backward row.
    np.testing.assert_allclose(workers, one[:, [0, 2, 1, 3]], atol=0.1)
    assert one.any()


@pytest.mark.e2e
def test_two_processes_and_two_devices_give_the_losses_of_one(
    tiny_model, tiny_options, sample_records, tmp_path
):
    one = fine_tuning(tiny_model, tiny_options)

    def placed(name):
        return dataclasses.replace(one, training=dataclasses.replace(one.training, strategy=name))

    processes = start_workers(placed("multi_worker"), sample_records.directory, tmp_path)
    try:
        worker.train("fine_tuning", one, sample_records.directory, tmp_path / "one")
        worker.train(
            "fine_tuning", placed("mirrored"), sample_records.directory, tmp_path / "mirrored"
        )
        for index, process in enumerate(processes):
            assert process.wait(300) == 0, (tmp_path / f"worker{index}" / "log").read_text()[-3000:]
    finally:
        for process in processes:
            process.kill()
    expected = points(tmp_path / "one")
    assert [point["step"] for point in expected if point["kind"] == "train"] == [*range(1, 51)]
    for other in ("mirrored", "workers"):
        actual = points(tmp_path / other)
        assert [(p["kind"], p["step"]) for p in actual] == [
            (p["kind"], p["step"]) for p in expected
        ]
        np.testing.assert_allclose(
            [p["loss"] for p in actual], [p["loss"] for p in expected], atol=1e-5, err_msg=other
        )
    # Only one of them writes.
    names = sorted(path.name for path in (tmp_path / "workers" / "checkpoints").glob("*.index"))
    assert names == ["step-0.index", "step-25.index", "step-50.index"]
