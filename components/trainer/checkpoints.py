"""Checkpoints of a run: writing, tidying up, detecting damaged ones, and restoring.

The best weights of a run are kept beside its checkpoints, in the same folder.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence

import tensorflow as tf
import tf_keras

from components import files, plain_json
from components.gathering import gathered
from components.trainer.carried_state import CarriedState
from components.trainer.divergence import Losses

_logger = logging.getLogger(__name__)

_NAME = "step"
_BEST = "best"
# Name under which TensorFlow stores the names of a checkpoint's objects.
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Tensors are checked in groups of about this size, which are in memory at once.
_GROUP_BYTES = 256 << 20
# In the file with the metrics of the best weights, beside them.
_CHOSEN_BY = "best_metric"
# Exceptions that reading a damaged checkpoint, or one of another model, can raise. Others that
# TensorFlow raises, such as UnavailableError, say nothing about the checkpoint.
_DAMAGE = (
    *(AssertionError, ValueError, IndexError, RuntimeError),
    *(tf.errors.DataLossError, tf.errors.NotFoundError),
    *(tf.errors.OutOfRangeError, tf.errors.InvalidArgumentError),
)


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, does not fit the model, or cannot be written."""


@dataclasses.dataclass(frozen=True)
class Best:
    """The best weights of a run.

    Attributes:
        step: number of updates made.
        metrics: metrics of these weights.
        chosen_by: name of the metric by which they are the best.
    """

    step: int
    metrics: Mapping[str, float]
    chosen_by: str


class RunCheckpoints:
    """The checkpoints of one run.

    A checkpoint holds everything that an update depends on besides the configuration: the model,
    the optimizer with the update number, the carried state, the number of batches skipped after
    rollbacks, and the losses by which divergence is judged. Dropout, data order and
    schedule are functions of the update number, so they need no state.

    Args:
        directory: folder of the checkpoints; nothing else should write there.
        model: built model.
        optimizer: built optimizer.
        state: state that each step passes to the next.
        max_to_keep: number of checkpoints to keep; older ones are deleted. The best weights are
            kept in addition.
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
        self._loop = tf.Variable([0.0, 0.0], dtype=tf.float64, trainable=False, name="loop_losses")
        self._checkpoint = tf.train.Checkpoint(
            model=model,
            optimizer=optimizer,
            carried_state=dict(state.variables()),
            skipped_batches=self._skipped,
            lowest_loss=self._lowest,
            loop_losses=self._loop,
        )
        self._model = tf.train.Checkpoint(model=model)

    @property
    def skipped_batches(self) -> int:
        """Number of batches that were left out because the run diverged on them."""
        return int(self._skipped.numpy())

    @skipped_batches.setter
    def skipped_batches(self, value: int) -> None:
        self._skipped.assign(value)

    @property
    def losses(self) -> Losses:
        """The losses so far, as far as later ones are judged by them."""
        total, updates = self._loop.numpy().tolist()
        return Losses(float(self._lowest.numpy()), total, int(updates))

    @losses.setter
    def losses(self, value: Losses) -> None:
        self._lowest.assign(value.lowest)
        self._loop.assign([value.loop_total, value.loop_updates])

    def steps(self, name: str = _NAME) -> list[int]:
        """Returns the updates after which there are checkpoints of this name, oldest first.

        It looks at the files themselves, because TensorFlow's own list of checkpoints may be
        damaged too.
        """
        index = re.compile(rf"{name}-(\d+)\.index")
        matches = (index.fullmatch(file) for file in files.names(self._directory))
        return sorted(int(match[1]) for match in matches if match)

    def restore_latest(self, *, before: int | None = None) -> int | None:
        """Restores the newest intact checkpoint of this run, if there is one.

        Args:
            before: considers only checkpoints of updates before this one; None considers all.

        Returns:
            The update number of the checkpoint; None if there is no checkpoint to consider.

        Raises:
            CheckpointError: if there are checkpoints but none is intact, if the newest intact one
                does not fit the model, or if one cannot be read at the moment.
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
        """Writes a checkpoint and tidies up; the hosts of all replicas must call it together.

        Tidying up deletes the oldest checkpoints, unfinished files of attempts that were killed,
        and checkpoints of later updates. The latter are damaged or were given up in a rollback, and
        would be mistaken for newer ones than this.

        TensorFlow renames the index into place after the data are written, so files without an
        index do not count as a checkpoint.

        Args:
            step: number of updates made.

        Raises:
            CheckpointError: if the checkpoint cannot be written, or went elsewhere; in the first
                case the message names the last intact one.
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
        if step not in whole:
            raise CheckpointError(
                f"{path} was written, but it is not in this folder as this process sees it. A "
                "remote TPU writes to its own machine unless the folder is a bucket (gs://…)."
            )
        self._tidy(whole[-self._max_to_keep :])

    def save_best(self, best: Best) -> None:
        """Stores the model's current weights as the best of the run, replacing earlier ones.

        Raises:
            CheckpointError: if the weights cannot be written.
        """
        if not self._writes:
            return
        path = self._path(best.step, _BEST)
        content = {**best.metrics, _CHOSEN_BY: best.chosen_by}
        try:
            # The weights are written last: once they are there, the entry is complete.
            files.write_bytes(f"{path}.json", json.dumps(content).encode())
            with gathered(self._directory) as folder:
                self._model.write(f"{folder}/{_BEST}-{best.step}")
        except (OSError, tf.errors.OpError) as error:
            self._delete(best.step, _BEST)
            raise self._write_error(path, error) from error
        self._tidy([best.step], _BEST)

    def best(self) -> Best | None:
        """Returns what `save_best` stored last; None if nothing was.

        Raises:
            CheckpointError: if the file with the metrics is damaged.
        """
        step = self._best_step()
        if step is None:
            return None
        path = self._path(step, _BEST)
        try:
            content = plain_json.mapping(files.read_bytes(f"{path}.json"), where=f"{path}.json")
        except plain_json.JsonError as error:
            raise CheckpointError(str(error)) from error
        chosen_by = content.pop(_CHOSEN_BY, None)
        if not isinstance(chosen_by, str) or not all(
            isinstance(value, (int, float)) for value in content.values()
        ):
            raise CheckpointError(f"{path}.json holds something else than metrics.")
        return Best(step, content, chosen_by)

    def restore_best(self) -> None:
        """Loads the weights that `save_best` stored last into the model.

        It does so only in the process that writes. Other processes might read the files while they
        are still being written, and have no use for the weights.

        Raises:
            CheckpointError: if the weights are damaged or missing.
        """
        if not self._writes:
            return
        step = self._best_step()
        if step is None:
            raise CheckpointError(f"The best weights are no longer in {self._directory}.")
        path = self._path(step, _BEST)
        try:
            self._model.read(path).assert_existing_objects_matched()
        except (*_DAMAGE, tf.errors.OpError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        _logger.info("The run ends with its best weights, %s.", path)

    def _restore(self, path: str) -> None:
        try:
            self._checkpoint.read(path).assert_consumed()
        except _DAMAGE as error:
            raise CheckpointError(
                f"{path} was not written by a run of this configuration: {error}. Use another "
                "model directory, or remove this one to start afresh."
            ) from error
        except tf.errors.OpError as error:
            raise _unreadable(path, error) from error
        self._state.spread()
        _logger.info("Resumed from %s.", path)

    def _path(self, step: int, name: str = _NAME) -> str:
        return f"{self._directory}/{name}-{step}"

    def _best_step(self) -> int | None:
        for step in reversed(self.steps(_BEST)):
            if files.exists(f"{self._path(step, _BEST)}.json"):
                return step
        return None

    def _tidy(self, kept: Collection[int], name: str = _NAME) -> None:
        """Deletes all checkpoint files of this name except those of the updates in `kept`."""
        numbered = re.compile(rf"{name}-(\d+)[._].*")
        matches = (numbered.fullmatch(file) for file in files.names(self._directory))
        for step in sorted({int(match[1]) for match in matches if match} - {*kept}):
            self._delete(step, name)

    def _delete(self, step: int, name: str = _NAME) -> None:
        prefix = f"{name}-{step}."
        own = [file for file in files.names(self._directory) if file.startswith(prefix)]
        # The index is deleted first, so that an interrupted deletion leaves no checkpoint behind.
        for file in sorted(own, key=lambda file: not file.endswith(".index")):
            files.remove(f"{self._directory}/{file}")
        # The temporary folder into which TensorFlow writes before it renames.
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
    """Returns what is wrong with a checkpoint; None if it is intact.

    It reads every tensor, which makes TensorFlow verify the checksums.

    Raises:
        CheckpointError: if the checkpoint cannot be read at the moment, whatever is in it.
    """

    def read(dtypes: Mapping[str, tf.DType]) -> None:
        # Unlike TensorFlow's reader, the operation says of what kind an error is.
        tf.raw_ops.RestoreV2(
            prefix=path,
            tensor_names=list(dtypes),
            shape_and_slices=[""] * len(dtypes),
            dtypes=list(dtypes.values()),
        )

    try:
        read({_OBJECTS: tf.string})
        reader = tf.train.load_checkpoint(path)
        shapes = reader.get_variable_to_shape_map()
        for group in _groups(reader.get_variable_to_dtype_map(), shapes):
            read(group)
    except _DAMAGE as error:
        return f"{type(error).__name__}: {_said(error)}"
    except tf.errors.OpError as error:
        raise _unreadable(path, error) from error
    return None


def _groups(
    dtypes: Mapping[str, tf.DType], shapes: Mapping[str, Sequence[int]]
) -> Iterator[dict[str, tf.DType]]:
    """Groups tensors by size, because every operation that reads some opens the checkpoint anew."""
    group: dict[str, tf.DType] = {}
    size = 0
    for name, dtype in dtypes.items():
        group[name] = dtype
        size += math.prod(shapes[name]) * dtype.size
        if size >= _GROUP_BYTES:
            yield group
            group, size = {}, 0
    if group:
        yield group


def _said(error: Exception) -> str:
    """Returns the message of an error without the names of operations around it."""
    return re.sub(r"^(\{\{.*?\}\} )+| \[Op:\w+\]", "", str(error))


def _unreadable(path: str, error: tf.errors.OpError) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read at the moment ({type(error).__name__}: {_said(error)}). Nothing "
        "was changed; run the same command again when its storage can be reached."
    )
