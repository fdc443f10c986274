"""Decides when a run has diverged, and how often it may return to its last checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import math

from components.trainer.actions import Progress
from components.trainer.config import TrainingConfig

_logger = logging.getLogger(__name__)


class DivergenceError(RuntimeError):
    """A run whose loss or gradient is no longer usable.

    Attributes:
        step: number of updates made when the divergence was noticed.
        cause: description of what was noticed.
        sound_step: number of updates made before those that were judged.
        progress: state of the run when the divergence was noticed.
    """

    def __init__(self, progress: Progress, cause: str, *, sound_step: int, advice: str = ""):
        super().__init__(
            f"Training diverged at update {progress.step} of {progress.total_steps}: {cause} "
            f"(learning rate {progress.learning_rate:.3g}).{advice}"
        )
        self.step = progress.step
        self.cause = cause
        self.sound_step = sound_step
        self.progress = progress


@dataclasses.dataclass(frozen=True)
class Losses:
    """The losses so far, as far as later ones are judged by them.

    They are saved in checkpoints, so that a resumed run comes to the same verdicts.

    Attributes:
        lowest: lowest mean loss of any loop; infinite before the end of the first.
        loop_total: sum of the losses of the updates since the end of the last loop.
        loop_updates: number of these updates.
    """

    lowest: float = math.inf
    loop_total: float = 0.0
    loop_updates: int = 0


class DivergenceGuard:
    """Checks each stretch of updates before any of it is saved, and counts the rollbacks.

    Where stretches end may depend on when the run was interrupted. How far the loss rose is
    therefore judged at the ends of loops, for all updates of the loop together.

    Args:
        config: training configuration of the run.

    Attributes:
        losses: the losses so far.
    """

    def __init__(self, config: TrainingConfig):
        self._config = config
        self.losses = Losses()
        self._rollbacks = 0

    def check(self, progress: Progress) -> None:
        """Raises a DivergenceError, naming the update and the values, if the run diverged."""
        for name, value in (("loss", progress.loss), ("gradient norm", progress.gradient_norm)):
            if not math.isfinite(value):
                raise DivergenceError(
                    progress, f"{name} is {value}", sound_step=progress.step - progress.updates
                )
        lowest = self.losses.lowest
        total = self.losses.loop_total + progress.loss * progress.updates
        updates = self.losses.loop_updates + progress.updates
        if progress.step % self._config.steps_per_loop and progress.step < progress.total_steps:
            self.losses = Losses(lowest, total, updates)
            return
        mean = total / updates
        limit = self._config.max_loss_rise
        if limit is not None and mean > lowest + limit:
            raise DivergenceError(
                progress,
                f"loss is {mean:.4g}, more than training.max_loss_rise ({limit:g}) above the "
                f"lowest of this run so far, {lowest:.4g}",
                sound_step=progress.step - updates,
            )
        self.losses = Losses(min(lowest, mean))

    def allow_rollback(self, error: DivergenceError) -> None:
        """Counts a rollback, if one more is allowed.

        Args:
            error: the divergence that calls for the rollback.

        Raises:
            DivergenceError: if the run has used up its rollbacks; the message names update and
                cause.
        """
        if self._rollbacks >= self._config.max_rollbacks:
            raise DivergenceError(
                error.progress,
                error.cause,
                sound_step=error.sound_step,
                advice=f" It went back to its last checkpoint {self._rollbacks} times before "
                "(training.max_rollbacks). Lower training.learning_rate or raise "
                "training.warmup_steps; the checkpoints before this update are intact.",
            ) from error
        self._rollbacks += 1
        _logger.warning(
            "%s Going back to the last checkpoint, and on without the batches since then "
            "(rollback %d of at most %d).",
            error,
            self._rollbacks,
            self._config.max_rollbacks,
        )
