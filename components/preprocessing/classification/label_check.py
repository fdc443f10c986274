"""Counting the labels of raw examples as they become records.

A record holds a number where the label was: a missing label can no longer be told from the first
one. So the labels are looked at before, and examples from which a model learns, or by which it is
judged, must all have one.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from components.preprocessing.classification import labels as labels_lib

# Other splits, such as "test", may lack labels.
LABELLED_SPLITS = ("train", "eval")

RECORDS = "records"
KNOWN_LABEL = "labels/"
UNKNOWN_LABEL = "unknown/"

_MAX_LISTED = 5
# A column of texts taken for labels must not make a million counters.
_MAX_DIFFERENT = 100
_MAX_LABEL_CHARACTERS = 50
_OTHERS = UNKNOWN_LABEL + "(others)"


class LabelError(ValueError):
    """Examples for training or evaluation whose labels are missing or unknown."""


def count(labels: Iterable[bytes], names: Sequence[str] | None) -> collections.Counter[str]:
    """Counts the labels of one file.

    Args:
        labels: of raw examples; empty where there is none.
        names: the task's labels; None for regression.

    Returns:
        Numbers by name: "records", "labels/<label>" (classification only), and "unknown/<label>"
        for the others, the empty one among them.
    """
    counts: collections.Counter[str] = collections.Counter()
    different = 0
    for label, number in collections.Counter(labels).items():
        counts[RECORDS] += number
        text = label.decode("utf-8", errors="replace")
        if not labels_lib.is_known(label, names):
            different += 1
            key = UNKNOWN_LABEL + text[:_MAX_LABEL_CHARACTERS]
            counts[key if different <= _MAX_DIFFERENT else _OTHERS] += number
        elif names is not None:
            counts[KNOWN_LABEL + text] += number
    return counts


def check(counts: Mapping[str, Mapping[str, int]], names: Sequence[str] | None) -> dict[str, int]:
    """Refuses examples that cannot be learned or judged.

    Args:
        counts: by split, what `count` returned, added up over its files.
        names: the task's labels; None for regression.

    Returns:
        Numbers for the manifest by name: "<split>/records", "<split>/labels/<label>" for each
        label, and "<split>/unknown_labels".

    Raises:
        LabelError: if "train" or "eval" has examples without a known label, naming how many and
            which labels.
    """
    numbers = {}
    for split, found in counts.items():
        unknown = {
            key[len(UNKNOWN_LABEL) :]: number
            for key, number in found.items()
            if key.startswith(UNKNOWN_LABEL)
        }
        if split in LABELLED_SPLITS and unknown:
            raise LabelError(_explain(unknown, total=found[RECORDS], split=split, names=names))
        numbers[f"{split}/records"] = found.get(RECORDS, 0)
        for name in names or ():
            numbers[f"{split}/labels/{name}"] = found.get(KNOWN_LABEL + name, 0)
        numbers[f"{split}/unknown_labels"] = sum(unknown.values())
    return numbers


def _explain(
    unknown: Mapping[str, int], *, total: int, split: str, names: Sequence[str] | None
) -> str:
    most_frequent = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))[:_MAX_LISTED]
    listing = "; ".join(
        f"{label!r}: {number:,}" if label else f"no label: {number:,}"
        for label, number in most_frequent
    )
    legal = "a number (this is a regression task)" if names is None else f"one of {list(names)}"
    return (
        f"In split {split!r} {sum(unknown.values()):,} of {total:,} raw examples have no label "
        f"that could be learned or judged ({listing}). A label should be {legal}. Correct the "
        "data set's labels in the configuration, or its label column."
    )
