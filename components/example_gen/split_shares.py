"""Checks how conversions divide their input into splits."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def check(name: str, shares: Mapping[str, int], inputs: Collection[str]) -> None:
    """Checks that only one set of files is shared out.

    Args:
        name: name of the setting that divides one set of files into splits, for error messages.
        shares: weights of the output splits; empty if every input is a split of its own.
        inputs: names of the sets of input files.

    Raises:
        ValueError: if there are shares and several sets of files.
    """
    if shares and len(inputs) != 1:
        raise ValueError(
            f"{name} shares out one set of files, but patterns has {len(inputs)} "
            f"({', '.join(inputs)}). Give one, or leave {name} out."
        )
