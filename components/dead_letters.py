"""What happens to input that cannot be used: counted by reason, kept, and bounded.

A dead letter is a row, paragraph or document that a component could not use. It is written to
`dead_letters/` beside the component's output with its file, line and reason. More than an allowed
share of them fails the component.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

# Beside a component's output.
DEAD_LETTERS_DIRECTORY = "dead_letters"

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
    """

    source: str
    position: str
    reason: str
    detail: str = ""
    excerpt: str = ""

    def to_json(self) -> str:
        """One JSON line; lone surrogates are escaped, long excerpts are cut."""
        fields = dataclasses.asdict(self)
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
) -> None:
    """Fails if more than `allowed_share` of the input was unusable.

    One dead letter is always allowed, so that a single bad row cannot fail a small data set.

    Args:
        total: pieces of input read, the unusable ones included.
        reasons: number of dead letters by reason.
        allowed_share: in [0, 1]; 0.001 is one in a thousand.
        where: path of the dead letters, for the message.

    Raises:
        TooManyDeadLettersError: naming the counts, the share and the most frequent reasons.
    """
    dropped = sum(reasons.values())
    allowed = max(1, int(total * allowed_share))
    if dropped <= allowed:
        return
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:5]
    listing = "; ".join(f"{reason}: {count:,}" for reason, count in top)
    raise TooManyDeadLettersError(
        f"{dropped:,} of {total:,} inputs could not be used ({dropped / max(total, 1):.2%}); "
        f"{allowed:,} are allowed (share {allowed_share:.2%}). Reasons: {listing}. "
        f"Each is listed with file and line under {where}. Mend the input, or raise "
        "data.max_dead_letter_share in the configuration."
    )
