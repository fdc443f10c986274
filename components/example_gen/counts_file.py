"""`counts.json`: how much a conversion read, produced and dropped.

The counts are summed in Beam and left in a provisional file. Once they have been checked,
`counts.json` itself is written last, so its presence means that the examples beside it are
complete.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from components import dead_letter_file, dead_letters, events, files, plain_json
from components.dead_letters import DEAD_LETTERS_DIRECTORY

COUNTS_FILE_NAME = "counts.json"
# Stands between split and reason in the names of counters.
DEAD_LETTERS = "dead_letters/"
# The counter for the total weight of a split's dead letters, in the component's units.
LOST = "lost in dead letters"
# Prefix of an ExampleGen's counts in the manifest of the records that are made from its examples.
INPUT = "input/"
# A single dead letter may weigh this many times as much as an average input without failing a run.
_ORDINARY = 10

_PROVISIONAL_COUNTS_FILE_NAME = "counts.json.provisional"


class EmptySplitError(ValueError):
    """A split in which nothing could be used."""


def of_dead_letters(letters: dead_letter_file.DeadLetterFile) -> collections.Counter[str]:
    """Returns counts of a piece of work's dead letters for each reason, and their total weight."""
    counts = collections.Counter(
        {f"{DEAD_LETTERS}{reason}": number for reason, number in letters.counts.items()}
    )
    if letters.lost:
        counts[LOST] = letters.lost
    return counts


def for_beam(counts: Mapping[str, int], *, split: str, namespace: str) -> Iterator[tuple[str, int]]:
    """Yields the counts of a piece of work as `write_sums` expects them.

    Also adds them to Beam's own metrics.
    """
    for name, number in sorted(counts.items()):
        beam.metrics.Metrics.counter(namespace, f"{split}/{name}").inc(number)
        yield f"{split}/{name}", number


def provisional_path(directory: str) -> str:
    """Returns where a pipeline leaves its counts until they have been checked."""
    return files.join(directory, _PROVISIONAL_COUNTS_FILE_NAME)


def write_sums(counts: beam.PCollection, directory: str) -> None:
    """Adds steps to a pipeline that sum the counts and leave them in a file for `read`.

    Args:
        counts: pairs of a counter's name and a number, as `for_beam` yields them.
        directory: output directory of the component.
    """
    _ = (
        counts
        | "Sum" >> beam.CombinePerKey(sum)
        | "Together" >> beam.combiners.ToDict()
        | "Write counts" >> beam.Map(_write, path=provisional_path(directory))
    )


def read(directory: str) -> dict[str, Any]:
    """Reads the counts that a pipeline left with `write_sums`.

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
        counts: the counts that `read` returned.
        directory: directory that holds the dead letters; used in the error message.
        split: input split whose dead letters are checked.
        total: number of units that were read, including the unusable ones.
        unit: name of the unit that is counted, such as "questions".
        allowed_share: share of the units that may be unusable, in [0, 1].
        num_read: number of inputs that were read, if an input holds several units. A single dead
            letter is then allowed as long as it is not much larger than an average input.
        kept: directory where the dead letters will be found if this check fails; None if they stay
            where they are. Used in the error message.

    Raises:
        TooManyDeadLettersError: if more than that was unusable; the message gives the counts, the
            most frequent reasons and the first dead letters.
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
    """Describes why input was unusable, over all splits; empty if everything was usable."""
    reasons = dropped(counts)
    where = files.join(directory, DEAD_LETTERS_DIRECTORY)
    examples = dead_letter_file.first(where) if reasons else ()
    return dead_letters.describe(reasons, kept or where, examples)


def amount(counts: Mapping[str, int], splits: Iterable[str], unit: str) -> events.Amount:
    """Returns how much was converted and dropped, over all splits.

    Args:
        counts: the counts that `read` returned.
        splits: names of the output splits.
        unit: what to count; "<split>/<unit>" is the name of its counter.
    """
    return events.Amount(
        sum(counts.get(f"{split}/{unit}", 0) for split in splits), unit, dropped(counts)
    )


def dropped(counts: Mapping[str, int]) -> dict[str, int]:
    """Returns the number of dead letters by reason, over all splits."""
    reasons: collections.Counter[str] = collections.Counter()
    for key, count in counts.items():
        _, found, reason = key.partition(f"/{DEAD_LETTERS}")
        # Those of an earlier component are its own to report.
        if found and not key.startswith(INPUT):
            reasons[reason] += count
    return dict(reasons)


def of_input(directory: str) -> dict[str, int]:
    """Returns the counts of raw examples under the names used in the manifest of their records.

    Empty if the directory has no `counts.json`.
    """
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
    """Writes `counts.json`, and removes what the pipeline and killed workers left beside it."""
    files.remove_leftovers(files.join(directory, DEAD_LETTERS_DIRECTORY))
    text = json.dumps(counts, indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, COUNTS_FILE_NAME), text.encode())
    files.remove(provisional_path(directory))


def _write(counts: dict[str, int], path: str) -> None:
    files.write_bytes(path, json.dumps(counts, sort_keys=True).encode())
