"""Configuration of a search for settings: which settings are varied, over which values."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from components.configuration import PositiveInt
from components.trainer import overrides

SEARCH_KEY = "search"
# File beside a run's results with the settings that a search found and the run used, by dotted
# name.
FOUND_NAME = "found_settings.json"


@dataclasses.dataclass(frozen=True)
class Range:
    """Values that a setting may take: either a list of values, or all numbers between two bounds.

    Attributes:
        values: list of the values; empty for a range.
        minimum: lower bound of a range.
        maximum: upper bound of a range.
        scale: how a range is sampled: "linear" uniformly, "log" so that every order of magnitude is
            equally likely, as is usual for learning rates.
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
    """The search space, the metric to optimize, and the number of trials.

    Attributes:
        space: values to try, by dotted name of the setting, such as "training.learning_rate".
        metric: metric of the evaluation at the end of a trial. Lower is better for "loss" and
            "perplexity", higher is better for all others.
        max_trials: number of trials; each is one training.
        seed: seed of the random draws.
    """

    space: dict[str, Range]
    metric: str
    max_trials: PositiveInt
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.space:
            raise ValueError("space is empty; name a setting such as training.learning_rate.")

    def check(self, config: Any) -> None:
        """Raises a ConfigurationError if a listed value, or a bound of a range, is not legal."""
        for name, values in self.space.items():
            for value in values.values or (values.minimum, values.maximum):
                overrides.apply(config, {name: value})
