"""Loads configurations from YAML files: the presets of this package, and the user's own files.

A file can name other files or presets under `extends`. Their values are merged in order, and the
file's own values override them key by key. A text that starts with "package:" is the path of a file
inside this package, such as the sample data.
"""

from __future__ import annotations

import difflib
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from components import configuration, files, plain_yaml
from components.configuration import ConfigurationError
from pipeline import derived, kinds
from pipeline.config import PipelineConfig
from pipeline.derived import Derived

PRESET_DIRECTORY = pathlib.Path(__file__).parent / "presets"

_PACKAGE_PREFIX = "package:"
# What a configuration is called in messages if it comes from no file.
_UNNAMED = "the configuration"
# A configuration is about a page of text; anything much larger must be the wrong file.
_MAX_BYTES = 1 << 20
# Limits on how many files one configuration may be merged from, and on the depth of a dotted key.
_MAX_FILES = 30
_MAX_KEY_PARTS = 20


def names() -> list[str]:
    """Returns the names of the presets that can be run.

    "base" and the presets in subfolders are left out, because they are parts for others to extend.
    """
    return sorted(path.stem for path in PRESET_DIRECTORY.glob("*.yaml") if path.stem != "base")


def load(
    preset: str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    values: Mapping[str, Any] | None = None,
) -> PipelineConfig:
    """Reads a configuration, fills in what it leaves out, and checks it.

    For arguments and errors see `load_explained`.
    """
    return load_explained(preset, overrides, values=values)[0]


def load_explained(
    preset: str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    values: Mapping[str, Any] | None = None,
    how_to_give: Callable[[Sequence[str]], str] | None = None,
) -> tuple[PipelineConfig, list[Derived]]:
    """Does the same as `load`, and also returns what was derived and from what.

    Args:
        preset: name of a preset, path of a YAML file (local or `gs://`), or the content of such a
            file as a mapping.
        overrides: strings of the form "dotted.key=value", where the value is YAML.
        values: values by dotted key, which replace those of the preset and the overrides.
        how_to_give: says how settings can be given that are missing (`configuration.build`).

    Raises:
        ConfigurationError: if something is wrong; the message names the place in the document and
            says what is legal there.
    """
    document = _document(preset, overrides, values)
    if not isinstance(preset, str):
        preset = _UNNAMED
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in kinds.names():
        raise ConfigurationError(
            f"{preset} has kind {kind!r}; the kinds of pipelines are: {', '.join(kinds.names())}."
        )
    config_type = kinds.named(kind).config_type
    document = _resolve_paths(document)
    for key, instead in config_type.ELSEWHERE.items():
        if key in document:
            raise ConfigurationError(f"{preset} is of kind {kind}, which has no {key}: {instead}")
    found = kinds.named(kind).derive(document, where=preset)
    config = configuration.build(config_type, document, where=preset, how_to_give=how_to_give)
    return config, [*found, *derived.of_all_kinds(config, document)]


def lacking(
    preset: str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    values: Mapping[str, Any] | None = None,
) -> list[str]:
    """Returns which of the settings that say where a run reads and writes have no value.

    Presets leave these to their users. For arguments and errors see `load_explained`.
    """
    document = _document(preset, overrides, values)
    found = []
    for section, keys in (
        ("data", ("root",)),
        # A vocabulary that is to be trained has a size instead of a file.
        ("vocabulary", ("model", "size")),
        ("run", ("output_root",)),
    ):
        given = document.get(section, {})
        if isinstance(given, dict) and all(given.get(key) is None for key in keys):
            found.append(f"{section}.{keys[0]}")
    return found


def _document(
    preset: str | Mapping[str, Any], overrides: Sequence[str], values: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Returns a document that is merged from all that is given, unchecked."""
    if isinstance(preset, str):
        document = _read(preset, from_folder=None, ancestors=(), known={})
    else:
        document = _extended(preset, _UNNAMED, from_folder=None, ancestors=(), known={})
    for override in overrides:
        _override(document, _parse_override(override))
    for key, value in (values or {}).items():
        _override(document, _nested(key, value))
    return document


def named_values(
    *,
    data: str | None = None,
    vocabulary: str | None = None,
    init_from: str | None = None,
    output: str | None = None,
) -> dict[str, Any]:
    """Returns values by dotted key for the settings that have an option of their own.

    Args:
        data: folder of the raw data.
        vocabulary: SentencePiece model. It replaces a vocabulary that a preset would train.
        init_from: folder of the weights to start from.
        output: folder for everything that a run writes.
    """
    values = {
        "data.root": data,
        "vocabulary.model": vocabulary,
        "init_from": init_from,
        "run.output_root": output,
    }
    given: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if vocabulary is not None:
        given["vocabulary.size"] = None
    return given


def read(preset: str) -> dict[str, Any]:
    """Returns the content of a preset, or of a file, merged over what it extends, unchecked.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    return _read(preset, from_folder=None, ancestors=(), known={})


def to_yaml(config: PipelineConfig) -> str:
    """Formats the resolved configuration as YAML, from which `load` reads the same one again."""
    return yaml.safe_dump(configuration.to_plain(config), sort_keys=False, allow_unicode=True)


def _read(
    reference: str,
    *,
    from_folder: str | None,
    ancestors: tuple[str, ...],
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Reads a file and merges it over the files that it extends.

    Args:
        reference: name of a preset, or path of a file.
        from_folder: folder of the file that extends this one, for relative paths; None at the top.
        ancestors: paths of the files that led here, for finding cycles.
        known: merged documents of the files read so far, by path; this file is added.
    """
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
    merged = _extended(
        document,
        path,
        from_folder=path.rpartition("/")[0],
        ancestors=(*ancestors, path),
        known=known,
    )
    known[path] = merged
    return merged


def _extended(
    document: Mapping[str, Any],
    where: str,
    *,
    from_folder: str | None,
    ancestors: tuple[str, ...],
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Merges a document over the files that it extends.

    Args:
        document: content of a file, or what a caller gave in place of one.
        where: what the document is called in error messages.
        from_folder: folder that relative paths start from; None for the working directory.
        ancestors: see `_read`.
        known: see `_read`.
    """
    parents = document.get("extends", [])
    if isinstance(parents, str):
        parents = [parents]
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise ConfigurationError(
            f"{where}: extends should be a preset, a file or a list of them, but is {parents!r}."
        )
    merged: dict[str, Any] = {}
    for parent in parents:
        _merge(merged, _read(parent, from_folder=from_folder, ancestors=ancestors, known=known))
    _merge(merged, {key: value for key, value in document.items() if key != "extends"})
    return merged


def _find(reference: str, from_folder: str | None) -> str:
    """Finds the file that a reference names.

    References that end in .yaml or .yml are paths; a relative path starts at the folder of the file
    that contains it. All others are presets of this package.
    """
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
            f"There is no preset {reference!r}.{hint} The presets are: {', '.join(names())}. "
            "To use your own file, give its path, ending in .yaml or .yml."
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
    return _nested(key, plain_yaml.load(text, where=f"The value of {override!r}"))


def _nested(key: str, value: Any) -> dict[str, Any]:
    """Returns a document in which a dotted key has a value."""
    parts = key.split(".")
    if len(parts) > _MAX_KEY_PARTS:
        raise ConfigurationError(f"The key of an override has {len(parts)} parts: {key[:80]}….")
    for part in reversed(parts):
        value = {part: value}
    return value


def _override(document: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Merges a change into a document.

    Raises:
        ConfigurationError: if it has an empty mapping where the document has values, which then
            would stay.
    """
    there = configuration.flat(document)
    for key, value in configuration.flat(change).items():
        kept = [name for name in there if name.startswith(f"{key}.")]
        if value == {} and kept:
            raise ConfigurationError(
                f"{key}={{}} would change nothing, because a mapping is merged into the one that "
                f"is there. Give what should change in it, such as {kept[0]}=…. {key}=null leaves "
                "it out if it is optional; otherwise write a file of your own that does not extend "
                "the one with these values."
            )
    _merge(document, change)


def _merge(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Merges `source` into `target`, where its values win.

    Mappings are copied rather than shared, so that `source` can be merged elsewhere again.
    """
    for key, value in source.items():
        if isinstance(value, Mapping):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value
