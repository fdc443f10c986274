"""Keeps the weights of a run that score best in its evaluations (`training.best_metric`)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from components.trainer.checkpoints import RunCheckpoints

_logger = logging.getLogger(__name__)

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})


class UnknownMetricError(ValueError):
    """A metric to choose the best weights by that the evaluations of the task do not report."""


class BestModel:
    """Keeps the weights with the best value of a metric; among equals, the first.

    Args:
        metric: name of the metric.
        checkpoints: checkpoints of the run, beside which the best weights and their metrics are
            stored.
    """

    def __init__(self, metric: str, checkpoints: RunCheckpoints):
        self._metric = metric
        self._checkpoints = checkpoints
        self._step, self._best = checkpoints.best() or (0, None)

    def compare(self, step: int, metrics: Mapping[str, float]) -> None:
        """Stores the model's current weights if they are better than all earlier ones.

        Args:
            step: number of updates made.
            metrics: metrics of the current weights.

        Raises:
            UnknownMetricError: if the metric is not among `metrics`.
        """
        if self._is_better(metrics):
            self._step, self._best = step, dict(metrics)
            self._checkpoints.save_best(step, metrics)
            _logger.info("best so far: %s %.4f", self._metric, metrics[self._metric])

    def evaluations_since(self, step: int, *, interval: int) -> int:
        """Returns how many evaluations up to an update did not improve on the best weights.

        This follows from the numbers of updates alone, so it is the same after an interruption.

        Args:
            step: number of updates made.
            interval: number of updates between evaluations.
        """
        return step // interval - self._step // interval

    def restore(self, last: Mapping[str, float]) -> dict[str, float]:
        """Loads the best weights into the model, in the process that writes the run's results.

        Args:
            last: metrics of the model's current weights.

        Returns:
            Metrics of the best weights; `last` if none were stored.
        """
        if self._best is None:
            return dict(last)
        self._checkpoints.restore_best()
        return dict(self._best)

    def _is_better(self, metrics: Mapping[str, float]) -> bool:
        if self._metric not in metrics:
            raise UnknownMetricError(
                f"training.best_metric is {self._metric!r}; the evaluations of this task give "
                f"{', '.join(sorted(metrics))}."
            )
        value = metrics[self._metric]
        if self._best is None or math.isnan(value):
            return not math.isnan(value)
        difference = value - self._best[self._metric]
        return difference < 0 if self._metric in LOWER_IS_BETTER else difference > 0
