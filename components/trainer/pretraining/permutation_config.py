"""How factorisation orders are drawn, and which sizes are legal for that."""

from __future__ import annotations

import dataclasses


class PermutationError(ValueError):
    """Sizes or ratios that are not legal, such as a permutation so long that targets would leak."""


@dataclasses.dataclass(frozen=True)
class PermutationConfig:
    """How permutations are drawn.

    Attributes:
        seq_len: number of tokens of a record.
        reuse_len: number of tokens of its reused part.
        perm_size: length of the permutation, that is, of a block; usually `reuse_len`.
        num_predict: number of target positions of each record, padding included; None predicts at
            all `seq_len` positions, and the target mask marks those that count.
        seed: seed of the random draws.
        leak_ratio: fraction of the masked tokens that every token may see, including themselves
            (just as BERT leaves some tokens in place). They are predicted nevertheless.
    """

    seq_len: int
    reuse_len: int
    perm_size: int
    num_predict: int | None
    seed: int
    leak_ratio: float = 0.0

    def __post_init__(self) -> None:
        """Checks the sizes.

        Raises:
            PermutationError: if a value is not legal; the message says what is.
        """
        new_len = self.seq_len - self.reuse_len
        if not 1 <= self.reuse_len < self.seq_len:
            raise PermutationError(
                f"reuse_len is {self.reuse_len}; legal is 1 to seq_len - 1 = {self.seq_len - 1}."
            )
        longest = min(self.reuse_len, new_len)
        if not 1 <= self.perm_size <= longest:
            raise PermutationError(
                f"perm_size is {self.perm_size}; legal is 1 to {longest}, the shorter of the "
                f"reused part ({self.reuse_len}) and the new one ({new_len}). A longer permutation "
                "would let tokens see what they should predict."
            )
        if self.num_predict is not None and not 1 <= self.num_predict <= self.seq_len:
            raise PermutationError(
                f"num_predict is {self.num_predict}; legal is 1 to seq_len = {self.seq_len}."
            )
        if not 0.0 <= self.leak_ratio <= 1.0:
            raise PermutationError(f"leak_ratio is {self.leak_ratio}; legal is 0 to 1.")
