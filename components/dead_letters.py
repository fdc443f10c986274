"""What happens to input that cannot be used: counted by reason, kept, and bounded.

A dead letter is a row, paragraph or document that a component could not use. It is written to
`dead_letters/` beside the component's output with its file, line and reason. More than an allowed
share of them fails the component.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

# Beside a component's output.
DEAD_LETTERS_DIRECTORY = "dead_letters"

# Weight of what cannot be taken apart: more than any data set holds, so that it fails a component
# that may not lose everything.
UNCOUNTABLE = 1 << 50
# Dead letters that an error message shows.
NUM_SHOWN = 3
# Enough to recognise the row; a 200 MB line must not be copied into the dead letters.
_MAX_EXCERPT_CHARACTERS = 500


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """One unusable piece of input.

    Attributes:
        source: path of the file it came from.
        position: where in the file: a line number counted from 1, an id, or words.
        reason: a short fixed phrase, the key under which it is counted ("too few columns").
        detail: what exactly was wrong with this one.
        excerpt: the beginning of the input itself.
        weight: what is lost with it, in what the component counts: rows, questions, bytes.
            `UNCOUNTABLE` where nobody can say.
    """

    source: str
    position: str
    reason: str
    detail: str = ""
    excerpt: str = ""
    weight: int = 1

    def to_json(self) -> str:
        """One JSON line; lone surrogates are escaped, long excerpts are cut."""
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
    """Fails if more than `allowed_share` of the input was unusable.

    One ordinary dead letter is always allowed, so that a single bad row cannot fail a small data
    set.

    Args:
        total: what was read, in units, the unusable part included.
        reasons: number of dead letters by reason.
        allowed_share: in [0, 1]; 0.001 is one in a thousand.
        where: path of the dead letters, for the message.
        lost: units that the dead letters hold (their weights); None if each holds one.
        unit: what is counted, such as "questions" or "bytes".
        single: units that a single dead letter may always hold.
        examples: of the dead letters, a sentence each.

    Raises:
        TooManyDeadLettersError: naming the counts, the share and the most frequent reasons.
    """
    dropped = sum(reasons.values())
    lost = dropped if lost is None else lost
    allowed = max(single if dropped <= 1 else 1, int(total * allowed_share))
    if lost <= allowed or allowed_share >= 1:
        return
    raise TooManyDeadLettersError(
        f"{_amount(lost, total, unit)} could not be used; {allowed:,} are allowed (share "
        f"{allowed_share:.2%}). {describe(reasons, where, examples)} Mend the input, or raise "
        "data.max_dead_letter_share in the configuration."
    )


def describe(reasons: Mapping[str, int], where: str, examples: Sequence[str] = ()) -> str:
    """Why input was unusable, and where to read more; nothing if all was usable."""
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
