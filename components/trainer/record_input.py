"""Fine-tuning records as batches: shuffled and endless for training, a single pass for evaluation.

The batch of update t is a function of the records, the seed and t alone, so a resumed run continues
with the batches that it would have seen without the interruption.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components import files
from components.records import RecordType
from components.trainer.config import TrainingConfig
from components.trainer.input_share import EVERYTHING, InputShare

_logger = logging.getLogger(__name__)


class EmptySplitError(ValueError):
    """A split without any records."""


class LabelError(ValueError):
    """Records with labels that the task does not have."""


@dataclasses.dataclass(frozen=True)
class RecordFiles:
    """Records of one split.

    Attributes:
        patterns: glob patterns of TFRecord files; names that end in ".gz" mean gzip compression.
        record_type: describes the features of a record.
        seq_len: number of tokens per record.
    """

    patterns: Sequence[str]
    record_type: RecordType
    seq_len: int

    @functools.cached_property
    def paths(self) -> list[str]:
        """The files of the split, sorted by name. They are looked up only once.

        Raises:
            EmptySplitError: if the patterns match no file.
        """
        paths = sorted(file.path for pattern in self.patterns for file in files.match(pattern))
        if not paths:
            raise EmptySplitError(f"No record file matches {list(self.patterns)}.")
        return paths

    def serialized(self) -> tf.data.Dataset:
        """Returns the serialized tf.Examples in file order, string []."""
        compression = "GZIP" if self.paths[0].endswith(".gz") else ""
        return tf.data.TFRecordDataset(self.paths, compression_type=compression)

    def count(self) -> int:
        """Counts the records by reading them once."""
        return int(
            self.serialized()
            .batch(4096)
            .reduce(np.int64(0), lambda total, batch: total + tf.shape(batch, tf.int64)[0])
        )

    def check_labels(self, num_labels: int) -> None:
        """Reads all labels once and checks that they are ids from 0 to `num_labels` - 1.

        Raises:
            LabelError: if a label is out of range.
        """
        description = {"label_ids": tf.io.FixedLenFeature([], tf.int64)}
        smallest, largest = (
            self.serialized()
            .batch(4096)
            .map(lambda batch: tf.io.parse_example(batch, description)["label_ids"])
            .reduce(
                (np.int64(0), np.int64(0)),
                lambda seen, ids: (
                    tf.minimum(seen[0], tf.reduce_min(ids)),
                    tf.maximum(seen[1], tf.reduce_max(ids)),
                ),
            )
        )
        if smallest < 0 or largest >= num_labels:
            raise LabelError(
                f"The records {list(self.patterns)} hold label ids from {int(smallest)} to "
                f"{int(largest)}, but the task has {num_labels} labels: legal are 0 to "
                f"{num_labels - 1}. Preprocess again with the labels of this configuration."
            )


@dataclasses.dataclass(frozen=True)
class FineTuningData:
    """The records of a fine-tuning run, in the form that the training loop takes (`training_data`).

    Attributes:
        config: training configuration of the run.
        train: training split.
        evaluation: split for the evaluations during training; None if there is none.
        num_labels: number of label ids; None if the labels are not ids.
    """

    config: TrainingConfig
    train: RecordFiles
    evaluation: RecordFiles | None
    num_labels: int | None = None

    @functools.cached_property
    def num_train_records(self) -> int:
        """Number of records in the training split.

        They are counted when this is first asked for and not earlier, because workers have to join
        before TensorFlow's first operation.

        Raises:
            EmptySplitError: if there are no records.
        """
        number = self.train.count()
        if number == 0:
            raise EmptySplitError(
                f"The training split {list(self.train.patterns)} holds no record."
            )
        return number

    @functools.cached_property
    def _num_evaluation_records(self) -> int:
        number = self.evaluation.count()
        if number == 0:
            raise EmptySplitError(
                f"The evaluation split {list(self.evaluation.patterns)} holds no record."
            )
        return number

    def evaluation_batch_size(self, num_replicas: int) -> int:
        """Returns the number of rows in a global evaluation batch.

        This is the configured number, or less for a small split: then it is the size of the split,
        rounded up so that the replicas can share it evenly.
        """
        whole_split = -(-self._num_evaluation_records // num_replicas) * num_replicas
        return min(self.config.eval_batch_size, whole_split)

    @property
    def steps_per_epoch(self) -> int:
        """Number of updates in one pass over the training split; at least 1."""
        return max(self.num_train_records // self.config.batch_size, 1)

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split to evaluate on during training."""
        return self.evaluation is not None

    def check(self, num_replicas: int = 1) -> None:
        """Checks that neither split is empty and that the labels are legal.

        Whether the replicas can share the batches evenly is checked by `strategy.check_batch`.

        Raises:
            EmptySplitError: if a split holds no records.
            LabelError: if a label does not belong to the task.
        """
        splits = [self.train]
        _ = self.num_train_records
        if self.evaluation is not None:
            splits.append(self.evaluation)
            size = self.evaluation_batch_size(num_replicas)
            if size < self.config.eval_batch_size:
                _logger.warning(
                    "training.eval_batch_size is %d, but the evaluation split holds %d records: "
                    "evaluating in batches of %d",
                    self.config.eval_batch_size,
                    self._num_evaluation_records,
                    size,
                )
        if self.num_labels is not None:
            for records in splits:
                records.check_labels(self.num_labels)

    def training_batches(
        self, first_step: int, *, num_steps: int, share: InputShare
    ) -> tf.data.Dataset:
        """Returns endless training batches; see the module function of the same name."""
        del num_steps
        return training_batches(
            self.train,
            num_records=self.num_train_records,
            batch_size=self.config.batch_size,
            start_step=first_step,
            seed=self.config.seed,
            shuffle_buffer=self.config.shuffle_buffer,
            share=share,
        )

    def evaluation_batches(self, share: InputShare) -> tf.data.Dataset:
        """Returns one pass over the evaluation split; see the module function of the same name."""
        return evaluation_batches(
            self.evaluation,
            batch_size=self.evaluation_batch_size(share.num_hosts * share.parts),
            share=share,
        )


def training_batches(
    records: RecordFiles,
    *,
    num_records: int,
    batch_size: int,
    start_step: int,
    seed: int,
    shuffle_buffer: int,
    share: InputShare = EVERYTHING,
) -> tf.data.Dataset:
    """Returns endless batches, each epoch in a different order. Batches may span two epochs.

    Args:
        records: the training split.
        num_records: number of records in the split.
        batch_size: number of records per batch.
        start_step: number of updates already made; their batches are skipped without parsing them.
        seed: seed of the order.
        shuffle_buffer: number of records from which the next one is drawn at random.
        share: which rows of each batch this host reads.

    Returns:
        Dataset of feature dicts with static shapes, int64 features as int32.
    """
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
    rows = share.rows(batch_size)
    return _parsed(batches.map(lambda batch: batch[rows]), records, use="training")


def evaluation_batches(
    records: RecordFiles, *, batch_size: int, share: InputShare = EVERYTHING
) -> tf.data.Dataset:
    """Returns every record once and in order, padding the last batch with copies of its first row.

    The padding keeps shapes static. The copies have `is_real_example` 0, so that nothing is counted
    twice.

    Args:
        records: the evaluation split.
        batch_size: number of records per batch.
        share: which rows of each batch this host reads.

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

    rows = share.rows(batch_size)
    filled = batches.map(fill).map(lambda batch, real: (batch[rows], real[rows]))
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
