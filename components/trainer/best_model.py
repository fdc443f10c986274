"""Keeps the weights of a run that score best in its evaluations (`training.best_metric`)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from components.trainer.checkpoints import Best, RunCheckpoints
from components.trainer.config import LOWER_IS_BETTER
from components.trainer.history import History

_logger = logging.getLogger(__name__)


class UnknownMetricError(ValueError):
    """A metric to choose the best weights by that the evaluations of the task do not report."""


class BestModel:
    """Keeps the weights with the best value of a metric; among equals, the first.

    Args:
        metric: name of the metric.
        checkpoints: checkpoints of the run, beside which the best weights and their metrics are
            stored.
        history: evaluations of the run until now, and from now on.
    """

    def __init__(self, metric: str, checkpoints: RunCheckpoints, history: History):
        self._metric = metric
        self._checkpoints = checkpoints
        self._history = history
        self._best = checkpoints.best()
        if self._best is None:
            self._last_gain = self._last_unobserved()
            if self._last_gain:
                _logger.warning(
                    "training.best_metric was not set when this run began: the weights of its "
                    "evaluations until update %d are gone, and only later ones are compared.",
                    self._last_gain,
                )
        elif self._best.chosen_by == metric:
            self._last_gain = self._best.step
        else:
            self._last_gain = self._last_unobserved()
            _logger.warning(
                "training.best_metric was %s when this run began: of its weights until now, only "
                "those with the best %s, of update %d, are left to be compared by their %s.",
                *(self._best.chosen_by, self._best.chosen_by, self._best.step, metric),
            )

    def compare(self, step: int, metrics: Mapping[str, float]) -> None:
        """Stores the model's current weights if they are better than all earlier ones.

        Args:
            step: number of updates made.
            metrics: metrics of the current weights.

        Raises:
            UnknownMetricError: if the metric is not among `metrics`.
        """
        if self._is_better(metrics):
            self._best = Best(step, dict(metrics), self._metric)
            self._last_gain = step
            self._checkpoints.save_best(self._best)
            _logger.info("best so far: %s %.4f", self._metric, metrics[self._metric])

    @property
    def evaluations_without_gain(self) -> int:
        """How many evaluations in a row, up to the last in the history, brought nothing better."""
        return sum(step > self._last_gain for step in self._history.evaluations())

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
        return dict(self._best.metrics)

    def _last_unobserved(self) -> int:
        """Returns the last update whose weights should have been compared, and were not."""
        evaluations = self._history.evaluations().items()
        known = (step for step, metrics in evaluations if self._is_number(metrics))
        return max(known, default=0)

    def _is_number(self, metrics: Mapping[str, float]) -> bool:
        return not math.isnan(metrics.get(self._metric, math.nan))

    def _is_better(self, metrics: Mapping[str, float]) -> bool:
        if self._metric not in metrics:
            raise UnknownMetricError(
                f"training.best_metric is {self._metric!r}; the evaluations of this task give "
                f"{', '.join(sorted(metrics))}."
            )
        if not self._is_number(metrics):
            return False
        if self._best is None or not self._is_number(self._best.metrics):
            return True
        difference = metrics[self._metric] - self._best.metrics[self._metric]
        return difference < 0 if self._metric in LOWER_IS_BETTER else difference > 0
