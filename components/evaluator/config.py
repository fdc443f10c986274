"""What makes a model good enough to ship."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Bounds of one metric, of which more is better.

    Attributes:
        minimum: lowest value that is good enough.
        maximum_drop: how far the value may fall below that of the latest blessed model on the
            same data; 0 asks for at least as good. Without a blessed model it is not looked at.
    """

    minimum: float | None = None
    maximum_drop: float | None = None

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum_drop is None:
            raise ValueError("a threshold needs minimum, maximum_drop, or both.")
        if self.maximum_drop is not None and self.maximum_drop < 0:
            raise ValueError(f"maximum_drop must not be negative, but is {self.maximum_drop}.")


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """The gate before the Pusher.

    Attributes:
        thresholds: bounds by metric; all must hold.
        slice_by: features by whose values the metrics are shown separately: "label", "length".
    """

    thresholds: dict[str, Threshold]
    slice_by: tuple[str, ...] = ("label", "length")

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ValueError(
                "thresholds is empty. Without any, every model would be pushed, or none; name at "
                "least one metric with a minimum."
            )

    def check_metrics(self, known: tuple[str, ...]) -> None:
        """Raises a ValueError if a threshold names a metric that the task does not have."""
        unknown = sorted(set(self.thresholds) - set(known))
        if unknown:
            raise ValueError(
                f"evaluation.thresholds names {', '.join(unknown)}; this task measures "
                f"{', '.join(known)}."
            )
