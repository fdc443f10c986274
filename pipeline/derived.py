"""Settings that a configuration leaves out because they follow from others or from the data.

Each kind says what it derives (`Kind.derive`); what all kinds derive is here. `xlnet-pipeline show`
prints where every derived value comes from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components.tokenization import vocabulary

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig


@dataclasses.dataclass(frozen=True)
class Derived:
    """A value that the configuration does not give.

    Attributes:
        setting: dotted key of the setting.
        value: the value, formatted for people.
        source: where it comes from, such as "training.batch_size".
    """

    setting: str
    value: str
    source: str


def mapping_at(document: Mapping[str, Any], *keys: str) -> dict[str, Any] | None:
    """Returns the mapping under nested keys of a document; None if there is something else."""
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, dict) else None


def split(
    section: dict[str, Any], files_key: str, shares_key: str, shares: Mapping[str, int], where: str
) -> list[Derived]:
    """Divides the only files of a data section into splits, if nothing else is said.

    Args:
        section: section of the document with the files; changed in place.
        files_key: key of the files of each split.
        shares_key: key of the division.
        shares: relative sizes of the splits.
        where: dotted key of the section.
    """
    names = section.get(files_key)
    if section.get(shares_key) or not isinstance(names, Mapping) or len(names) != 1:
        return []
    (name,) = names
    if name not in ("all", "train"):
        # A single "eval" or "test" is a mistake.
        return []
    section[shares_key] = dict(shares)
    written = ", ".join(f"{split}: {weight}" for split, weight in shares.items())
    return [
        Derived(f"{where}.{shares_key}", f"{{{written}}}", f"{where}.{files_key} has one entry")
    ]


def of_all_kinds(config: PipelineConfig, document: Mapping[str, Any]) -> list[Derived]:
    """Returns what every kind of pipeline derives.

    Args:
        config: the resolved configuration.
        document: the document that it was built from.
    """
    found = []
    if config.model.n_token is None:
        found.append(_n_token(config))
    training = document.get("training")
    if isinstance(training, Mapping) and training.get("eval_batch_size") is None:
        size = f"{config.training.eval_batch_size:,}"
        found.append(Derived("training.eval_batch_size", size, "training.batch_size"))
    return found


def _n_token(config: PipelineConfig) -> Derived:
    given = config.vocabulary
    if given.size is not None:
        return Derived("model.n_token", f"{given.size:,} or fewer", "the vocabulary to be trained")
    try:
        size = f"{vocabulary.load(given.model).size:,}"
    except (ValueError, OSError):
        size = "unknown, because the file cannot be read"
    return Derived("model.n_token", size, f"vocabulary.model, {given.model}")
