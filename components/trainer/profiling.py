"""Traces one loop for TensorBoard's profiler if `training.profile_at` is set."""

from __future__ import annotations

import logging

import tensorflow as tf

from components.trainer.actions import Progress

_logger = logging.getLogger(__name__)


class ProfilerTrace:
    """Traces the updates from `first_step` to `last_step`.

    Args:
        directory: folder of TensorBoard's summaries.
        first_step: update after which the trace begins.
        last_step: update after which the trace ends.
        start_step: number of updates that the run has already made; if that is beyond
            `first_step`, there is no trace.
    """

    def __init__(self, *, directory: str, first_step: int, last_step: int, start_step: int):
        self._directory = directory
        self._first_step = first_step
        self._last_step = last_step
        self._is_running = False
        if start_step == first_step:
            self._start()

    def is_due(self, step: int) -> bool:
        """Returns True where the trace begins and where it ends."""
        return step in (self._first_step, self._last_step)

    def act(self, progress: Progress) -> None:
        """Starts or stops the trace."""
        if progress.step == self._first_step and not self._is_running:
            self._start()
        else:
            self.close()

    def close(self) -> None:
        """Ends the trace if it is running, because a process can make only one at a time."""
        if self._is_running:
            self._is_running = False
            tf.profiler.experimental.stop()
            _logger.info("profiler trace written to %s", self._directory)

    def _start(self) -> None:
        tf.profiler.experimental.start(self._directory)
        self._is_running = True
