"""`counts.json`: what a conversion read, produced and dropped, summed in Beam and written last.

That it stands says that the examples beside it are complete.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam

from components import dead_letter_file, dead_letters, files, plain_json
from components.dead_letters import DEAD_LETTERS_DIRECTORY

COUNTS_FILE_NAME = "counts.json"
# In the names of counters, between split and reason.
DEAD_LETTERS = "dead_letters/"
# What the dead letters of a split hold, in what its component counts.
LOST = "lost in dead letters"
# Before the names of an ExampleGen's counts in the manifest of records made of its examples.
INPUT = "input/"
# A single dead letter may hold this many times as much as an ordinary input.
_ORDINARY = 10

_PROVISIONAL_COUNTS_FILE_NAME = "counts.json.provisional"


class EmptySplitError(ValueError):
    """A split of which nothing could be used."""


def of_dead_letters(letters: dead_letter_file.DeadLetterFile) -> collections.Counter[str]:
    """Counters of a piece of work's dead letters, by reason, and of what they hold in all."""
    counts = collections.Counter(
        {f"{DEAD_LETTERS}{reason}": number for reason, number in letters.counts.items()}
    )
    if letters.lost:
        counts[LOST] = letters.lost
    return counts


def for_beam(counts: Mapping[str, int], *, split: str, namespace: str) -> Iterator[tuple[str, int]]:
    """Counts of a piece of work as `write_sums` takes them; adds them to Beam's own metrics too."""
    for name, number in sorted(counts.items()):
        beam.metrics.Metrics.counter(namespace, f"{split}/{name}").inc(number)
        yield f"{split}/{name}", number


def provisional_path(directory: str) -> str:
    """Where a pipeline leaves its counts, to be judged."""
    return files.join(directory, _PROVISIONAL_COUNTS_FILE_NAME)


def write_sums(counts: beam.PCollection, directory: str) -> None:
    """Adds to a pipeline: pairs of a counter's name and a number, summed and left for `read`.

    Args:
        counts: of `for_beam`.
        directory: of the output.
    """
    _ = (
        counts
        | "Sum" >> beam.CombinePerKey(sum)
        | "Together" >> beam.combiners.ToDict()
        | "Write counts" >> beam.Map(_write, path=provisional_path(directory))
    )


def read(directory: str) -> dict[str, Any]:
    """What a pipeline left.

    Raises:
        JsonError: if the file is damaged.
    """
    path = provisional_path(directory)
    return plain_json.mapping(files.read_bytes(path), where=path)


def check_dead_letters(
    counts: dict[str, int],
    directory: str,
    *,
    split: str,
    total: int,
    unit: str,
    allowed_share: float,
    num_read: int | None = None,
    kept: str | None = None,
) -> None:
    """Fails if more of an input split was unusable than is allowed.

    Args:
        counts: of `read`.
        directory: holds the dead letters, for the message.
        split: whose dead letters are counted.
        total: what was read, in units, the unusable part included.
        unit: what is counted, such as "questions".
        allowed_share: in [0, 1].
        num_read: inputs that were read, if they hold several units each.
        kept: where dead letters will lie if this fails; None where they are.

    Raises:
        TooManyDeadLettersError: naming the counts, the most frequent reasons and the first ones.
    """
    reasons = _reasons(counts, split)
    lost = counts.get(f"{split}/{LOST}", 0)
    single = 1
    if num_read is not None:
        single = _ORDINARY * (total - lost) // max(1, num_read - 1)
    where = files.join(directory, DEAD_LETTERS_DIRECTORY)
    dead_letters.check_share(
        total=total,
        lost=lost,
        unit=unit,
        single=single,
        reasons=reasons,
        allowed_share=allowed_share,
        where=kept or where,
        examples=dead_letter_file.first(where, split) if reasons else (),
    )


def describe_dead_letters(
    counts: dict[str, int], directory: str, *, kept: str | None = None
) -> str:
    """Why input of any split was unusable; empty if none was."""
    reasons: collections.Counter[str] = collections.Counter()
    for key, count in counts.items():
        _, found, reason = key.partition(f"/{DEAD_LETTERS}")
        if found:
            reasons[reason] += count
    where = files.join(directory, DEAD_LETTERS_DIRECTORY)
    examples = dead_letter_file.first(where) if reasons else ()
    return dead_letters.describe(reasons, kept or where, examples)


def of_input(directory: str) -> dict[str, int]:
    """The counts of raw examples, as the manifest of their records holds them; none without any."""
    path = files.join(directory, COUNTS_FILE_NAME)
    try:
        counts = plain_json.mapping(files.read_bytes(path), where=path)
    except files.NoSuchFilesError:
        return {}
    return {f"{INPUT}{key}": number for key, number in counts.items() if isinstance(number, int)}


def _reasons(counts: dict[str, int], split: str) -> dict[str, int]:
    prefix = f"{split}/{DEAD_LETTERS}"
    return {
        key.removeprefix(prefix): count for key, count in counts.items() if key.startswith(prefix)
    }


def finish(counts: dict[str, Any], directory: str) -> None:
    """Writes `counts.json`, and removes what the pipeline left."""
    text = json.dumps(counts, indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, COUNTS_FILE_NAME), text.encode())
    files.remove(provisional_path(directory))


def _write(counts: dict[str, int], path: str) -> None:
    files.write_bytes(path, json.dumps(counts, sort_keys=True).encode())
