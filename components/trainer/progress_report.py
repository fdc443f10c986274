"""Reports the progress of a run: to a terminal's bar often, to a log now and then."""

from __future__ import annotations

import datetime
import logging
import math
import time

from components import events
from components.trainer.actions import Progress

_logger = logging.getLogger(__name__)


class ProgressReport:
    """Logs where a run stands, its speed, and the time that is left.

    A report is a line of the log (level INFO) at most every ten seconds, so that the log of a run
    of several days stays readable. In between it has the level DEBUG, for the progress bar of
    `components.terminal_log`.
    """

    _SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, *, start_step: int, total_steps: int):
        self._started = time.monotonic()
        self._start_step = start_step
        self._last_line = -math.inf

    def report(self, progress: Progress) -> None:
        """Reports the current state of the run."""
        now = time.monotonic()
        is_last = progress.step == progress.total_steps
        is_line = is_last or now - self._last_line >= self._SECONDS_BETWEEN_LINES
        if is_line:
            self._last_line = now
        per_step = (now - self._started) / max(progress.step - self._start_step, 1)
        left = per_step * (progress.total_steps - progress.step)
        events.log(
            _logger,
            events.TRAINING,
            "step %d/%d, loss %.4f, learning rate %.3g, %.1f examples/s, %s left",
            progress.step,
            progress.total_steps,
            progress.loss,
            progress.learning_rate,
            progress.examples_per_second,
            datetime.timedelta(seconds=round(left)),
            level=logging.INFO if is_line else logging.DEBUG,
            step=progress.step,
            start_step=self._start_step,
            total_steps=progress.total_steps,
            loss=progress.loss,
            learning_rate=progress.learning_rate,
            examples_per_second=progress.examples_per_second,
            seconds_left=left,
        )
