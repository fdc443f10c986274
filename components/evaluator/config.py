"""What makes a model good enough to ship."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Bounds of one metric: the first two where more is better, the others where less is.

    Attributes:
        minimum: lowest value that is good enough.
        maximum_drop: how far the value may fall below that of the latest blessed model on the
            same data; 0 asks for at least as good. Without a blessed model it is not looked at.
        maximum: highest value that is good enough, of a metric like perplexity.
        maximum_rise: how far such a value may rise above that of the latest blessed model.
    """

    minimum: float | None = None
    maximum_drop: float | None = None
    maximum: float | None = None
    maximum_rise: float | None = None

    def __post_init__(self) -> None:
        if self.more_is_better == self.less_is_better:
            raise ValueError(
                "a threshold needs minimum, maximum_drop, or both; or for a metric of which less "
                "is better maximum, maximum_rise, or both."
            )
        for name, value in vars(self).items():
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, but is {value}.")
        for name in ("maximum_drop", "maximum_rise"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, but is {value}.")

    @property
    def more_is_better(self) -> bool:
        """Whether it bounds a metric from below."""
        return self.minimum is not None or self.maximum_drop is not None

    @property
    def less_is_better(self) -> bool:
        """Whether it bounds a metric from above."""
        return self.maximum is not None or self.maximum_rise is not None


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """The gate before the Pusher.

    Attributes:
        thresholds: bounds by metric; all must hold.
        slice_by: features by whose values the metrics are shown separately: "label", "length",
            and "level" where the data have levels.
        slice_thresholds: bounds by slice, value of the slice and metric, such as
            {"level": {"high": {"accuracy": …}}}.
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

    def check_slices(self, known: tuple[str, ...], metrics: tuple[str, ...]) -> None:
        """Compares slices and their thresholds with what a task can be sliced by.

        Args:
            known: all slices of the task.
            metrics: that are measured on slices; of all of them more is better.

        Raises:
            ValueError: if another one is named.
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
                        f"{', '.join(metrics)}."
                    )
                if any(threshold.less_is_better for threshold in thresholds.values()):
                    raise ValueError(f"{where}: the bounds are minimum and maximum_drop.")

    def check_metrics(
        self, known: tuple[str, ...], *, less_is_better: tuple[str, ...] = ()
    ) -> None:
        """Compares the thresholds with what a task measures.

        Args:
            known: all metrics of the task.
            less_is_better: those that are bounded from above.

        Raises:
            ValueError: if a threshold names another metric, or bounds one from the wrong side.
        """
        unknown = sorted(set(self.thresholds) - set(known))
        if unknown:
            raise ValueError(
                f"evaluation.thresholds names {', '.join(unknown)}; this task measures "
                f"{', '.join(known)}."
            )
        for name, threshold in self.thresholds.items():
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
