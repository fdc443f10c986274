"""The best weights of a run by a metric of its evaluations."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from components.trainer.checkpoints import RunCheckpoints
from components.trainer.history import History

_logger = logging.getLogger(__name__)

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})


class UnknownMetricError(ValueError):
    """A best metric that the evaluations of the task do not give."""


class BestModel:
    """Keeps the weights whose metric is best, the first of several that are equal.

    Args:
        metric: of the evaluations.
        checkpoints: of the run, beside which the best weights are kept.
        history: of the run, from which a resumed run knows the best value so far.
    """

    def __init__(self, metric: str, checkpoints: RunCheckpoints, history: History):
        self._metric = metric
        self._checkpoints = checkpoints
        self._best: Mapping[str, float] | None = None
        for point in history.evaluations():
            metrics = {key: value for key, value in point.items() if key not in ("kind", "step")}
            if self._is_better(metrics):
                self._best = metrics

    def compare(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keeps the model as it is now if it is better than all before.

        Raises:
            UnknownMetricError: if the evaluation does not give the metric.
        """
        if self._is_better(metrics):
            self._best = dict(metrics)
            self._checkpoints.save_best(step)
            _logger.info("best so far: %s %.4f", self._metric, metrics[self._metric])

    def restore(self, last: Mapping[str, float]) -> dict[str, float]:
        """Gives the model its best weights.

        Args:
            last: metrics of the weights that it has.

        Returns:
            Metrics of the weights that it has now.
        """
        step = self._checkpoints.restore_best()
        if step is None or self._best is None:
            return dict(last)
        _logger.info("The run ends with the weights of update %d.", step)
        return dict(self._best)

    def _is_better(self, metrics: Mapping[str, float]) -> bool:
        if self._metric not in metrics:
            raise UnknownMetricError(
                f"training.best_metric is {self._metric!r}; the evaluations of this task give "
                f"{', '.join(sorted(metrics))}."
            )
        if self._best is None:
            return True
        difference = metrics[self._metric] - self._best[self._metric]
        return difference < 0 if self._metric in LOWER_IS_BETTER else difference > 0
