"""Counts and checks the labels of raw examples while they are turned into records.

A record only holds the number of its label, where a missing label looks the same as the first one.
So labels are checked in the raw examples: all those with which a model is trained or evaluated must
have a known label.
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
# If a column of texts is used as labels by mistake, this limits the number of counters.
_MAX_DIFFERENT = 100
_MAX_LABEL_CHARACTERS = 50
_OTHERS = UNKNOWN_LABEL + "(others)"


class LabelError(ValueError):
    """Examples for training or evaluation whose labels are missing or unknown."""


def count(
    labels: Iterable[bytes],
    names: Sequence[str] | None,
    counts: collections.Counter[str] | None = None,
) -> collections.Counter[str]:
    """Counts labels of raw examples.

    Args:
        labels: labels of the examples; empty for an example without a label.
        names: the task's labels; None for regression.
        counts: counts of the examples before these, to which they are added.

    Returns:
        Counts by name: "records" for all, "labels/<label>" for known labels (classification only),
        and "unknown/<label>" for all others, including empty ones.
    """
    counts = collections.Counter() if counts is None else counts
    different = sum(key.startswith(UNKNOWN_LABEL) for key in counts)
    for label, number in collections.Counter(labels).items():
        counts[RECORDS] += number
        text = label.decode("utf-8", errors="replace")
        if not labels_lib.is_known(label, names):
            key = UNKNOWN_LABEL + text[:_MAX_LABEL_CHARACTERS]
            if key not in counts:
                different += 1
                key = key if different <= _MAX_DIFFERENT else _OTHERS
            counts[key] += number
        elif names is not None:
            counts[KNOWN_LABEL + text] += number
    return counts


def check(counts: Mapping[str, Mapping[str, int]], names: Sequence[str] | None) -> dict[str, int]:
    """Checks that all examples for training and evaluation have a known label.

    Args:
        counts: for each split, the results of `count`, added up over its files.
        names: the task's labels; None for regression.

    Returns:
        Counts for the manifest by name: "<split>/records", "<split>/labels/<label>" for each label,
        and "<split>/unknown_labels".

    Raises:
        LabelError: if the split "train" or "eval" has examples without a known label; the message
            says how many there are and what their labels are.
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
