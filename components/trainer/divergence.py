"""Decides when a run has diverged, and how often it may return to its last checkpoint."""

from __future__ import annotations

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
        progress: state of the run at that point.
    """

    def __init__(self, progress: Progress, cause: str, advice: str = ""):
        super().__init__(
            f"Training diverged at update {progress.step} of {progress.total_steps}: {cause} "
            f"(learning rate {progress.learning_rate:.3g}).{advice}"
        )
        self.step = progress.step
        self.cause = cause
        self.progress = progress


class DivergenceGuard:
    """Checks each stretch of updates before any of it is saved, and counts the rollbacks.

    Args:
        config: training configuration of the run.

    Attributes:
        lowest_loss: lowest mean loss of the stretches so far; infinite before the first. It is
            saved in checkpoints, so that a resumed run comes to the same verdicts.
    """

    def __init__(self, config: TrainingConfig):
        self._config = config
        self.lowest_loss = math.inf
        self._rollbacks = 0

    def check(self, progress: Progress) -> None:
        """Raises a DivergenceError, naming the update and the values, if a stretch diverged."""
        for name, value in (("loss", progress.loss), ("gradient norm", progress.gradient_norm)):
            if not math.isfinite(value):
                raise DivergenceError(progress, f"{name} is {value}")
        limit = self._config.max_loss_rise
        if limit is not None and progress.loss > self.lowest_loss + limit:
            raise DivergenceError(
                progress,
                f"loss is {progress.loss:.4g}, more than training.max_loss_rise ({limit:g}) above "
                f"the lowest of this run so far, {self.lowest_loss:.4g}",
            )
        self.lowest_loss = min(self.lowest_loss, progress.loss)

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
                f" It went back to its last checkpoint {self._rollbacks} times before "
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
