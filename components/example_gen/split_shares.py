"""Checks the settings that several conversions share: shares of splits and of dead letters."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def check(
    name: str, shares: Mapping[str, int], inputs: Collection[str], *, max_dead_letter_share: float
) -> None:
    """Checks how input is divided into splits and how much of it may be unusable.

    Args:
        name: name of the setting that divides one set of files into splits, for error messages.
        shares: weights of the output splits; empty if every input is a split of its own.
        inputs: names of the sets of input files.
        max_dead_letter_share: share of the input that may be unusable; legal are 0 to 1.

    Raises:
        ValueError: if a setting is illegal; the message says what is legal.
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
