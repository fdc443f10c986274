"""Turns plain mappings (from YAML or JSON) into frozen dataclasses and back.

A setting is declared once, as a field of a dataclass: its name, its type with the legal values or
bounds (`Literal`, or the types below), and its default. Pydantic checks documents against these
declarations, strictly: a misspelled key or a value of the wrong type is an error, and all errors of
a document are reported together. Pydantic rather than attrs with cattrs: it reports all errors at
once, each with its place, and both stacks already contain it. Only checks that concern several
settings stand in `__post_init__`; pydantic calls it once the fields of its dataclass are legal.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import math
import reprlib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Le, Lt

from components import plain_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
# A seed; TensorFlow takes those that fit into an int32.
Seed = Annotated[int, Ge(0), Le((1 << 31) - 1)]
# A part of a whole, such as 0.1 for a tenth.
Share = Annotated[float, Ge(0), Le(1)]
# As above, where the whole would leave nothing.
ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
PositiveShare = Annotated[float, Gt(0), Le(1)]

_Config = TypeVar("_Config")
# The largest number of errors that a message lists.
_MAX_LISTED = 10
# No setting is nested more than ten levels deep.
_MAX_DEPTH = 64
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}
# The names of types in messages, by the first word of pydantic's name of the error.
_TYPES = {"int": "int", "float": "float", "string": "str", "bool": "bool", "none": "null"}
# Characters of a key or a value in messages, and of a message from a configuration's own check.
_MAX_SHOWN = 60
_MAX_MESSAGE = 1000
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = _shown.maxlong = _MAX_SHOWN


class ConfigurationError(ValueError):
    """A configuration that names an unknown key, has a wrong type, or fails validation."""


def build(
    config_type: type[_Config],
    values: Any,
    *,
    where: str = "configuration",
    how_to_give: Callable[[Sequence[str]], str] | None = None,
) -> _Config:
    """Creates an instance of a dataclass from a mapping, recursively.

    Args:
        config_type: the dataclass. Its annotations say what is legal.
        values: a mapping such as `components.plain_yaml.load` returns.
        where: where `values` comes from, as a dotted path in the document; used in error messages.
        how_to_give: says how settings can be given that are missing, from their dotted keys; the
            message about them ends with it.

    Raises:
        ConfigurationError: if keys or values are not legal; the message names each place, what was
            found there, and what is legal.
    """
    import pydantic

    document = _plain(values, where)
    try:
        # JSON, because pydantic is strict there but still reads a list as a tuple.
        [config] = _adapter(config_type).validate_json(json.dumps([document]))
        return config
    except pydantic.ValidationError as error:
        errors = error.errors(include_url=False)
        messages = _messages(config_type, errors, document, where, how_to_give)
    raise ConfigurationError(_joined(messages))


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


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested mappings with dotted keys; an empty mapping is a value."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def from_json(
    config_type: type[_Config], text: str | bytes, *, where: str = "configuration"
) -> _Config:
    """Restores a configuration that `to_json` serialized.

    Raises:
        ConfigurationError: if the text is not JSON or does not fit `config_type`.
    """
    try:
        values = plain_json.loads(text, where=where)
    except plain_json.JsonError as error:
        raise ConfigurationError(str(error)) from error
    return build(config_type, values, where=where)


@functools.cache
def _adapter(config_type: type[_Config]) -> TypeAdapter[list[_Config]]:
    import pydantic

    # A list, since pydantic takes no `config` for a dataclass; the dataclasses inside inherit it.
    return pydantic.TypeAdapter(
        list[config_type],  # type: ignore[valid-type]
        config=pydantic.ConfigDict(strict=True, extra="forbid", allow_inf_nan=False),
    )


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """Returns the value as JSON can hold it.

    Raises:
        ConfigurationError: if it is nested too deeply, a number is not finite, or a text has half
            of a character.
    """
    if depth > _MAX_DEPTH:
        raise ConfigurationError(
            f"{_shown.repr(where)} is nested more than {_MAX_DEPTH} deep, as no setting is."
        )
    if isinstance(value, Mapping):
        return {
            _plain(str(key), where): _plain(item, f"{where}.{key}", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{where} must be a finite number, but is {value}.")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ConfigurationError(f"{where} is no text: {error}.") from error
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value):
        return to_plain(value)
    raise ConfigurationError(f"{where} is {_shown.repr(value)}, which no setting can be.")


def _messages(
    config_type: type,
    errors: Sequence[ErrorDetails],
    document: Any,
    where: str,
    how_to_give: Callable[[Sequence[str]], str] | None,
) -> list[str]:
    """Says in a sentence for each place what is wrong there.

    Alternatives of a union have errors of their own, so that several may belong to one place.
    """
    by_place: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for error in errors:
        by_place.setdefault(_place(error, document), []).append(error)
    return [
        _message(config_type, found, document, place, where, how_to_give)
        for place, found in by_place.items()
    ]


def _place(error: ErrorDetails, document: Any) -> tuple[str | int, ...]:
    """Returns where in the document an error is: its location without names of alternatives."""
    place: list[str | int] = []
    value = document
    # The first step is the index in the list of `_adapter`.
    for step in error["loc"][1:]:
        if (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        ):
            value = value[step]  # type: ignore[index]
            place.append(step)
    return tuple(place)


def _message(
    config_type: type,
    errors: Sequence[ErrorDetails],
    document: Any,
    place: Sequence[str | int],
    where: str,
    how_to_give: Callable[[Sequence[str]], str] | None,
) -> str:
    path = where + "".join(f"[{p}]" if isinstance(p, int) else f".{_short(p)}" for p in place)
    kinds = {error["type"] for error in errors}
    first = errors[0]
    if "too_long" in kinds or (kinds == {"missing"} and isinstance(first["input"], list)):
        length = first["ctx"]["max_length"] if "too_long" in kinds else errors[-1]["loc"][-1] + 1
        return f"{path} should have {length} values, but is {_shown.repr(first['input'])}."
    if kinds == {"missing"}:
        missing = sorted(str(error["loc"][-1]) for error in errors)
        have = "has" if len(missing) == 1 else "have"
        hint = ""
        if how_to_give is not None:
            hint = f": {how_to_give(['.'.join(map(str, (*place, key))) for key in missing])}"
        return f"{path} lacks {', '.join(missing)}, which {have} no default{hint}."
    if "unexpected_keyword_argument" in kinds:
        key = str(place[-1])
        parent = path.removesuffix(f".{_short(key)}")
        return _unknown_key(parent, key, _keys(config_type, place[:-1]))
    if first["type"] == "value_error":
        # It may quote a value, which may be long.
        return _cut(f"{path}: {first['ctx']['error']}", _MAX_MESSAGE)
    value = _shown.repr(first["input"])
    if first["type"] in _BOUNDS:
        name, words = _BOUNDS[first["type"]]
        bound = first["ctx"][name]
        legal = "positive" if (name, bound) == ("gt", 0) else f"{words} {bound:g}"
        return f"{path} must be {legal}, but is {value}."
    if first["type"] == "finite_number":
        return f"{path} must be a finite number, but is {value}."
    if "literal_error" in kinds:
        legal = [e["ctx"]["expected"] for e in errors if e["type"] == "literal_error"]
        legal += ["true", "false"] if "bool_type" in kinds else []
        return f"{path} is {value}; legal values are {', '.join(legal).replace(' or ', ', ')}."
    if kinds & {"dataclass_type", "dict_type", "mapping_type"}:
        return f"{path} should be a mapping, but is {value}."
    if kinds & {"tuple_type", "list_type"}:
        return f"{path} should be a list, but is {value}."
    names = " or ".join(dict.fromkeys(_TYPES[error["type"].partition("_")[0]] for error in errors))
    hint = ""
    if isinstance(first["input"], bool):
        hint = (
            " YAML reads words such as no, yes, on and off as something else than text: put them "
            "in quotes ('no')."
        )
    found = type(first["input"]).__name__
    return f"{path} should be of type {names}, but is {value} ({found}).{hint}"


def _unknown_key(path: str, key: str, keys: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, keys, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{path} has no key {_short(key)!r}.{hint} The keys are: {', '.join(sorted(keys))}."


def _short(key: str) -> str:
    return _cut(key, _MAX_SHOWN)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _keys(config_type: type, place: Sequence[str | int]) -> list[str]:
    """Returns the keys that are legal at a place in a document."""
    found = _alternatives(config_type)
    for step in place:
        found = [
            alternative
            for outer in found
            for inner in (
                typing.get_type_hints(outer, include_extras=True)[step]
                if dataclasses.is_dataclass(outer)
                # The items of tuple[X, ...] and list[X], and the values of dict[str, X].
                else typing.get_args(outer)[typing.get_origin(outer) in (dict, Mapping)],
            )
            for alternative in _alternatives(inner)
        ]
    return [
        field.name
        for one in found
        if dataclasses.is_dataclass(one)
        for field in dataclasses.fields(one)
        if field.init
    ]


def _alternatives(annotation: Any) -> list[Any]:
    """Returns the members of a union, without None and without bounds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [one for item in arguments if item is not type(None) for one in _alternatives(item)]
    return [annotation]


def _joined(messages: Sequence[str]) -> str:
    if len(messages) == 1:
        return messages[0]
    listed = list(messages[:_MAX_LISTED])
    if len(messages) > _MAX_LISTED:
        listed.append(f"and {len(messages) - _MAX_LISTED} more.")
    return "\n  ".join([f"{len(messages)} settings are wrong:", *listed])
