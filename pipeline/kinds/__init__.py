"""The kinds of pipelines: what the word under `kind:` in a configuration stands for.

Every kind is one object (`Kind`). Whatever depends on the kind asks that object; nothing else in
`pipeline/` compares names of kinds. docs/adding_a_kind.md walks through adding one.
"""

from __future__ import annotations

from pipeline.config import PipelineConfig
from pipeline.kinds.classification.kind import Classification
from pipeline.kinds.kind import Kind
from pipeline.kinds.pretraining.kind import Pretraining
from pipeline.kinds.question_answering.kind import QuestionAnswering

_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Makes a kind known by its name.

    Raises:
        ValueError: if another kind has that name.
    """
    known = _KINDS.setdefault(kind.name, kind)
    if known is not kind:
        raise ValueError(f"The kind {kind.name!r} is known already: {type(known).__name__}.")


def names() -> list[str]:
    """Names of all kinds, in alphabetical order."""
    return sorted(_KINDS)


def named(name: str) -> Kind:
    """The kind of a name out of `names()`."""
    return _KINDS[name]


def of(config: PipelineConfig) -> Kind:
    """The kind of a configuration."""
    return _KINDS[config.kind]


for _kind in (Classification(), Pretraining(), QuestionAnswering()):
    register(_kind)
