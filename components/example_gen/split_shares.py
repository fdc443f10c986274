"""What may be asked of a conversion whatever the kind of its files: shares of splits and losses."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def check(
    name: str, shares: Mapping[str, int], inputs: Collection[str], *, max_dead_letter_share: float
) -> None:
    """Checks settings that every conversion has.

    Args:
        name: of the setting that shares out one set of files, for messages.
        shares: weights of the output splits; empty where every input is a split of its own.
        inputs: names of the sets of files.
        max_dead_letter_share: of what is read, that may be unusable.

    Raises:
        ValueError: saying what is legal.
    """
    if shares and len(inputs) != 1:
        raise ValueError(
            f"{name} shares out one set of files, but patterns has {len(inputs)} "
            f"({', '.join(inputs)}). Give one, or leave {name} out."
        )
    if shares and min(shares.values()) < 1:
        raise ValueError(f"{name}'s weights must be at least 1, but are {shares}.")
    if not 0 <= max_dead_letter_share <= 1:
        raise ValueError(
            f"max_dead_letter_share must lie in [0, 1], but is {max_dead_letter_share}."
        )
