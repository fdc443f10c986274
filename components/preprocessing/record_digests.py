"""Digests of record files, on their way through a Beam job to the manifest.

Jobs gather what their workers report by adding up numbers by name, so a digest is part of a name.
"""

from __future__ import annotations

from collections.abc import MutableMapping

_PREFIX = "sha256_of/"


def as_count(name: str, sha256: str) -> tuple[str, int]:
    """Returns a counter that carries the digest of a file's records.

    Args:
        name: path of the file, relative to the manifest.
        sha256: `RecordWriter.sha256` of the file.
    """
    return f"{_PREFIX}{name}/{sha256}", 1


def take(counts: MutableMapping[str, int]) -> dict[str, str]:
    """Removes the counters made by `as_count`, and returns their digests by name of the file."""
    found = sorted(name for name in counts if name.startswith(_PREFIX))
    for name in found:
        del counts[name]
    return dict(name.removeprefix(_PREFIX).rsplit("/", 1) for name in found)
