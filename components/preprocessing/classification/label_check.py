"""Counting raw examples and their labels before they become records.

A record holds a number where the label was: a missing label could no longer be told from the first
one. So examples from which a model learns, or by which it is judged, are looked at before.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from components import tf_examples, tfrecords
from components.preprocessing.classification import labels as labels_lib

# Other splits, such as "test", may lack labels.
LABELLED_SPLITS = ("train", "eval")
_MAX_LISTED = 5


class LabelError(ValueError):
    """Examples for training or evaluation whose labels are missing or unknown."""


def count_examples(
    paths_by_split: Mapping[str, Iterable[str]], labels: Sequence[str] | None
) -> dict[str, int]:
    """Reads every raw example once.

    Args:
        paths_by_split: TFRecord files of raw examples.
        labels: the task's labels; None for regression.

    Returns:
        Numbers by name: "<split>/records", and for classification "<split>/labels/<label>".

    Raises:
        LabelError: if "train" or "eval" has examples without a known label, naming how many and
            which labels.
    """
    counts = {}
    for split, paths in paths_by_split.items():
        found = _count_labels(paths)
        total = sum(found.values())
        counts[f"{split}/records"] = total
        for label in labels or ():
            counts[f"{split}/labels/{label}"] = found[label.encode()]
        if split in LABELLED_SPLITS:
            unknown = {
                label: count
                for label, count in found.items()
                if not labels_lib.is_known(label, labels)
            }
            _check_none(unknown, total=total, split=split, labels=labels)
    return counts


def _count_labels(paths: Iterable[str]) -> collections.Counter[bytes]:
    found: collections.Counter[bytes] = collections.Counter()
    for path in paths:
        for record in tfrecords.read_records(path):
            values = tf_examples.decode(record).get("label")
            found[values[0] if values else b""] += 1
    return found


def _check_none(
    unknown: Mapping[bytes, int], *, total: int, split: str, labels: Sequence[str] | None
) -> None:
    if not unknown:
        return
    most_frequent = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))[:_MAX_LISTED]
    listing = "; ".join(
        f"{label.decode(errors='replace')!r}: {count:,}" if label else f"no label: {count:,}"
        for label, count in most_frequent
    )
    legal = "a number (this is a regression task)" if labels is None else f"one of {list(labels)}"
    raise LabelError(
        f"In split {split!r} {sum(unknown.values()):,} of {total:,} raw examples have no label "
        f"that could be learned or judged ({listing}). A label should be {legal}. Correct the "
        "data set's labels in the configuration, or its label column."
    )
