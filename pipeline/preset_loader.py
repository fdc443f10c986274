"""Presets: YAML files that fill in a configuration, each over those that it extends.

A document may name others under `extends`; its own values win over theirs, key by key. A text that
starts with "package:" is the path of a file that comes with this package, such as the sample data.
"""

from __future__ import annotations

import difflib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from components import configuration, files, plain_yaml
from components.configuration import ConfigurationError
from pipeline import kinds
from pipeline.config import PipelineConfig

PRESET_DIRECTORY = pathlib.Path(__file__).parent / "presets"

_PACKAGE_PREFIX = "package:"
# A configuration is a page of text; anything larger is the wrong file.
_MAX_BYTES = 1 << 20
# Files that a configuration is put together from, and parts of a key of an override.
_MAX_FILES = 30
_MAX_KEY_PARTS = 20


def names() -> list[str]:
    """Presets that `load` knows by name; those in folders are parts that others extend."""
    return sorted(path.stem for path in PRESET_DIRECTORY.glob("*.yaml") if path.stem != "base")


def load(preset: str, overrides: Sequence[str] = ()) -> PipelineConfig:
    """Reads a configuration.

    Args:
        preset: name of a preset, or path of a YAML file (local or `gs://`).
        overrides: "dotted.key=value" strings; the values are YAML.

    Raises:
        ConfigurationError: naming the place in the document and what is legal there.
    """
    document = _read(preset, from_folder=None, ancestors=(), known={})
    for override in overrides:
        _merge(document, _parse_override(override))
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in kinds.names():
        raise ConfigurationError(
            f"{preset} has kind {kind!r}; the kinds of pipelines are: {', '.join(kinds.names())}."
        )
    config_type = kinds.named(kind).config_type
    for key, instead in config_type.ELSEWHERE.items():
        if key in document:
            raise ConfigurationError(f"{preset} is of kind {kind}, which has no {key}: {instead}")
    return configuration.build(
        kinds.named(kind).config_type, _resolve_paths(document), where=preset
    )


def to_yaml(config: PipelineConfig) -> str:
    """The resolved configuration, as it is written beside every output."""
    return yaml.safe_dump(configuration.to_plain(config), sort_keys=False, allow_unicode=True)


def _read(
    reference: str,
    *,
    from_folder: str | None,
    ancestors: tuple[str, ...],
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """A document over those that it extends; `known` holds those that were read, by path."""
    path = _find(reference, from_folder)
    if path in ancestors:
        raise ConfigurationError(f"{path} extends itself, by way of {' → '.join(ancestors)}.")
    if path in known:
        return known[path]
    if len(known) + len(ancestors) >= _MAX_FILES:
        raise ConfigurationError(
            f"{path} would be the {_MAX_FILES + 1}th file of one configuration; "
            f"{_MAX_FILES} are allowed."
        )
    document = plain_yaml.load(files.read_bytes(path, max_bytes=_MAX_BYTES), where=path)
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} should hold a mapping at its top.")
    parents = document.pop("extends", [])
    if isinstance(parents, str):
        parents = [parents]
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise ConfigurationError(
            f"{path}: extends should be a preset, a file or a list of them, but is {parents!r}."
        )
    folder = path.rpartition("/")[0]
    merged: dict[str, Any] = {}
    for parent in parents:
        _merge(merged, _read(parent, from_folder=folder, ancestors=(*ancestors, path), known=known))
    _merge(merged, document)
    known[path] = merged
    return merged


def _find(reference: str, from_folder: str | None) -> str:
    """Path of a preset: relative to the file that extends it, or among this package's."""
    is_path = reference.endswith((".yaml", ".yml"))
    if is_path:
        if "://" in reference or reference.startswith("/") or from_folder is None:
            return reference
        return f"{from_folder}/{reference}"
    path = PRESET_DIRECTORY / f"{reference}.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(reference, names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"There is no preset {reference!r}.{hint} The presets are: {', '.join(names())}. The "
            "path of a file of one's own ends in .yaml."
        )
    return str(path)


def _resolve_paths(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_PACKAGE_PREFIX):
        return str(PRESET_DIRECTORY.parent / value.removeprefix(_PACKAGE_PREFIX))
    if isinstance(value, dict):
        return {key: _resolve_paths(item) for key, item in value.items()}
    return value


def _parse_override(override: str) -> dict[str, Any]:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigurationError(
            f"{override!r} is no override; write key=value, such as training.train_steps=100."
        )
    parts = key.split(".")
    if len(parts) > _MAX_KEY_PARTS:
        raise ConfigurationError(f"The key of an override has {len(parts)} parts: {key[:80]}….")
    value = plain_yaml.load(text, where=f"The value of {override!r}")
    for part in reversed(parts):
        value = {part: value}
    return value


def _merge(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Puts values over others; mappings are copied, so that the source can be merged again."""
    for key, value in source.items():
        if isinstance(value, Mapping):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value
