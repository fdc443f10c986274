"""Decides where every row goes: its split, its shard, and its position in the shard.

All of this depends on the row, the settings and the input files alone, never on which worker reads
what at which time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from components import seeds
from components.example_gen.classification.dataset import TRAIN_SPLIT, TextDataset
from components.example_gen.classification.inputs import InputFile

# Sort key of a row within its shard.
Order = tuple[int, ...]

# Number of bits of what `seeds.integer` returns.
_HASH_BITS = 63


@dataclasses.dataclass(frozen=True)
class ConversionPlan:
    """Everything that determines what is written where.

    Attributes:
        dataset: description of the data set.
        total_bytes: total (assumed) size in bytes of the files of each input split.
        num_shards: number of shards of each output split.
        seed: seed of the random order of the training split.
        max_row_bytes: length of the longest legal row in bytes; longer rows become dead letters.
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
        """Returns the output split of a row."""
        shares = self.dataset.hash_split
        if not shares:
            return input_split
        # The user's seed is not used, so that a row stays in its split if only the order changes.
        return seeds.choose(shares, self.dataset.hash_seed, "split", guid)

    def split_of_blank_lines(self, input_split: str) -> str:
        """Returns the output split that blank lines count for, as they have no guid to hash."""
        return min(self.num_shards) if self.dataset.hash_split else input_split

    def place_of_example(
        self, split: str, file: InputFile, *, offset: int, line: int, guid: str
    ) -> tuple[int, Order]:
        """Returns shard and sort key of an example.

        The training split is ordered by a hash, all others follow the order of the files.

        Args:
            split: output split of the example.
            file: file that contains the example.
            offset: position of its first byte in the file.
            line: number of its first line.
            guid: id of the example.
        """
        if split != TRAIN_SPLIT:
            return self.place_in_file_order(split, file, offset=offset, line=line)
        key = seeds.integer(self.seed, "order of examples", guid)
        # Each shard takes a range of keys, so that all shards in sequence have the same order,
        # whatever their number.
        shard = (key * self.num_shards[split]) >> _HASH_BITS
        return shard, (key, file.number, line)

    def place_in_file_order(
        self, split: str, file: InputFile, *, offset: int, line: int
    ) -> tuple[int, Order]:
        """Returns shard and sort key so that all shards in sequence have the order of the files."""
        # The size of a compressed file is a guess; rows beyond it are treated as its last byte.
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
    """Makes a plan; the numbers of shards depend only on the sizes of the input files.

    Args:
        dataset: description of the data set.
        input_files: files of each input split, as `inputs.find_files` returns them.
        seed: seed of the random order of the training split.
        shard_bytes: bytes of input per shard. A shard is sorted in memory.
        max_row_bytes: length of the longest legal row in bytes.
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
