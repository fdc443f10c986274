"""Measures how long a training waits for its data, and how long it takes to its first update.

    python -m benchmarks.input_wait

It trains the small model (2 layers, 128 wide) on the CPU, on made-up records with the shapes of
SST-2 (64 × 64) and of pretraining (32 × 128, with a memory of 64). The comparison is with the same
updates on a single batch that is ready in memory: the additional time with the real input is
waiting, in percent of the time with the real input. Rounds of both alternate, and their medians are
compared.
"""

from __future__ import annotations

import time

STARTED = time.monotonic()

import statistics  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402

import numpy as np  # noqa: E402

import components  # noqa: E402, F401  (environment before TensorFlow)
from components import manifest, tf_examples, tfrecords  # noqa: E402
from components.modeling.config import ModelOptions, XLNetConfig  # noqa: E402
from components.trainer.config import TrainingConfig  # noqa: E402

MODEL = XLNetConfig(
    n_token=32_000,
    n_layer=2,
    d_model=128,
    n_head=4,
    d_head=32,
    d_inner=512,
    ff_activation="gelu",
    untie_r=True,
)
ROUNDS, STEPS = 5, 20
RECORDS = 4096


def main() -> None:
    """Measures the input of classification and that of pretraining."""
    with tempfile.TemporaryDirectory() as directory:
        for name, prepare in (("classification", _classification), ("pretraining", _pretraining)):
            measure(name, *prepare(f"{directory}/{name}"))


def measure(name: str, task, config: TrainingConfig, data) -> None:
    """Prints how long one kind of input makes a training wait, and the time to the first update.

    Args:
        name: name of the kind, for the output.
        task: task of the training loop.
        config: configuration of the training.
        data: the real input.
    """
    import tensorflow as tf

    from components.trainer import optimization
    from components.trainer.carried_state import CarriedState
    from components.trainer.input_share import EVERYTHING
    from components.trainer.steps import TrainSteps

    model = task.build_model()
    optimizer = optimization.make_optimizer(config, [v.name for v in model.trainable_variables])
    optimizer.build(model.trainable_variables)
    strategy = tf.distribute.get_strategy()
    steps = TrainSteps(
        task=task,
        model=model,
        optimizer=optimizer,
        state=CarriedState(task.initial_state(config.batch_size), strategy),
        config=config,
        strategy=strategy,
        jit_compile=False,
    )
    real = data.training_batches(0, num_steps=config.train_steps, share=EVERYTHING)
    iterators = {"real": iter(real), "ready": iter(real.take(1).cache().repeat())}
    steps.run(iterators["real"], 1)
    print(f"{name:15} first update after {time.monotonic() - STARTED:.1f} s of this process")
    # The loop is traced again for the other iterator; do that before anything is timed.
    steps.run(iterators["ready"], 1)
    seconds: dict[str, list[float]] = {"real": [], "ready": []}
    for _ in range(ROUNDS):
        for kind, iterator in iterators.items():
            started = time.monotonic()
            steps.run(iterator, STEPS)
            seconds[kind].append((time.monotonic() - started) / STEPS)
    real_time, ready_time = (statistics.median(seconds[kind]) for kind in ("real", "ready"))
    waiting = max(0.0, 1 - ready_time / real_time)
    print(
        f"{name:15} {real_time * 1e3:.1f} ms an update, {ready_time * 1e3:.1f} ms with the batch "
        f"ready: {waiting:.1%} waiting",
        flush=True,
    )


def _classification(directory: str):
    from components.records import CLASSIFICATION
    from components.trainer.classification.tasks import ClassificationTask
    from components.trainer.record_input import FineTuningData, RecordFiles

    seq_len = 64
    rng = np.random.default_rng(0)
    _write(
        f"{directory}/examples-00000-of-00001.gz",
        lambda: {
            "input_ids": rng.integers(10, MODEL.n_token, seq_len).tolist(),
            "input_mask": [0.0] * seq_len,
            "segment_ids": [0] * seq_len,
            "label_ids": [int(rng.integers(2))],
            "is_real_example": [1],
        },
    )
    config = TrainingConfig(batch_size=64, train_steps=1000, learning_rate=1e-4)
    data = FineTuningData(config, RecordFiles([f"{directory}/*"], CLASSIFICATION, seq_len), None)
    return (
        ClassificationTask(MODEL, ModelOptions(), "sst-2", ("0", "1"), ("accuracy",)),
        config,
        data,
    )


def _pretraining(directory: str):
    from components.trainer.pretraining.pretrain import PretrainingData
    from components.trainer.pretraining.pretraining_input import (
        PretrainingInput,
        PretrainingInputConfig,
    )
    from components.trainer.pretraining.pretraining_schedule import Corpus
    from components.trainer.pretraining.task import PretrainingTask

    rows, seq_len, reuse_len, num_predict = 32, 128, 64, 21
    rng = np.random.default_rng(0)
    positions = set(range(3, 3 + 6 * num_predict, 6))

    def record() -> dict[str, list[int]]:
        tokens = rng.integers(10, MODEL.n_token, seq_len).tolist()
        return {
            "input": tokens,
            "target": tokens,
            "seg_id": [0] * seq_len,
            "is_masked": [int(place in positions) for place in range(seq_len)],
            "label": [1],
        }

    name = "Split-train/0.tfrecord"
    _write(f"{directory}/{name}", record)
    manifest.Manifest(
        record_type="pretraining",
        parameters={
            "batch_size": rows,
            "seq_len": seq_len,
            "reuse_len": reuse_len,
            "bi_data": False,
            "num_cores": 1,
            "num_predict": num_predict,
        },
        vocabulary_sha256="",
        shards={"train": [name]},
        counts={f"records_of/{name}": RECORDS, f"max_masked_of/{name}": num_predict},
    ).write(directory)
    config = TrainingConfig(batch_size=rows, train_steps=1000, learning_rate=1e-4)
    records = PretrainingInput(
        PretrainingInputConfig(
            corpora=(Corpus(directory),),
            split="train",
            batch_size=rows,
            seq_len=seq_len,
            reuse_len=reuse_len,
            bi_data=False,
            perm_size=reuse_len,
            num_predict=num_predict,
            seed=0,
        )
    )
    options = ModelOptions(dropout=0.0, dropout_att=0.0, mem_len=64, reuse_len=reuse_len)
    return PretrainingTask(MODEL, options), config, PretrainingData(config, records, None)


def _write(path: str, record: Callable[[], dict]) -> None:
    tfrecords.write_records(path, [tf_examples.encode(record()) for _ in range(RECORDS)])


if __name__ == "__main__":
    main()
