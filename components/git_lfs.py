"""Recognises Git LFS pointers: the small text files that stand in for files not yet fetched."""

from __future__ import annotations

# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, "The Pointer".
_START = b"version https://git-lfs"
# The number of bytes of a file that `is_pointer` needs.
START_BYTES = len(_START)

HINT = "This is a Git LFS pointer: fetch the file itself with `git lfs pull`."


def is_pointer(content: bytes) -> bool:
    """Whether a file that begins with `content` is a Git LFS pointer instead of the file itself."""
    return content.startswith(_START)
