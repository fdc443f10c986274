"""The registry of kinds of pipelines, by the name that a configuration gives under `kind:`.

Every kind is one object of class `Kind`. Code that depends on the kind asks that object; nothing
else in `pipeline/` compares names of kinds. docs/adding_a_kind.md shows how to add one.
"""

from __future__ import annotations

from pipeline.config import PipelineConfig
from pipeline.kinds.classification.kind import Classification
from pipeline.kinds.kind import Kind
from pipeline.kinds.pretraining.kind import Pretraining
from pipeline.kinds.question_answering.kind import QuestionAnswering

_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Adds a kind to the registry, under its name.

    Raises:
        ValueError: if another kind already has that name.
    """
    known = _KINDS.setdefault(kind.name, kind)
    if known is not kind:
        raise ValueError(f"The kind {kind.name!r} is known already: {type(known).__name__}.")


def names() -> list[str]:
    """Returns the names of all kinds, in alphabetical order."""
    return sorted(_KINDS)


def named(name: str) -> Kind:
    """Returns the kind with the given name, which must be one of `names()`."""
    return _KINDS[name]


def of(config: PipelineConfig) -> Kind:
    """Returns the kind that a configuration belongs to."""
    return _KINDS[config.kind]


for _kind in (Classification(), Pretraining(), QuestionAnswering()):
    register(_kind)
