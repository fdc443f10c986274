"""Configuration of a search for settings: which settings are varied, over which values."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, Literal

from components.configuration import ConfigurationError, PositiveInt, Seed
from components.trainer import overrides

SEARCH_KEY = "search"
# File beside a run's results with the settings that a search found and the run used, by dotted
# name.
FOUND_NAME = "found_settings.json"
# Corners that are checked at most, so that a large space does not take long.
_MAX_CORNERS = 4096


@dataclasses.dataclass(frozen=True)
class Range:
    """Values that a setting may take: either a list of values, or all numbers between two bounds.

    Attributes:
        values: list of the values; empty for a range.
        minimum: lower bound of a range. Of a setting that is a whole number, whole numbers are
            drawn, the bounds included.
        maximum: upper bound of a range.
        scale: how a range is sampled: "linear" uniformly, "log" so that every order of magnitude is
            equally likely, as is usual for learning rates.
    """

    values: tuple[str | bool | int | float, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
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
    seed: Seed = 0

    def __post_init__(self) -> None:
        if not self.space:
            raise ValueError("space is empty; name a setting such as training.learning_rate.")

    def check(self, config: Any) -> None:
        """Checks the corners of the space: listed values and bounds in all combinations.

        Of a very large space, only the first of these are checked.

        Raises:
            ConfigurationError: if a corner is not legal; the message names it.
        """
        sides = [each.values or (each.minimum, each.maximum) for each in self.space.values()]
        for corner in itertools.islice(itertools.product(*sides), _MAX_CORNERS):
            values = dict(zip(self.space, corner, strict=True))
            try:
                overrides.apply(config, values)
            except ConfigurationError as error:
                where = ", ".join(f"{name}={value}" for name, value in values.items())
                raise ConfigurationError(f"search.space at {where}: {error}") from error

    def is_whole(self, name: str, config: Any) -> bool:
        """Whether whole numbers are to be drawn from the range of a setting."""
        values = self.space[name]
        setting = functools.reduce(getattr, name.split("."), config)
        bounds = (values.minimum, values.maximum)
        return not isinstance(setting, float) and all(isinstance(bound, int) for bound in bounds)
