"""Makes the report's table of what preprocessing counted in each split."""

from __future__ import annotations

from components.evaluator.report_content import Table, ordered_splits
from components.example_gen.counts_file import DEAD_LETTERS
from components.manifest import Manifest
from components.shown_number import NOTHING


def make(made: Manifest) -> Table:
    """Makes a table of the counts in the records' manifest, with one column for each split."""
    splits = ordered_splits(made.shards)
    by_name: dict[str, dict[str, int]] = {}
    for key, number in made.counts.items():
        split, _, name = key.partition("/")
        if split in splits:
            by_name.setdefault(name, {})[split] = number
    rows = [
        (
            name.replace("/", ": ").replace("_", " "),
            *(f"{numbers[split]:,}" if split in numbers else NOTHING for split in splits),
        )
        for name, numbers in sorted(by_name.items())
    ]
    return Table(
        "From input files to records",
        ("counted", *splits),
        rows,
        note=(
            "Dead letters could not be used; they lie beside the records with place and reason."
            if any(name.startswith(DEAD_LETTERS) for name in by_name)
            else ""
        ),
    )
