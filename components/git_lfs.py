"""Git LFS pointers: what lies in place of large files that were not fetched with a repository."""

from __future__ import annotations

# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, "The Pointer".
_START = b"version https://git-lfs"
# As many bytes of a file as `is_pointer` needs.
START_BYTES = len(_START)

HINT = "This is a Git LFS pointer: fetch the file itself with `git lfs pull`."


def is_pointer(content: bytes) -> bool:
    """Whether a file that begins so is a pointer and not the file itself."""
    return content.startswith(_START)
