"""What a conversion came to: counted, checked, and written down last."""

from __future__ import annotations

import collections
import logging
import posixpath
from collections.abc import Mapping
from typing import Any

from components import dead_letter_file, dead_letters, files
from components.dead_letters import DEAD_LETTERS_DIRECTORY
from components.example_gen import counts_file
from components.example_gen.classification.conversion import shard_path
from components.example_gen.classification.file_conversion import DEAD, MORE_LOST, PRODUCED, READ
from components.example_gen.classification.plan import ConversionPlan
from components.example_gen.counts_file import EmptySplitError

Counts = dict[str, dict[str, Any]]


class IncompleteOutputError(RuntimeError):
    """Files that the conversion should have written and that are not there."""


def finish(
    plan: ConversionPlan,
    *,
    split_directories: Mapping[str, str],
    directory: str,
    max_dead_letter_share: float,
    kept: str | None = None,
) -> Counts:
    """Checks the output of a conversion that has run, and writes `counts.json`.

    The file is written last, so that its presence says that the examples are complete. Failing, it
    leaves the dead letters in place.

    Args:
        plan: what was done.
        split_directories: where the records of each output split are.
        directory: beside the splits.
        max_dead_letter_share: of all rows, in [0, 1].
        kept: where dead letters will lie if this fails, for the message; None where they are.

    Returns:
        by split, `read`, `produced`, `blank`, by reason `dead`, and perhaps `more lost`.

    Raises:
        TooManyDeadLettersError: naming the most frequent reasons.
        EmptySplitError: if a split has no example.
        IncompleteOutputError: if a shard is missing.
    """
    counts: Counts = counts_file.read(directory)
    reasons = collections.Counter()
    for split_counts in counts.values():
        reasons.update(split_counts[DEAD])
    where = files.join(directory, DEAD_LETTERS_DIRECTORY)
    examples = dead_letter_file.first(where) if reasons else ()
    lost = sum(sum(found[DEAD].values()) + found.get(MORE_LOST, 0) for found in counts.values())
    dead_letters.check_share(
        # A file of questions that is lost counts each of them.
        total=sum(split_counts[PRODUCED] for split_counts in counts.values()) + lost,
        lost=lost,
        unit="rows",
        reasons=reasons,
        allowed_share=max_dead_letter_share,
        where=kept or where,
        examples=examples,
    )
    for split, split_counts in counts.items():
        if not split_counts[PRODUCED]:
            raise EmptySplitError(
                f"Split {split!r} of data set {plan.dataset.name!r} has no usable row "
                f"(of {split_counts[READ]:,} read). Check the files that its pattern matches. "
                + dead_letters.describe(split_counts[DEAD], kept or where, examples)
            )
        num_dead = sum(split_counts[DEAD].values())
        if num_dead > max(1, int(split_counts[READ] * max_dead_letter_share)):
            # Allowed, since the share is that of all rows; but a small split may have lost much.
            logging.warning(
                "Split %s of data set %s lost %d of its %d rows: %s",
                split,
                plan.dataset.name,
                num_dead,
                split_counts[READ],
                split_counts[DEAD],
            )
        _check_shards(split_directories[split], plan.num_shards[split])
    counts_file.finish(counts, directory)
    return counts


def _check_shards(directory: str, num_shards: int) -> None:
    # Compared by name: a filesystem may give back a path in another spelling than it was given.
    expected = {posixpath.basename(shard_path("", n, num_shards)) for n in range(num_shards)}
    files.remove_leftovers(directory)
    missing = sorted(expected - files.names(directory))
    if missing:
        raise IncompleteOutputError(
            f"{len(missing)} of {num_shards} files in {directory} are missing, the first is "
            f"{missing[0]}. Run the component again."
        )
