"""The section `evaluation` of a configuration: when a model is good enough to be pushed."""

from __future__ import annotations

import dataclasses

from components import metric_names
from components.configuration import NonNegativeFloat

# A change may be this much larger than allowed, so that rounding errors do not stop an equal model.
SLACK = 1e-9


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Bounds of one metric.

    `minimum` and `maximum_drop` are for metrics of which more is better, the other two for metrics
    of which less is better. They cannot be mixed.

    Attributes:
        minimum: lowest value that is good enough.
        maximum_drop: how far the value may fall below that of the latest blessed model on the
            same data; 0 requires it to be at least as good. Ignored if there is no blessed model.
        maximum: highest value that is good enough, for a metric such as perplexity.
        maximum_rise: how far the value may rise above that of the latest blessed model on the same
            data. Ignored if there is no blessed model.
    """

    minimum: float | None = None
    maximum_drop: NonNegativeFloat | None = None
    maximum: float | None = None
    maximum_rise: NonNegativeFloat | None = None

    def __post_init__(self) -> None:
        if self.more_is_better == self.less_is_better:
            raise ValueError(
                "a threshold needs minimum, maximum_drop, or both; or for a metric of which less "
                "is better maximum, maximum_rise, or both."
            )

    @property
    def more_is_better(self) -> bool:
        """Whether this bounds a metric of which more is better."""
        return self.minimum is not None or self.maximum_drop is not None

    @property
    def less_is_better(self) -> bool:
        """Whether this bounds a metric of which less is better."""
        return self.maximum is not None or self.maximum_rise is not None


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """The thresholds that a model has to reach before the Pusher pushes it.

    Attributes:
        thresholds: bounds by name of the metric, all of which must hold.
        slice_by: features by whose values the metrics are also shown separately: "label",
            "length", and "level" if the data have levels.
        slice_thresholds: bounds on parts of the data, by feature, value of the feature and metric,
            such as {"level": {"high": {"accuracy": …}}}.
    """

    thresholds: dict[str, Threshold]
    slice_by: tuple[str, ...] = ("label", "length")
    slice_thresholds: dict[str, dict[str, dict[str, Threshold]]] = dataclasses.field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ValueError(
                "thresholds is empty. Without any, every model would be pushed, or none; name at "
                "least one metric with a minimum."
            )

    def check_slices(
        self, known: tuple[str, ...], metrics: tuple[str, ...], *, highest: float = 1.0
    ) -> None:
        """Checks that the configured slices and their metrics exist in a task.

        Args:
            known: all features by which the task can be sliced.
            metrics: metrics that are measured on slices; for all of them more is better.
            highest: the highest value of these metrics: 1, or 100 for percentages.

        Raises:
            ValueError: if the configuration names an unknown slice or metric, or bounds a metric
                from the wrong side or beyond its range.
        """
        unknown = sorted({*self.slice_by, *self.slice_thresholds} - set(known))
        if unknown:
            raise ValueError(
                f"slice_by and slice_thresholds name {', '.join(unknown)}; the slices of this task "
                f"are {', '.join(known) or 'none'}."
            )
        for name, values in self.slice_thresholds.items():
            for value, thresholds in values.items():
                where = f"slice_thresholds.{name}.{value}"
                wrong = sorted(set(thresholds) - set(metrics))
                if wrong:
                    raise ValueError(
                        f"{where} names {', '.join(wrong)}; slices are measured by "
                        f"{metric_names.listed(metrics)}."
                    )
                if any(threshold.less_is_better for threshold in thresholds.values()):
                    raise ValueError(f"{where}: the bounds are minimum and maximum_drop.")
                for metric, threshold in thresholds.items():
                    _check_range(f"{where}.{metric}", metric, threshold, highest)

    def check_metrics(
        self,
        known: tuple[str, ...],
        *,
        less_is_better: tuple[str, ...] = (),
        highest: float = 1.0,
        unbounded: tuple[str, ...] = (),
    ) -> None:
        """Checks that the thresholds fit the metrics of a task.

        Args:
            known: all metrics of the task.
            less_is_better: metrics of which less is better, and which are bounded from above.
            highest: the highest value of the metrics: 1, or 100 for percentages.
            unbounded: metrics that have no highest value.

        Raises:
            ValueError: if a threshold names an unknown metric, or bounds one from the wrong side or
                beyond its range.
        """
        unknown = sorted(set(self.thresholds) - set(known))
        if unknown:
            raise ValueError(
                f"evaluation.thresholds names {', '.join(unknown)}; this task measures "
                f"{metric_names.listed(known)}."
            )
        for name, threshold in self.thresholds.items():
            if name not in unbounded:
                _check_range(f"evaluation.thresholds.{name}", name, threshold, highest)
            if threshold.less_is_better == (name in less_is_better):
                continue
            better, bounds = (
                ("less", "maximum and maximum_rise")
                if name in less_is_better
                else ("more", "minimum and maximum_drop")
            )
            raise ValueError(
                f"evaluation.thresholds.{name}: of {name} {better} is better; its bounds are "
                f"{bounds}."
            )


def _check_range(where: str, metric: str, threshold: Threshold, highest: float) -> None:
    lowest = -highest if metric.endswith("_correlation") else 0.0
    for name in ("minimum", "maximum"):
        bound = getattr(threshold, name)
        if bound is not None and not lowest <= bound <= highest:
            hint = " (write 0.55 for 55 %)" if highest == 1 else ""
            raise ValueError(
                f"{where}.{name} is {bound:g}, but {metric} lies between {lowest:g} and "
                f"{highest:g}{hint}."
            )
