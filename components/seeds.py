"""Every random draw starts from a hash of what it is for, never from the order of execution.

Same seed and same purpose give the same draws, whatever the runner, the number of workers, or how
often the process was restarted.
"""

from __future__ import annotations

import hashlib

import numpy as np


def digest(seed: int, *purpose: str | int, size: int = 16) -> bytes:
    """Hash of a seed and what it is used for ("masks", "train", shard 3, pass 0).

    Args:
        seed: the user's seed.
        *purpose: names and numbers; no two different sequences are hashed as the same text.
        size: bytes to return, at most 64.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (seed, *purpose))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


def integer(seed: int, *purpose: str | int) -> int:
    """A non-negative 63-bit integer from a seed and its purpose; fits a TensorFlow int64."""
    return int.from_bytes(digest(seed, *purpose, size=8), "little") >> 1


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator of its own for one purpose.

    Use only `random()` of it: integers and permutations may change between NumPy's versions
    (NEP 19), uniform doubles have not.
    """
    key = int.from_bytes(digest(seed, *purpose, size=16), "little")
    return np.random.Generator(np.random.Philox(key=key))


def shuffled(items: list, seed: int, *purpose: str | int) -> list:
    """The items in an order drawn from the seed and the purpose; the argument is left alone."""
    keys = generator(seed, *purpose).random(len(items))
    return [items[index] for index in np.argsort(keys, kind="stable")]
