"""What a search for settings goes over: a typed space of the run's configuration."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from components.trainer import overrides

SEARCH_KEY = "search"
# Of the settings that a search found and a training took, by dotted name, beside its curves.
FOUND_NAME = "found_settings.json"


@dataclasses.dataclass(frozen=True)
class Range:
    """Values that a setting may take: a list of them, or all between two numbers.

    Attributes:
        values: one by one; empty for a range.
        minimum: of a range.
        maximum: of a range.
        scale: "log" draws orders of magnitude alike often, as for learning rates.
    """

    values: tuple[str | bool | int | float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        is_range = self.minimum is not None and self.maximum is not None
        if bool(self.values) == is_range:
            raise ValueError("give either values, or minimum and maximum.")
        if is_range and not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum} must be below maximum {self.maximum}.")
        if is_range and self.scale == "log" and self.minimum <= 0:
            raise ValueError(f"minimum must be positive on a log scale, but is {self.minimum}.")


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """What is searched, and for how long.

    Attributes:
        space: by dotted name of the setting, such as "training.learning_rate".
        metric: of the evaluations at the end of a trial. Lower is better for "loss" and
            "perplexity", higher for all others.
        max_trials: trainings.
        seed: of the draws.
    """

    space: dict[str, Range]
    metric: str
    max_trials: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.space:
            raise ValueError("space is empty; name a setting such as training.learning_rate.")
        if self.max_trials < 1:
            raise ValueError(f"max_trials must be at least 1, but is {self.max_trials}.")

    def check(self, config: Any) -> None:
        """Raises a ConfigurationError if a corner of the space is not legal for a run."""
        for name, values in self.space.items():
            for value in values.values or (values.minimum, values.maximum):
                overrides.apply(config, {name: value})
