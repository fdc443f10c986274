"""Shows the progress of a run: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import math
import sys
import time

import tqdm

from components.trainer.actions import Progress

_logger = logging.getLogger(__name__)


class ProgressReport:
    """A progress bar with speed and remaining time on a terminal, plain log lines elsewhere."""

    # Minimum time between plain lines, so that the log of a run of several days stays readable.
    _SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, *, start_step: int, total_steps: int):
        self._started = time.monotonic()
        self._start_step = start_step
        self._last_line = -math.inf
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm.tqdm(
                total=total_steps, initial=start_step, unit="step", desc="training"
            )

    def report(self, progress: Progress) -> None:
        """Shows the current state of the run."""
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"loss {progress.loss:.4f}, {progress.examples_per_second:.1f} examples/s"
            )
            self._bar.update(progress.step - self._bar.n)
            if progress.step == progress.total_steps:
                self._bar.close()
            return
        now = time.monotonic()
        is_last = progress.step == progress.total_steps
        if now - self._last_line < self._SECONDS_BETWEEN_LINES and not is_last:
            return
        self._last_line = now
        per_step = (now - self._started) / max(progress.step - self._start_step, 1)
        left = per_step * (progress.total_steps - progress.step)
        _logger.info(
            "step %d/%d, loss %.4f, learning rate %.3g, %.1f examples/s, %s left",
            progress.step,
            progress.total_steps,
            progress.loss,
            progress.learning_rate,
            progress.examples_per_second,
            time.strftime("%H:%M:%S", time.gmtime(left)),
        )
