"""Replaces single settings of a configuration, by names such as "training.learning_rate"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from components import configuration

_Config = TypeVar("_Config")


def apply(config: _Config, values: Mapping[str, Any]) -> _Config:
    """Returns a copy of the configuration with some settings replaced.

    Args:
        config: configuration dataclass of the run.
        values: new values by dotted name of the setting.

    Raises:
        ConfigurationError: if there is no such setting, or a value is not legal.
    """
    plain = configuration.to_plain(config)
    for name, value in values.items():
        *path, last = name.split(".")
        place = plain
        for key in path:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place
        if not isinstance(place, dict):
            raise configuration.ConfigurationError(f"{name} names no setting of this run.")
        place[last] = value
    return configuration.build(type(config), plain, where="run")
