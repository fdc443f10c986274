"""Checks the result of a conversion and writes `counts.json`."""

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
    """Files are missing that the conversion should have written."""


def finish(
    plan: ConversionPlan,
    *,
    split_directories: Mapping[str, str],
    directory: str,
    max_dead_letter_share: float,
    kept: str | None = None,
) -> Counts:
    """Checks the output of a conversion that has run, and writes `counts.json`.

    The file is written last, so that its presence means that the examples are complete. If a check
    fails, the dead letters stay in place.

    Args:
        plan: the plan that was carried out.
        split_directories: directory of each output split.
        directory: directory that contains `dead_letters/` and the provisional counts, and gets
            `counts.json`.
        max_dead_letter_share: share of all rows that may be unusable, in [0, 1].
        kept: directory where the dead letters will be found if this fails, for the error message;
            None if they stay where they are.

    Returns:
        For each split, the counts `read`, `produced`, `blank`, `dead` (by reason), and `more lost`
        if there are any.

    Raises:
        TooManyDeadLettersError: if too many rows were unusable; the message names the most frequent
            reasons.
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
        # Dead letters are weighted: a lost RACE file counts as many questions as it contained.
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
            # This is allowed, as the limit applies to all rows together, but worth a warning.
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
    # Compare names, since a filesystem may spell a path differently from how it was given.
    expected = {posixpath.basename(shard_path("", n, num_shards)) for n in range(num_shards)}
    files.remove_leftovers(directory)
    missing = sorted(expected - files.names(directory))
    if missing:
        raise IncompleteOutputError(
            f"{len(missing)} of {num_shards} files in {directory} are missing, the first is "
            f"{missing[0]}. Run the component again."
        )
