"""A trace of one loop for TensorBoard's profiler, when it is asked for."""

from __future__ import annotations

import logging

import tensorflow as tf

from components.trainer.actions import Progress

_logger = logging.getLogger(__name__)


class ProfilerTrace:
    """Traces the updates from `first_step` to `last_step`.

    Args:
        directory: of TensorBoard's summaries.
        first_step: updates after which the trace begins.
        last_step: after which it ends.
        start_step: updates that the run has behind it; a trace that began before is not made.
    """

    def __init__(self, *, directory: str, first_step: int, last_step: int, start_step: int):
        self._directory = directory
        self._first_step = first_step
        self._last_step = last_step
        self._is_running = False
        if start_step == first_step:
            self._start()

    def is_due(self, step: int) -> bool:
        """Where the trace begins and where it ends."""
        return step in (self._first_step, self._last_step)

    def act(self, progress: Progress) -> None:
        """Starts or stops."""
        if progress.step == self._first_step and not self._is_running:
            self._start()
        else:
            self.close()

    def close(self) -> None:
        """Ends a trace that is being made; the process could make no other one."""
        if self._is_running:
            self._is_running = False
            tf.profiler.experimental.stop()
            _logger.info("profiler trace written to %s", self._directory)

    def _start(self) -> None:
        tf.profiler.experimental.start(self._directory)
        self._is_running = True
