"""What happens beside the updates: saving, evaluating, reporting, stopping on divergence.

Each action says at which updates it wants to act, so that the loop stops there and knows nothing
else of it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import tensorflow as tf
import tqdm

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands after a stretch of updates.

    Attributes:
        step: updates made so far.
        total_steps: updates of the whole run.
        loss: mean over the stretch.
        gradient_norm: largest of the stretch, before clipping.
        learning_rate: of the last update.
        examples_per_second: over the stretch, saving and evaluating excluded.
    """

    step: int
    total_steps: int
    loss: float
    gradient_norm: float
    learning_rate: float
    examples_per_second: float


class Action(Protocol):
    """Something to do at certain updates."""

    def is_due(self, step: int) -> bool:
        """Whether the loop should stop after this update and call `act`."""

    def act(self, progress: Progress) -> None:
        """Does it."""


@dataclasses.dataclass(frozen=True)
class Every:
    """Acts at every `interval`-th update and after the last one.

    Attributes:
        interval: in updates.
        total_steps: of the run.
        function: what to do.
    """

    interval: int
    total_steps: int
    function: Callable[[Progress], None]

    def is_due(self, step: int) -> bool:
        """True at multiples of the interval and at the end."""
        return step % self.interval == 0 or step == self.total_steps

    def act(self, progress: Progress) -> None:
        """Calls the function."""
        self.function(progress)


class DivergenceError(RuntimeError):
    """The loss or its gradient is no longer a finite number."""


def check_finite(progress: Progress) -> None:
    """Ends a run whose loss or gradient norm is NaN or infinite, before anything of it is saved.

    Raises:
        DivergenceError: naming the update and the figures.
    """
    if math.isfinite(progress.loss) and math.isfinite(progress.gradient_norm):
        return
    raise DivergenceError(
        f"Training diverged by update {progress.step} of {progress.total_steps}: loss "
        f"{progress.loss}, gradient norm {progress.gradient_norm}, learning rate "
        f"{progress.learning_rate:.3g}. Lower training.learning_rate or raise "
        "training.warmup_steps; the checkpoints before this update are intact."
    )


class History:
    """Curves of a run: TensorBoard summaries, and a JSON-lines file that the report reads.

    Args:
        directory: gets `history.jsonl` and TensorBoard's folders `train/` and `eval/`.
    """

    def __init__(self, directory: str):
        self._path = f"{directory}/history.jsonl"
        self._writers = {
            name: tf.summary.create_file_writer(f"{directory}/{name}") for name in ("train", "eval")
        }
        tf.io.gfile.makedirs(directory)
        self._lines: list[str] = []
        if tf.io.gfile.exists(self._path):
            with tf.io.gfile.GFile(self._path) as file:
                self._lines = file.read().splitlines()

    def record_training(self, progress: Progress) -> None:
        """Adds a point to the training curves."""
        values = dataclasses.asdict(progress)
        for name in ("step", "total_steps"):
            del values[name]
        self._record("train", progress.step, values)

    def record_evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds a point to the evaluation curves."""
        self._record("eval", step, metrics)

    def _record(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        with self._writers[kind].as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writers[kind].flush()
        self._lines.append(json.dumps({"kind": kind, "step": step, **values}))
        # Object stores cannot append; the file stays small (a line per report).
        with tf.io.gfile.GFile(self._path, "w") as file:
            file.write("\n".join(self._lines) + "\n")


class ProgressReport:
    """A bar with examples per second and the time left on a terminal, plain lines elsewhere."""

    # Seconds between plain lines: a log of a run of days stays readable.
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
        """Shows where the run stands."""
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
