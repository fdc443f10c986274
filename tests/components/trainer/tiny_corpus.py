"""Records of a tiny corpus, from which pretraining can learn within seconds."""

import dataclasses
import pathlib

from components import tf_examples, tfrecords
from components.manifest import Manifest
from components.modeling.config import ModelOptions, XLNetConfig
from components.trainer.config import TrainingConfig
from components.trainer.pretraining.pretrain import PretrainingConfig

ROWS, SEQ_LEN, REUSE_LEN, MEM_LEN, N_TOKEN = 4, 16, 8, 12, 200
MASKED = (2, 5, 9, 11)


def write(directory: pathlib.Path) -> None:
    """Rows of one token each, another in every file: what is masked stands everywhere around."""
    shards, counts = {"train": [], "eval": []}, {}
    for split, sizes in (("train", [5, 7, 6]), ("eval", [3, 2])):
        for number, num_batches in enumerate(sizes):
            name = f"Split-{split}/{number}.tfrecord"
            records = []
            for _ in range(num_batches):
                for row in range(ROWS):
                    tokens = [10 + (17 * row + 5 * number) % 40] * SEQ_LEN
                    records.append(
                        tf_examples.encode(
                            {
                                "input": tokens,
                                "target": tokens,
                                "seg_id": [0] * SEQ_LEN,
                                "is_masked": [int(i in MASKED) for i in range(SEQ_LEN)],
                                "label": [1],
                            }
                        )
                    )
            tfrecords.write_records(str(directory / name), records)
            shards[split].append(name)
            counts[f"records_of/{name}"] = len(records)
            counts[f"max_masked_of/{name}"] = len(MASKED)
    Manifest(
        record_type="pretraining",
        parameters={
            "batch_size": ROWS,
            "seq_len": SEQ_LEN,
            "reuse_len": REUSE_LEN,
            "bi_data": True,
            "num_cores": 1,
            "num_predict": len(MASKED),
            "uncased": False,
            "vocabulary_size": N_TOKEN,
        },
        vocabulary_sha256="0" * 64,
        shards=shards,
        counts=counts,
    ).write(str(directory))


def config(tiny_model: XLNetConfig, tiny_options: ModelOptions) -> PretrainingConfig:
    """A run that learns them."""
    return PretrainingConfig(
        seq_len=SEQ_LEN,
        num_predict=len(MASKED),
        uncased=False,
        perm_size=REUSE_LEN,
        model=tiny_model,
        options=dataclasses.replace(
            tiny_options, mem_len=MEM_LEN, reuse_len=REUSE_LEN, bi_data=True
        ),
        training=TrainingConfig(
            batch_size=ROWS,
            train_steps=90,
            learning_rate=5e-3,
            warmup_steps=5,
            eval_batch_size=ROWS,
            eval_steps_interval=90,
            steps_per_loop=7,
            save_steps=10,
        ),
    )
