"""What the training loop asks of the records of a run, whatever their kind."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from components.trainer.input_share import InputShare


class TrainingData(Protocol):
    """The source of the loop's batches.

    Batches are dicts of features with static shapes. The batch of update t depends on t alone, so a
    resumed run sees the batches that it would have seen without the interruption.
    """

    @property
    def steps_per_epoch(self) -> int:
        """Number of updates in one pass over the training split; at least 1."""

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split to evaluate on during training."""

    def check(self, num_replicas: int) -> None:
        """Raises an error that explains why this many replicas cannot use the records, if so."""

    def training_batches(
        self, first_step: int, *, num_steps: int, share: InputShare
    ) -> tf.data.Dataset:
        """Returns one host's rows of at least `num_steps` global batches, from `first_step` on."""

    def evaluation_batch_size(self, num_replicas: int) -> int:
        """Returns the global batch size for evaluation, which a small split may make smaller."""

    def evaluation_batches(self, share: InputShare) -> tf.data.Dataset:
        """Returns one pass over the evaluation split.

        The feature `is_real_example` [B] is 0 for rows that only pad the last batch.
        """
