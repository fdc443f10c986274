"""Where every row goes: its split, its shard, and its place in it.

All of it follows from the row and the input files alone, never from which worker read what when.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from components import seeds
from components.example_gen.classification.dataset import TRAIN_SPLIT, TextDataset
from components.example_gen.classification.inputs import InputFile

# Sorts rows within a shard.
Order = tuple[int, ...]

# Of `seeds.integer`.
_HASH_BITS = 63


@dataclasses.dataclass(frozen=True)
class ConversionPlan:
    """Everything that decides what is written.

    Attributes:
        dataset: what the rows mean.
        total_bytes: (assumed) size of the files by input split.
        num_shards: by output split.
        seed: of the order of the training split.
        max_row_bytes: longest legal row; longer ones are dead letters.
    """

    dataset: TextDataset
    total_bytes: Mapping[str, int]
    num_shards: Mapping[str, int]
    seed: int
    max_row_bytes: int

    @property
    def output_splits(self) -> list[str]:
        """Names of the splits to write."""
        return list(self.num_shards)

    def split_of_row(self, input_split: str, guid: str) -> str:
        """The output split of a row."""
        shares = self.dataset.hash_split
        if not shares:
            return input_split
        # Not seeded: a row stays in its split when the order is drawn anew.
        point = seeds.integer(0, "split", guid) % sum(shares.values())
        # Sorted: the same shares in another order mean the same division.
        names = sorted(shares)
        ends = itertools.accumulate(shares[name] for name in names)
        return names[next(number for number, end in enumerate(ends) if point < end)]

    def split_of_blank_lines(self, input_split: str) -> str:
        """The output split that blank lines, which have no guid to hash, are counted under."""
        return min(self.num_shards) if self.dataset.hash_split else input_split

    def place_of_example(
        self, split: str, file: InputFile, *, offset: int, line: int, guid: str
    ) -> tuple[int, Order]:
        """Shard and order of an example: hashed for training, else as the files have it.

        Args:
            split: of the output.
            file: that it stands in.
            offset: of its first byte in the file.
            line: number of its first line.
            guid: its id.
        """
        if split != TRAIN_SPLIT:
            return self.place_in_file_order(split, file, offset=offset, line=line)
        key = seeds.integer(self.seed, "order of examples", guid)
        # By range, so that the shards one after the other are in one order, however many there are.
        shard = (key * self.num_shards[split]) >> _HASH_BITS
        return shard, (key, file.number, line)

    def place_in_file_order(
        self, split: str, file: InputFile, *, offset: int, line: int
    ) -> tuple[int, Order]:
        """Shard and order by which the shards, one after the other, follow the files."""
        # The size of a compressed file is a guess: what lies beyond it counts to its last byte.
        position = file.first_byte + min(offset, file.num_bytes - 1)
        shard = position * self.num_shards[split] // self.total_bytes[file.split]
        return shard, (file.number, line)


def make_plan(
    dataset: TextDataset,
    input_files: Mapping[str, Sequence[InputFile]],
    *,
    seed: int,
    shard_bytes: int,
    max_row_bytes: int,
) -> ConversionPlan:
    """Decides on the number of shards, from the sizes of the input alone.

    Args:
        dataset: what the rows mean.
        input_files: by input split, as `inputs.find_files` gives them.
        seed: of the order of the training split.
        shard_bytes: input bytes that should make a shard; one is sorted in memory.
        max_row_bytes: longest legal row.
    """
    total_bytes = {
        name: sum(file.num_bytes for file in split_files)
        for name, split_files in input_files.items()
    }
    sizes = total_bytes
    if dataset.hash_split:
        (size,) = total_bytes.values()
        total = sum(dataset.hash_split.values())
        sizes = {name: size * share // total for name, share in dataset.hash_split.items()}
    num_shards = {name: max(1, -(-size // shard_bytes)) for name, size in sizes.items()}
    return ConversionPlan(dataset, total_bytes, num_shards, seed, max_row_bytes)
