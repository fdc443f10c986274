"""What the workers of a run agree on, and what they say when they no longer can."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import tensorflow as tf

from components.trainer.strategy import DeviceError, gather


@dataclasses.dataclass
class Position:
    """How far a run has come.

    Attributes:
        step: number of updates made.
        saved_step: number of updates that the latest checkpoint holds.
    """

    step: int
    saved_step: int


class Workers:
    """The processes that make the updates of a run together; with most strategies, only this one.

    All workers must call each method after the same update.

    Attributes:
        position: how far the run has come; None as long as no worker has looked for a checkpoint.

    Args:
        devices: distribution strategy of the run.
    """

    def __init__(self, devices: tf.distribute.Strategy):
        self._devices = devices
        self._are_several = isinstance(devices, tf.distribute.MultiWorkerMirroredStrategy)
        self.position: Position | None = None

    def any(self, value: bool) -> bool:
        """Whether the value is True on any worker."""
        if not self._are_several:
            return value
        total = self._devices.reduce(
            tf.distribute.ReduceOp.SUM, self._on_replicas(float(value)), axis=None
        )
        return float(total) > 0

    def check_restored(self, step: int) -> None:
        """Checks that all workers go on from the checkpoint of the same update.

        Args:
            step: number of updates in the weights of this worker.

        Raises:
            DeviceError: on all workers, if they differ; the message names the updates.
        """
        if not self._are_several:
            return
        joined = gather(self._devices, self._on_replicas([step]), axis=0)
        steps = sorted({*joined.numpy().tolist()})
        if len(steps) > 1:
            raise DeviceError(
                f"This worker has the weights of update {step}, but the workers found checkpoints "
                f"of different updates: {', '.join(map(str, steps))}. All of them read the "
                "checkpoints of the first one: give them a folder that all of them can see, and "
                "start them again."
            )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Turns errors in what all workers compute into one clear DeviceError."""
        try:
            yield
        except tf.errors.OpError as error:
            if not self._are_several:
                raise
            after, where = "", "the latest checkpoint"
            if self.position is not None:
                after = f" after update {self.position.step}"
                where = f"the checkpoint of update {self.position.saved_step}"
            raise DeviceError(
                f"The workers no longer compute together{after}: one was lost, or failed for the "
                f"reason that it gives. Start all of them again; they go on from {where}. "
                f"({error.message})"
            ) from error

    def _on_replicas(self, value: float | list[int]) -> tf.Tensor:
        return self._devices.experimental_distribute_values_from_function(
            lambda context: tf.constant(value)
        )
