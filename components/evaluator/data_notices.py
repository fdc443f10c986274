"""Summarises what was lost or changed in the data, for the end of a run and the top of a report.

Much can be lost without an error: unusable rows below the allowed share, the ends of long texts,
words that the vocabulary does not have. Anyone who judges a model should know about that.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.dead_letters import UNCOUNTABLE
from components.example_gen import counts_file
from components.example_gen.classification.file_conversion import DEAD, MORE_LOST, PRODUCED
from components.example_gen.pretraining import corpus
from components.manifest import Manifest
from components.preprocessing.classification import length_counts
from components.preprocessing.classification.label_check import KNOWN_LABEL
from components.preprocessing.pretraining import pipeline as pretraining

# Shares above which something is shown at the top of the report.
_MUCH_LOST = 0.001
_MUCH_REPAIRED = 0.01
_MUCH_CUT = 0.05
_MUCH_UNKNOWN = 0.01
# How many times as frequent as the rarest label the most frequent one may be without a notice.
_UNEVEN = 10
_MAX_REASONS = 3
_TRAIN = "train"


@dataclasses.dataclass(frozen=True)
class Notice:
    """Something that happened to the data.

    Attributes:
        text: description, such as "left out 3 of 1,000 rows (0.30 %): 3 unknown label".
        is_much: whether it affects so much of the data that the report shows it at the top.
    """

    text: str
    is_much: bool


def of_classification(
    rows: Mapping[str, Mapping[str, Any]] | None, made: Manifest | None
) -> list[Notice]:
    """Summarises the data of a classification, regression or multiple-choice task.

    Args:
        rows: content of `counts.json` beside the raw examples; None if there is no such file.
        made: manifest of the records; None if there are no records.
    """
    notices = []
    if rows is not None:
        reasons: collections.Counter[str] = collections.Counter()
        for found in rows.values():
            reasons.update(found[DEAD])
        lost = sum(reasons.values()) + sum(found.get(MORE_LOST, 0) for found in rows.values())
        total = sum(found[PRODUCED] for found in rows.values()) + lost
        notices += _left_out(reasons, lost, total, "rows")
    if made is not None:
        seq_len = made.parameters["seq_len"]
        lengths = [
            found
            for split in made.shards
            if (found := length_counts.read(made.counts, split, seq_len=seq_len))
        ]
        examples = sum(found.num_examples for found in lengths)
        cut = sum(found.num_cut for found in lengths)
        tokens = sum(found.num_tokens for found in lengths)
        unknown = sum(found.num_unknown for found in lengths)
        notices += _share(cut, examples, f"texts cut at seq_len {seq_len}", _MUCH_CUT)
        notices += _unknown(unknown, tokens)
        notices += _uneven(made.counts)
    return notices


def of_question_answering(made: Manifest) -> list[Notice]:
    """Summarises the data of question answering, from the counts in the records' manifest."""
    counts, parameters = made.counts, made.parameters
    reasons, lost = _losses(counts)
    # The total of questions read includes dead letters of the preprocessing, but not those of the
    # ExampleGen, which never got that far.
    lost_before = sum(
        number
        for key, number in counts.items()
        if key.startswith(counts_file.INPUT) and key.endswith(f"/{counts_file.LOST}")
    )
    total = lost_before + sum(
        _sum(counts, made.shards, name) for name in ("questions read", "unreadable")
    )
    notices = _left_out(reasons, lost, total, "questions")
    answers = _sum(counts, made.shards, "questions")
    for name, text, much in (
        ("answers/repaired", "answers found near their offset", _MUCH_REPAIRED),
        ("answers/lost", "answers not found in their paragraph", _MUCH_LOST),
        (
            "questions/cut",
            f"questions cut at max_query_length {parameters['max_query_length']}",
            _MUCH_CUT,
        ),
        ("questions/answer in no window", "questions whose answer no window holds", _MUCH_LOST),
    ):
        notices += _share(_sum(counts, made.shards, name), answers, text, much, unit="questions")
    unknown = _sum(counts, made.shards, "pieces/unknown")
    return notices + _unknown(unknown, _sum(counts, made.shards, "pieces"))


def of_pretraining(made: Manifest) -> list[Notice]:
    """Summarises the data of pretraining, from the counts in the records' manifest."""
    counts = made.counts
    reasons, lost = _losses(counts)
    raw = {key: n for key, n in counts.items() if key.startswith(counts_file.INPUT)} or counts
    total = sum(n for key, n in raw.items() if key.endswith(f"/{corpus.BYTES}"))
    notices = _left_out(reasons, lost, total, "bytes of text")
    for key, number in sorted(_by_name(raw).items()):
        if key.startswith(corpus.LOOKS_LIKE):
            notices.append(Notice(f"{number:,} {key}", is_much=True))
        elif key == corpus.LINES_CUT:
            text = f"{number:,} lines of more than {corpus.MAX_LINE_BYTES:,} bytes cut at spaces"
            notices.append(Notice(text, is_much=False))
    tokens = _sum(counts, made.shards, "tokens")
    empty = _sum(counts, made.shards, pretraining.DOCUMENTS_WITHOUT_TOKENS)
    documents = _sum(counts, made.shards, "documents")
    notices += _share(empty, documents, "documents without tokens", _MUCH_CUT)
    left = (pretraining.TOKENS_WITHOUT_BATCH, pretraining.TOKENS_AT_ROW_ENDS)
    unused = sum(_sum(counts, made.shards, name) for name in left)
    in_passes = tokens * made.parameters["num_passes"]
    notices += _share(unused, in_passes, "tokens that fill no batch", _MUCH_CUT)
    return notices + _unknown(_sum(counts, made.shards, pretraining.UNKNOWN_TOKENS), tokens)


def sentence(notices: Sequence[Notice]) -> str:
    """Joins all notices into one line."""
    return "; ".join(notice.text for notice in notices) or "nothing left out, cut or unknown"


def _left_out(reasons: Mapping[str, int], lost: int, total: int, unit: str) -> list[Notice]:
    if not reasons:
        return []
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:_MAX_REASONS]
    why = ", ".join(f"{count:,} {reason}" for reason, count in top)
    if lost >= UNCOUNTABLE:
        return [Notice(f"left out an unknown number of {unit}: {why}", is_much=True)]
    share = lost / max(total, 1)
    return [
        Notice(f"left out {lost:,} of {total:,} {unit} ({share:.2%}): {why}", share > _MUCH_LOST)
    ]


def _share(number: int, total: int, what: str, much: float, *, unit: str = "") -> list[Notice]:
    if not number:
        return []
    share = number / max(total, 1)
    of = f" of {total:,} {unit}".rstrip() if unit else f" of {total:,}"
    return [Notice(f"{what}: {number:,}{of} ({share:.2%})", share > much)]


def _unknown(unknown: int, total: int) -> list[Notice]:
    return _share(unknown, total, "tokens unknown to the vocabulary", _MUCH_UNKNOWN)


def _uneven(counts: Mapping[str, int]) -> list[Notice]:
    """Says if some labels are much rarer than others among the training examples."""
    prefix = f"{_TRAIN}/{KNOWN_LABEL}"
    by_label = {
        key.removeprefix(prefix): number for key, number in counts.items() if key.startswith(prefix)
    }
    if len(by_label) < 2:
        return []
    rare, frequent = (
        choose(by_label.items(), key=lambda item: (item[1], item[0])) for choose in (min, max)
    )
    if frequent[1] < _UNEVEN * rare[1]:
        return []
    text = (
        f"labels of very different frequency: {rare[1]:,} training examples are {rare[0]!r}, "
        f"{frequent[1]:,} are {frequent[0]!r}"
    )
    return [Notice(text, is_much=True)]


def _losses(counts: Mapping[str, int]) -> tuple[collections.Counter[str], int]:
    """Returns the dead letters of all steps up to the records, by reason, and how much they hold.

    The second value is in the unit that the steps count in, such as questions or bytes.
    """
    reasons: collections.Counter[str] = collections.Counter()
    lost = 0
    for key, number in counts.items():
        _, found, reason = key.partition(f"/{counts_file.DEAD_LETTERS}")
        if found:
            reasons[reason] += number
        elif key.endswith(f"/{counts_file.LOST}"):
            lost += number
    return reasons, lost


def _by_name(counts: Mapping[str, int]) -> collections.Counter[str]:
    """Adds up the counts whose names have the same last part, after the last "/"."""
    found: collections.Counter[str] = collections.Counter()
    for key, number in counts.items():
        found[key.rpartition("/")[2]] += number
    return found


def _sum(counts: Mapping[str, int], splits: Iterable[str], name: str) -> int:
    return sum(counts.get(f"{split}/{name}", 0) for split in splits)
