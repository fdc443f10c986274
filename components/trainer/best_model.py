"""The best weights of a run by a metric of its evaluations."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from components.trainer.checkpoints import RunCheckpoints

_logger = logging.getLogger(__name__)

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})


class UnknownMetricError(ValueError):
    """A best metric that the evaluations of the task do not give."""


class BestModel:
    """Keeps the weights whose metric is best, the first of several that are equal.

    Args:
        metric: of the evaluations.
        checkpoints: of the run, beside which the best weights are kept with their metrics.
    """

    def __init__(self, metric: str, checkpoints: RunCheckpoints):
        self._metric = metric
        self._checkpoints = checkpoints
        self._best = checkpoints.best_metrics()

    def compare(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keeps the model as it is now if it is better than all before.

        Raises:
            UnknownMetricError: if the evaluation does not give the metric.
        """
        if self._is_better(metrics):
            self._best = dict(metrics)
            self._checkpoints.save_best(step, metrics)
            _logger.info("best so far: %s %.4f", self._metric, metrics[self._metric])

    def restore(self, last: Mapping[str, float]) -> dict[str, float]:
        """Gives the model its best weights, in the process that writes what a run leaves behind.

        Args:
            last: metrics of the weights that it has.

        Returns:
            Metrics of the best weights.
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
