"""A tiny classification problem as record files."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components import manifest, records
from components.modeling.config import XLNetConfig
from components.trainer import loop
from components.trainer.classification.fine_tuning import FineTuningConfig
from components.trainer.config import TrainingConfig
from components.trainer.pretraining.pretrain import PretrainingConfig
from components.trainer.record_input import FineTuningData, RecordFiles

from . import tiny_corpus
from .runs import SabotagedTask, short_training

SEQ_LEN = 8
NUM_RECORDS = 50


@dataclasses.dataclass(frozen=True)
class SampleRecords:
    """Where the records lie; `make(split)` gives them as `RecordFiles`."""

    directory: str

    def pattern(self, split: str) -> str:
        return f"{self.directory}/Split-{split}/*"

    def make(self, split: str) -> RecordFiles:
        return RecordFiles([self.pattern(split)], records.CLASSIFICATION, SEQ_LEN)


@pytest.fixture(scope="session")
def tiny_model(tiny_model) -> XLNetConfig:
    """One layer: tracing the network takes most of the time of tests of what is around it."""
    return dataclasses.replace(tiny_model, n_layer=1)


def _example(ids, label):
    features = {
        "input_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
        "input_mask": tf.train.Feature(float_list=tf.train.FloatList(value=[0.0] * SEQ_LEN)),
        "segment_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[0] * SEQ_LEN)),
        "label_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "is_real_example": tf.train.Feature(int64_list=tf.train.Int64List(value=[1])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


@pytest.fixture(scope="session")
def sample_records(tmp_path_factory) -> SampleRecords:
    """Label 1 has many pieces 9; ids 10… are noise; record i carries id 100+i last."""
    directory = tmp_path_factory.mktemp("records")
    rng = np.random.default_rng(0)
    for split in ("train", "eval"):
        (directory / f"Split-{split}").mkdir()
        path = str(directory / f"Split-{split}" / "examples-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for i in range(NUM_RECORDS):
                label = int(rng.integers(2))
                ids = rng.integers(10, 30, SEQ_LEN)
                if label:
                    ids[rng.random(SEQ_LEN) < 0.6] = 9
                ids[-1] = 100 + i
                writer.write(_example(ids, label).SerializeToString(deterministic=True))
    manifest.Manifest(
        record_type="classification",
        parameters={
            "seq_len": SEQ_LEN,
            "uncased": False,
            "labels": ["no", "yes"],
            "vocabulary_size": 200,
        },
        vocabulary_sha256="0" * 64,
        shards={},
        counts={},
    ).write(str(directory))
    return SampleRecords(str(directory))


@pytest.fixture(scope="session")
def fine_tuning_config(tiny_model, tiny_options) -> FineTuningConfig:
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


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> str:
    """Folder of pretraining records."""
    directory = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(directory)
    return str(directory)


@pytest.fixture(scope="session")
def pretraining_config(tiny_model, tiny_options) -> PretrainingConfig:
    return tiny_corpus.config(tiny_model, tiny_options)


@pytest.fixture(scope="module")
def train(tiny_model, tiny_options, sample_records):
    def train_(model_dir, training=None, *, num_labels=2, run=None, evaluation="eval", **task):
        training = training or short_training()
        data = FineTuningData(
            training,
            sample_records.make("train"),
            sample_records.make(evaluation) if evaluation else None,
            num_labels,
        )
        made = SabotagedTask(
            tiny_model, tiny_options, "sample", ("no", "yes"), ("accuracy",), **task
        )
        return loop.train(task=made, config=training, data=data, model_dir=str(model_dir), run=run)

    return train_
