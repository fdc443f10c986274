"""`counts.json`: what a conversion read, produced and dropped, summed in Beam and written last.

That it stands says that the examples beside it are complete.
"""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam

from components import dead_letters, files
from components.dead_letters import DEAD_LETTERS_DIRECTORY

COUNTS_FILE_NAME = "counts.json"
# In the names of counters, between split and reason.
DEAD_LETTERS = "dead_letters/"

_PROVISIONAL_COUNTS_FILE_NAME = "counts.json.provisional"


def provisional_path(directory: str) -> str:
    """Where a pipeline leaves its counts, to be judged."""
    return files.join(directory, _PROVISIONAL_COUNTS_FILE_NAME)


def write_sums(counts: beam.PCollection, directory: str) -> None:
    """Adds to a pipeline: pairs of a counter's name and a number, summed and left for `read`."""
    _ = (
        counts
        | "Sum" >> beam.CombinePerKey(sum)
        | "Together" >> beam.combiners.ToDict()
        | "Write counts" >> beam.Map(_write, path=provisional_path(directory))
    )


def read(directory: str) -> dict[str, Any]:
    """What a pipeline left."""
    return json.loads(files.read_bytes(provisional_path(directory)))


def check_dead_letters(
    counts: dict[str, int], directory: str, *, split: str, total: int, allowed_share: float
) -> None:
    """Fails if more of an input split was unusable than is allowed.

    Args:
        counts: of `read`.
        directory: holds the dead letters, for the message.
        split: whose dead letters are counted.
        total: pieces of input read, the unusable ones included.
        allowed_share: in [0, 1].

    Raises:
        TooManyDeadLettersError: naming the counts and the most frequent reasons.
    """
    prefix = f"{split}/{DEAD_LETTERS}"
    dead_letters.check_share(
        total=total,
        reasons={
            key.removeprefix(prefix): count
            for key, count in counts.items()
            if key.startswith(prefix)
        },
        allowed_share=allowed_share,
        where=files.join(directory, DEAD_LETTERS_DIRECTORY),
    )


def finish(counts: dict[str, Any], directory: str) -> None:
    """Writes `counts.json`, and removes what the pipeline left."""
    text = json.dumps(counts, indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, COUNTS_FILE_NAME), text.encode())
    files.remove(provisional_path(directory))


def _write(counts: dict[str, int], path: str) -> None:
    files.write_bytes(path, json.dumps(counts, sort_keys=True).encode())
