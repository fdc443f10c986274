"""What happens to input that cannot be used: it is counted by reason, kept, and limited.

A dead letter is a row, paragraph or document that a component could not use. It is written to
`dead_letters/` beside the component's output, with its file, line and reason. If more than the
allowed share of the input is unusable, the component fails.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

# Name of the directory beside a component's output.
DEAD_LETTERS_DIRECTORY = "dead_letters"

# The weight of input that cannot be split into units, so that nobody knows how much is lost. It is
# more than any data set holds, and therefore fails every component that may not lose everything.
UNCOUNTABLE = 1 << 50
# The number of dead letters that an error message shows.
NUM_SHOWN = 3
# Enough to recognise the row, without copying a 200 MB line into the dead letters.
_MAX_EXCERPT_CHARACTERS = 500


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """One unusable piece of input.

    Attributes:
        source: path of the file that it came from.
        position: its place in the file: a line number (counted from 1), an id, or a description.
        reason: a short fixed phrase under which it is counted, such as "too few columns".
        detail: what exactly was wrong with this piece of input.
        excerpt: the beginning of the input itself.
        weight: how much input is lost with it, in the unit that the component counts (rows,
            questions or bytes); `UNCOUNTABLE` if that cannot be known.
    """

    source: str
    position: str
    reason: str
    detail: str = ""
    excerpt: str = ""
    weight: int = 1

    def to_json(self) -> str:
        """Returns it as one line of JSON; lone surrogates are escaped and long excerpts are cut."""
        fields = dataclasses.asdict(self)
        if self.weight == 1:
            del fields["weight"]
        if len(self.excerpt) > _MAX_EXCERPT_CHARACTERS:
            fields["excerpt"] = self.excerpt[:_MAX_EXCERPT_CHARACTERS] + "…"
        return json.dumps(fields)


class TooManyDeadLettersError(ValueError):
    """More input was unusable than the configuration allows."""


def check_share(
    *,
    total: int,
    reasons: Mapping[str, int],
    allowed_share: float,
    where: str,
    lost: int | None = None,
    unit: str = "inputs",
    single: int = 1,
    examples: Sequence[str] = (),
) -> None:
    """Raises an error if more than `allowed_share` of the input was unusable.

    One ordinary dead letter is always allowed, so that a single bad row cannot fail a small data
    set.

    Args:
        total: number of units that were read, including the unusable ones.
        reasons: number of dead letters by reason.
        allowed_share: largest share that may be unusable, in [0, 1]; 0.001 is one in a thousand.
        where: path of the dead letters, for the error message.
        lost: number of units in the dead letters (the sum of their weights); None if each dead
            letter is one unit.
        unit: name of the units, such as "questions" or "bytes".
        single: number of units that may always be lost if there is only one dead letter.
        examples: some of the dead letters, described in one sentence each.

    Raises:
        TooManyDeadLettersError: if the share is exceeded; the message gives the counts, the share
            and the most frequent reasons.
    """
    dropped = sum(reasons.values())
    lost = dropped if lost is None else lost
    allowed = max(single if dropped <= 1 else 1, int(total * allowed_share))
    if lost <= allowed or allowed_share >= 1:
        return
    raise TooManyDeadLettersError(
        f"{_amount(lost, total, unit)} could not be used; {allowed:,} are allowed (share "
        f"{allowed_share:.2%}). {describe(reasons, where, examples)} Fix the input, or raise "
        "data.max_dead_letter_share in the configuration."
    )


def describe(reasons: Mapping[str, int], where: str, examples: Sequence[str] = ()) -> str:
    """Says why input was unusable and where to read more; returns "" if everything was usable."""
    if not reasons:
        return ""
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:5]
    listing = "; ".join(f"{reason}: {count:,}" for reason, count in top)
    shown = f" The first: {'; '.join(examples)}." if examples else ""
    return f"Reasons: {listing}.{shown} Each is listed with file and line under {where}."


def _amount(lost: int, total: int, unit: str) -> str:
    if lost >= UNCOUNTABLE:
        return f"An unknown number of {unit} (beside {total % UNCOUNTABLE:,} that were read)"
    return f"{lost:,} of {total:,} {unit} ({lost / max(total, 1):.2%})"
