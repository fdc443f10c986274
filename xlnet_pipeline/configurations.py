"""Loads and builds configurations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pipeline import preset_loader
from pipeline.config import PipelineConfig


def presets() -> list[str]:
    """Returns the names of the configurations that come with this package.

    >>> "sample" in presets()
    True
    """
    return preset_loader.names()


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    data: str | os.PathLike[str] | None = None,
    vocabulary: str | os.PathLike[str] | None = None,
    init_from: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> PipelineConfig:
    """Loads or builds a configuration, and checks it.

    Args:
        source: name of a preset, path of a YAML file, or the content of such a file as a mapping.
        data: folder of the raw data; replaces `data.root`.
        vocabulary: SentencePiece model; replaces `vocabulary.model`.
        init_from: folder of the weights to start from; replaces `init_from`.
        output: folder for everything that a run writes; replaces `run.output_root`.
        settings: further values that replace those of the source, by dotted key.

    Returns:
        The configuration, whose attributes are the settings. It cannot be changed; load another one
        with other `settings` instead.

    Raises:
        ConfigurationError: if something is wrong; the message names the place in the document and
            says what is legal there.
        NoSuchFilesError: if there is no such file.

    >>> config = load_config("sample", settings={"training.train_steps": 60})
    >>> config.training.train_steps, config.seq_len
    (60, 32)

    A mapping has the form of a file, and can extend presets and files:

    >>> config = load_config({"extends": "sample", "name": "mine", "seq_len": 64})
    >>> config.name, config.seq_len
    ('mine', 64)
    """
    named = preset_loader.named_values(
        data=_as_text(data),
        vocabulary=_as_text(vocabulary),
        init_from=_as_text(init_from),
        output=_as_text(output),
    )
    if not isinstance(source, Mapping):
        source = os.fspath(source)
    return preset_loader.load(source, values={**(settings or {}), **named})


def _as_text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def to_yaml(config: PipelineConfig) -> str:
    """Returns a configuration as YAML, from which `load_config` reads the same one again.

    >>> print(to_yaml(load_config("sample")).splitlines()[0])
    name: sample
    """
    return preset_loader.to_yaml(config)
