"""Fine-tuning records as batches: shuffled and endless for training, once and whole for evaluation.

The batch of update t is a function of the records, the seed and t alone. So a resumed run goes on
with the batches that it would have seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.records import RecordType
from components.trainer.config import TrainingConfig


class EmptySplitError(ValueError):
    """A split that holds too few records to do anything with."""


@dataclasses.dataclass(frozen=True)
class RecordFiles:
    """Records of one split.

    Attributes:
        patterns: globs of TFRecord files, gzip-compressed if their name ends in ".gz".
        record_type: what each record holds.
        seq_len: tokens per record.
    """

    patterns: Sequence[str]
    record_type: RecordType
    seq_len: int

    def paths(self) -> list[str]:
        """Files of the split, sorted by name.

        Raises:
            EmptySplitError: if the patterns match nothing.
        """
        paths = sorted(path for pattern in self.patterns for path in tf.io.gfile.glob(pattern))
        if not paths:
            raise EmptySplitError(f"No record file matches {list(self.patterns)}.")
        return paths

    def serialized(self) -> tf.data.Dataset:
        """Serialized tf.Examples in file order, string []."""
        paths = self.paths()
        compression = "GZIP" if paths[0].endswith(".gz") else ""
        return tf.data.TFRecordDataset(paths, compression_type=compression)

    def count(self) -> int:
        """Number of records, by reading them once."""
        return int(
            self.serialized()
            .batch(4096)
            .reduce(np.int64(0), lambda total, batch: total + tf.shape(batch, tf.int64)[0])
        )


@dataclasses.dataclass(frozen=True)
class FineTuningData:
    """Records of a fine-tuning run, as the training loop takes them.

    Attributes:
        config: of the run.
        train: training split.
        evaluation: split for the evaluations during training; None for none.
        num_train_records: records in the training split.
    """

    config: TrainingConfig
    train: RecordFiles
    evaluation: RecordFiles | None
    num_train_records: int

    @property
    def steps_per_epoch(self) -> int:
        """Updates after which the training split was seen once; at least 1."""
        return max(self.num_train_records // self.config.batch_size, 1)

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split for the evaluations during training."""
        return self.evaluation is not None

    def training_batches(self, start_step: int, *, num_replicas: int) -> tf.data.Dataset:
        """See the function of this name; which replica gets an example is of no matter."""
        del num_replicas
        return training_batches(
            self.train,
            num_records=self.num_train_records,
            batch_size=self.config.batch_size,
            start_step=start_step,
            seed=self.config.seed,
            shuffle_buffer=self.config.shuffle_buffer,
        )

    def evaluation_batches(self, *, num_replicas: int) -> tf.data.Dataset:
        """See the function of this name."""
        del num_replicas
        return evaluation_batches(self.evaluation, batch_size=self.config.eval_batch_size)


def training_batches(
    records: RecordFiles,
    *,
    num_records: int,
    batch_size: int,
    start_step: int,
    seed: int,
    shuffle_buffer: int,
) -> tf.data.Dataset:
    """Endless batches, each epoch in another order; batches may span two epochs.

    Args:
        records: the training split.
        num_records: records in it.
        batch_size: records per batch.
        start_step: updates already made; the batches of those are skipped, unparsed.
        seed: of the order.
        shuffle_buffer: records among which the next one is drawn.

    Returns:
        Dataset of feature dicts with static shapes, int64 features as int32.

    Raises:
        EmptySplitError: if there is no record.
    """
    if num_records == 0:
        raise EmptySplitError(f"The training split {list(records.patterns)} holds no record.")
    first_epoch, offset = divmod(start_step * batch_size, num_records)
    source = records.serialized()

    def epoch(index: tf.Tensor) -> tf.data.Dataset:
        return source.shuffle(
            min(shuffle_buffer, num_records),
            seed=tf.constant(seed, tf.int64) * 1_000_003 + index,
            reshuffle_each_iteration=False,
        )

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    examples = epochs.flat_map(epoch).skip(offset)
    batches = examples.batch(batch_size, drop_remainder=True)
    return _parsed(batches, records, use="training")


def evaluation_batches(records: RecordFiles, *, batch_size: int) -> tf.data.Dataset:
    """Every record once, in order; the last batch is filled up with copies of its first record.

    The copies carry `is_real_example` 0, so shapes stay static and nothing is counted twice.

    Returns:
        Dataset of feature dicts with static shapes, int64 features as int32.
    """
    batches = records.serialized().batch(batch_size)

    def fill(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = tf.shape(batch)[0]
        filling = tf.repeat(batch[:1], batch_size - size)
        real = tf.sequence_mask(size, batch_size, tf.int32)
        return tf.ensure_shape(tf.concat([batch, filling], 0), [batch_size]), real

    def mark(features: dict[str, tf.Tensor], real: tf.Tensor) -> dict[str, tf.Tensor]:
        already = features.get("is_real_example", tf.ones_like(real))
        return {**features, "is_real_example": already * real}

    filled = batches.map(fill)
    parse = _parser(records, use="evaluation")
    return filled.map(
        lambda batch, real: mark(parse(batch), real), num_parallel_calls=tf.data.AUTOTUNE
    ).prefetch(tf.data.AUTOTUNE)


def _parsed(batches: tf.data.Dataset, records: RecordFiles, *, use: str) -> tf.data.Dataset:
    parse = _parser(records, use=use)
    return batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _parser(records: RecordFiles, *, use: str):
    description = records.record_type.feature_description(records.seq_len, use=use)

    def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(serialized, description)
        # TPUs compute in 32 bits.
        return {
            name: tf.cast(value, tf.int32) if value.dtype == tf.int64 else value
            for name, value in features.items()
        }

    return parse
