"""Checkpoints of a run, and the order in which a model gets its first weights."""

from __future__ import annotations

import logging

import tensorflow as tf
import tf_keras

from components.trainer.carried_state import CarriedState

_logger = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or does not fit the model."""


class RunCheckpoints:
    """Checkpoints of one run: model, optimizer with the update number, and carried state.

    Args:
        directory: where they lie; nothing else should write there.
        model: built model.
        optimizer: built optimizer.
        state: what the steps hand on to each other.
        max_to_keep: older ones are deleted.
    """

    def __init__(
        self,
        *,
        directory: str,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        state: CarriedState,
        max_to_keep: int,
    ):
        self._state = state
        self._checkpoint = tf.train.Checkpoint(
            model=model, optimizer=optimizer, carried_state=dict(state.variables())
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, directory, max_to_keep=max_to_keep, checkpoint_name="step"
        )

    def restore_latest(self) -> bool:
        """Restores the newest checkpoint of this run, if there is one.

        Raises:
            CheckpointError: if it does not fit the model.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return False
        try:
            self._checkpoint.restore(path).assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise CheckpointError(
                f"{path} was not written by a run of this configuration: {error}. Use another "
                "model directory, or remove this one to start afresh."
            ) from error
        self._state.spread()
        _logger.info("Resumed from %s.", path)
        return True

    def save(self, step: int) -> str:
        """Writes a checkpoint; TensorFlow names it in `checkpoint` only once it is whole."""
        self._state.collect()
        return self._manager.save(checkpoint_number=step)
