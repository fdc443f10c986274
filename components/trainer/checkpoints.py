"""Checkpoints of a run, and the order in which a model gets its first weights."""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
from collections.abc import Collection, Mapping

import tensorflow as tf
import tf_keras

from components import files, plain_json
from components.gathering import gathered
from components.trainer.carried_state import CarriedState

_logger = logging.getLogger(__name__)

_NAME = "step"
_BEST = "best"
# What reading a damaged checkpoint, or one of another model, can raise.
_READ_ERRORS = (AssertionError, ValueError, IndexError, RuntimeError, tf.errors.OpError)


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, does not fit the model, or cannot be written."""


class RunCheckpoints:
    """Checkpoints of one run: all that an update depends on beside the configuration.

    These are model, optimizer with the update number, carried state, how many batches were skipped
    after rollbacks, and the lowest loss, by which divergence is told. Dropout, order of the data
    and schedule are functions of the update number.

    Args:
        directory: where they lie; nothing else should write there.
        model: built model.
        optimizer: built optimizer.
        state: what the steps hand on to each other.
        max_to_keep: older ones are deleted; the best one stays beside them.
        writes: whether this process is the one that writes.
    """

    def __init__(
        self,
        *,
        directory: str,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        state: CarriedState,
        max_to_keep: int,
        writes: bool = True,
    ):
        self._directory = directory
        self._state = state
        self._max_to_keep = max_to_keep
        self._writes = writes
        self._skipped = tf.Variable(0, dtype=tf.int64, trainable=False, name="skipped_batches")
        self._lowest = tf.Variable(math.inf, dtype=tf.float64, trainable=False, name="lowest_loss")
        self._checkpoint = tf.train.Checkpoint(
            model=model,
            optimizer=optimizer,
            carried_state=dict(state.variables()),
            skipped_batches=self._skipped,
            lowest_loss=self._lowest,
        )
        self._model = tf.train.Checkpoint(model=model)

    @property
    def skipped_batches(self) -> int:
        """Batches that were left out because the run diverged on them."""
        return int(self._skipped.numpy())

    @skipped_batches.setter
    def skipped_batches(self, value: int) -> None:
        self._skipped.assign(value)

    @property
    def lowest_loss(self) -> float:
        """Mean loss of the best stretch of updates; infinite before the first."""
        return float(self._lowest.numpy())

    @lowest_loss.setter
    def lowest_loss(self, value: float) -> None:
        self._lowest.assign(value)

    def steps(self, name: str = _NAME) -> list[int]:
        """Updates after which there are checkpoints of this name, oldest first.

        By the files themselves: TensorFlow's own list of them may be torn as well.
        """
        index = re.compile(rf"{name}-(\d+)\.index")
        matches = (index.fullmatch(file) for file in files.names(self._directory))
        return sorted(int(match[1]) for match in matches if match)

    def restore_latest(self, *, before: int | None = None) -> int | None:
        """Restores the newest whole checkpoint of this run, if there is one.

        Args:
            before: only of an earlier update than this.

        Returns:
            Its update number; None if there is no checkpoint at all.

        Raises:
            CheckpointError: if none is whole, or it does not fit the model.
        """
        damaged = []
        for step in reversed(self.steps()):
            if before is not None and step >= before:
                continue
            path = self._path(step)
            damage = _damage(path)
            if damage is None:
                self._restore(path)
                return step
            damaged.append(f"{path}: {damage}")
            _logger.warning("Skipped a damaged checkpoint. %s", damaged[-1])
        if damaged:
            raise CheckpointError(
                f"No checkpoint in {self._directory} is whole. {'; '.join(damaged)}. Remove them "
                "to start afresh."
            )
        return None

    def save(self, step: int) -> None:
        """Writes a checkpoint and tidies up; all replicas' hosts must call it together.

        Deleted are the oldest, those of later updates (damaged ones, and what a rollback gave up),
        which would be taken for newer than this one, and what an attempt that was killed left
        unfinished.

        TensorFlow renames the index into place when the data are written, and only with an index
        is it a checkpoint.

        Raises:
            CheckpointError: if it cannot be written, naming the last one that is whole.
        """
        self._state.collect()
        if not self._writes:
            return
        path = self._path(step)
        try:
            with gathered(self._directory) as folder:
                self._checkpoint.write(f"{folder}/{_NAME}-{step}")
        except (OSError, tf.errors.OpError) as error:
            self._delete(step)
            raise self._write_error(path, error) from error
        whole = [other for other in self.steps() if other <= step]
        self._tidy(whole[-self._max_to_keep :])

    def save_best(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keeps the model's weights as they are now as the best of the run, in place of others.

        Args:
            step: updates that were made.
            metrics: of these weights.

        Raises:
            CheckpointError: as `save`.
        """
        if not self._writes:
            return
        path = self._path(step, _BEST)
        try:
            # The weights come last: with them it is whole.
            files.write_bytes(f"{path}.json", json.dumps(metrics).encode())
            with gathered(self._directory) as folder:
                self._model.write(f"{folder}/{_BEST}-{step}")
        except (OSError, tf.errors.OpError) as error:
            self._delete(step, _BEST)
            raise self._write_error(path, error) from error
        self._tidy([step], _BEST)

    def best_metrics(self) -> dict[str, float] | None:
        """Metrics of the weights that `save_best` kept last; None if none are kept.

        Raises:
            CheckpointError: if their file is damaged.
        """
        path = self._best_path()
        if path is None:
            return None
        try:
            metrics = plain_json.mapping(files.read_bytes(f"{path}.json"), where=f"{path}.json")
        except plain_json.JsonError as error:
            raise CheckpointError(str(error)) from error
        if not all(isinstance(value, (int, float)) for value in metrics.values()):
            raise CheckpointError(f"{path}.json holds something else than metrics.")
        return metrics

    def restore_best(self) -> None:
        """Gives the model the weights that `save_best` kept last, in the process that writes.

        Others would read what that one is still writing, and have no use for them.

        Raises:
            CheckpointError: if they are damaged or gone.
        """
        if not self._writes:
            return
        path = self._best_path()
        if path is None:
            raise CheckpointError(f"The best weights are no longer in {self._directory}.")
        try:
            self._model.read(path).assert_existing_objects_matched()
        except _READ_ERRORS as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        _logger.info("The run ends with its best weights, %s.", path)

    def _restore(self, path: str) -> None:
        try:
            self._checkpoint.read(path).assert_consumed()
        except _READ_ERRORS as error:
            raise CheckpointError(
                f"{path} was not written by a run of this configuration: {error}. Use another "
                "model directory, or remove this one to start afresh."
            ) from error
        self._state.spread()
        _logger.info("Resumed from %s.", path)

    def _path(self, step: int, name: str = _NAME) -> str:
        return f"{self._directory}/{name}-{step}"

    def _best_path(self) -> str | None:
        for step in reversed(self.steps(_BEST)):
            path = self._path(step, _BEST)
            if files.exists(f"{path}.json"):
                return path
        return None

    def _tidy(self, kept: Collection[int], name: str = _NAME) -> None:
        """Deletes all files of this name but those of some updates."""
        numbered = re.compile(rf"{name}-(\d+)[._].*")
        matches = (numbered.fullmatch(file) for file in files.names(self._directory))
        for step in sorted({int(match[1]) for match in matches if match} - {*kept}):
            self._delete(step, name)

    def _delete(self, step: int, name: str = _NAME) -> None:
        prefix = f"{name}-{step}."
        own = [file for file in files.names(self._directory) if file.startswith(prefix)]
        # The index goes first: what is left of a deletion is no checkpoint.
        for file in sorted(own, key=lambda file: not file.endswith(".index")):
            files.remove(f"{self._directory}/{file}")
        # Where TensorFlow writes before it renames.
        files.remove(f"{self._directory}/{name}-{step}_temp")

    def _write_error(self, path: str, error: Exception) -> CheckpointError:
        whole = self.steps()
        free = ""
        if "://" not in self._directory:
            free = f" ({shutil.disk_usage(self._directory).free / 2**30:.2f} GiB are free there)"
        last = f"The checkpoint of update {whole[-1]} is intact" if whole else "There is none yet"
        return CheckpointError(
            f"{path} could not be written{free}: {error}. {last}; make room, and run the same "
            "command again to go on."
        )


def _damage(path: str) -> str | None:
    """What is wrong with a checkpoint; None if every tensor can be read, which checks its sum."""
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except _READ_ERRORS as error:
        return f"{type(error).__name__}: {error}"
    return None
