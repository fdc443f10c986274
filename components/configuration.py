"""Turns plain mappings (from YAML or JSON) into frozen dataclasses and back.

It is strict: a misspelled key or a value of the wrong type is an error. Each library defines its
configuration as a dataclass that validates itself in `__post_init__`; this module only fills the
dataclasses in and says where in the document something is wrong.
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
# The number of characters of a value that an error message shows.
_MAX_SHOWN = 40


class ConfigurationError(ValueError):
    """A configuration that names an unknown key, has a wrong type, or fails validation."""


def build(config_type: type[_Config], values: Any, *, where: str = "configuration") -> _Config:
    """Creates an instance of a dataclass from a mapping, recursively.

    Args:
        config_type: the dataclass. Its annotations say what is legal; supported are str, int,
            float, bool, None, Literal, unions, list, tuple[X, ...], dict[str, X] and other
            dataclasses.
        values: a mapping such as `yaml.safe_load` returns.
        where: where `values` comes from, as a dotted path in the document; used in error messages.

    Raises:
        ConfigurationError: if a key or value is not legal; the message names the place, what was
            found there, and what is legal.
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
    """Returns plain values, fit for YAML and JSON, from which `build` makes an equal object."""
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
    """Serializes a configuration as JSON with sorted keys: equal configurations give equal text."""
    return json.dumps(to_plain(config), sort_keys=True)


def from_json(config_type: type[_Config], text: str, *, where: str = "configuration") -> _Config:
    """Restores a configuration that `to_json` serialized.

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
    # If a value may be text or a number, the error is about text: probably a word was meant.
    return _convert(str if str in rest else rest[-1], value, where)


def _convert_scalar(annotation: Any, value: Any, where: str) -> Any:
    is_bool = isinstance(value, bool)
    if annotation is float and isinstance(value, (int, float, str)) and not is_bool:
        # YAML 1.1 reads 1e-5 as a string; only 1.0e-5 counts as a number. So strings are accepted.
        try:
            number = float(value)
        except ValueError:
            number = None
        except OverflowError:
            number = math.inf
        if number is not None and not math.isfinite(number):
            raise ConfigurationError(
                f"{where} must be a finite number, but is {str(value)[:_MAX_SHOWN]}."
            )
        if number is not None:
            return number
    elif annotation is int and not is_bool:
        if isinstance(value, int):
            return value
    elif (annotation is bool and is_bool) or (annotation is str and isinstance(value, str)):
        return value
    name = getattr(annotation, "__name__", str(annotation))
    # The user probably meant a word that YAML 1.1 reads as a boolean or a date.
    hint = ""
    if isinstance(value, (bool, datetime.date)) and annotation is not bool:
        hint = (
            " YAML reads words such as no, yes, on, off and dates as something else than text: put "
            "them in quotes ('no')."
        )
    raise ConfigurationError(
        f"{where} should be of type {name}, but is {value!r} ({type(value).__name__}).{hint}"
    )
