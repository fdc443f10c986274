"""Plain mappings (YAML, JSON) to frozen dataclasses, strictly: typos and wrong types are errors.

Every library keeps its own configuration as a dataclass that validates itself in `__post_init__`;
this module only fills them in and says where in the document something was wrong.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from components import plain_json

_Config = TypeVar("_Config")
# Characters of a value in a message.
_MAX_SHOWN = 40


class ConfigurationError(ValueError):
    """A configuration that names an unknown key, has a wrong type, or fails validation."""


def build(config_type: type[_Config], values: Any, *, where: str = "configuration") -> _Config:
    """Fills a dataclass from a mapping, recursively.

    Args:
        config_type: a dataclass; its annotations say what is legal. Understood are str, int,
            float, bool, None, Literal, unions, list, tuple[X, ...], dict[str, X] and dataclasses.
        values: a mapping such as `yaml.safe_load` gives.
        where: dotted place of `values` in the document, for messages.

    Raises:
        ConfigurationError: naming the place, what was found, and what is legal.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where} should be a mapping, but is {values!r}.")
    fields = {field.name: field for field in dataclasses.fields(config_type) if field.init}
    unknown = [key for key in values if key not in fields]
    if unknown:
        key = unknown[0]
        near = difflib.get_close_matches(str(key), fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"{where} has no key {key!r}.{hint} The keys are: {', '.join(sorted(fields))}."
        )
    missing = sorted(
        name
        for name, field in fields.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )
    if missing:
        raise ConfigurationError(
            f"{where} lacks {', '.join(missing)}. What defines the experiment has no default."
        )
    hints = typing.get_type_hints(config_type)
    arguments = {
        name: _convert(hints[name], value, f"{where}.{name}") for name, value in values.items()
    }
    try:
        return config_type(**arguments)
    except ConfigurationError:
        raise
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def to_plain(config: Any) -> Any:
    """The mapping from which `build` makes an equal object; safe for YAML and JSON."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {
            field.name: to_plain(getattr(config, field.name))
            for field in dataclasses.fields(config)
            if field.init
        }
    if isinstance(config, Mapping):
        return {key: to_plain(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [to_plain(value) for value in config]
    return config


def to_json(config: Any) -> str:
    """Compact JSON with sorted keys, so that equal configurations give equal text."""
    return json.dumps(to_plain(config), sort_keys=True)


def from_json(config_type: type[_Config], text: str, *, where: str = "configuration") -> _Config:
    """The object that `to_json` wrote.

    Raises:
        ConfigurationError: if the text is not JSON or does not fit `config_type`.
    """
    try:
        values = plain_json.loads(text, where=where)
    except plain_json.JsonError as error:
        raise ConfigurationError(str(error)) from error
    return build(config_type, values, where=where)


def _convert(annotation: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            legal = ", ".join(repr(argument) for argument in arguments)
            raise ConfigurationError(f"{where} is {value!r}; legal values are {legal}.")
        return value
    if dataclasses.is_dataclass(annotation):
        if isinstance(value, annotation):
            return value
        return build(annotation, value, where=where)
    if origin in (list, tuple, Sequence):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ConfigurationError(f"{where} should be a list, but is {value!r}.")
        items = [_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{where} should be a mapping, but is {value!r}.")
        return {
            str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()
        }
    return _convert_scalar(annotation, value, where)


def _convert_union(alternatives: Sequence[Any], value: Any, where: str) -> Any:
    if value is None and type(None) in alternatives:
        return None
    rest = [alternative for alternative in alternatives if alternative is not type(None)]
    for alternative in rest:
        try:
            return _convert(alternative, value, where)
        except ConfigurationError:
            continue
    # Of what is text or a number, the text: what was meant is a word.
    return _convert(str if str in rest else rest[-1], value, where)


def _convert_scalar(annotation: Any, value: Any, where: str) -> Any:
    is_bool = isinstance(value, bool)
    if annotation is float and isinstance(value, (int, float, str)) and not is_bool:
        # YAML 1.1 reads 1e-5 as a string: only 1.0e-5 is a number to it.
        try:
            number = float(value)
        except ValueError:
            number = None
        except OverflowError:
            number = math.inf
        if number is not None and not math.isfinite(number):
            raise ConfigurationError(
                f"{where} should be a number, but is {str(value)[:_MAX_SHOWN]}, which is none that "
                "can be computed with."
            )
        if number is not None:
            return number
    elif annotation is int and not is_bool:
        if isinstance(value, int):
            return value
    elif (annotation is bool and is_bool) or (annotation is str and isinstance(value, str)):
        return value
    name = getattr(annotation, "__name__", str(annotation))
    # What a person wrote as a word, and YAML 1.1 took for something else.
    hint = ""
    if isinstance(value, (bool, datetime.date)) and annotation is not bool:
        hint = (
            " YAML reads words such as no, yes, on, off and dates as something else than text: put "
            "them in quotes ('no')."
        )
    raise ConfigurationError(
        f"{where} should be of type {name}, but is {value!r} ({type(value).__name__}).{hint}"
    )
