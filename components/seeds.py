"""Seeds for random draws, derived from a hash of what each draw is for.

No draw depends on the order of execution: the same seed and purpose give the same draws with every
runner and any number of workers, no matter how often the process was restarted.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping

import numpy as np


def digest(seed: int, *purpose: str | int, size: int = 16) -> bytes:
    """Hashes a seed together with the purpose that it is used for.

    Args:
        seed: the user's seed.
        *purpose: names and numbers that identify the purpose, such as "masks", "train", 3, 0 for
            shard 3 in pass 0. Types and order count: 1 and "1" are different purposes.
        size: number of bytes to return, at most 64.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (seed, *purpose))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


def integer(seed: int, *purpose: str | int) -> int:
    """Returns a non-negative 63-bit integer for a seed and purpose; it fits into an int64."""
    return int.from_bytes(digest(seed, *purpose, size=8), "little") >> 1


def choose(shares: Mapping[str, int], seed: int, *purpose: str | int) -> str:
    """Draws one of the names, each with a probability in proportion to its share.

    The order of the names does not matter: the same shares give the same draw in any order.

    Raises:
        ValueError: if no share is positive, or one is negative.
    """
    if not any(shares.values()) or min(shares.values()) < 0:
        raise ValueError(f"Shares must be non-negative, and one positive: {dict(shares)}.")
    names = sorted(shares)
    ends = list(itertools.accumulate(shares[name] for name in names))
    point = integer(seed, *purpose) % ends[-1]
    return next(name for name, end in zip(names, ends, strict=True) if point < end)


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Returns a separate NumPy generator for one purpose.

    Use only its method `random()`. Integers and permutations may change between versions of NumPy
    (NEP 19), while uniform doubles have not changed.
    """
    key = int.from_bytes(digest(seed, *purpose, size=16), "little")
    return np.random.Generator(np.random.Philox(key=key))


def shuffled(items: list, seed: int, *purpose: str | int) -> list:
    """Returns a copy of the items in a random order that depends on the seed and the purpose."""
    keys = generator(seed, *purpose).random(len(items))
    return [items[index] for index in np.argsort(keys, kind="stable")]
