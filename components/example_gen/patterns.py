"""Resolves the file patterns of a configuration against the data root."""

from __future__ import annotations

import re

from components import files

# Placeholders that TFX's driver fills in before an executor gets a pattern.
_TFX_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(:\d+)?\}|\{(YYYY|MM|DD)\}")
_WILDCARD = re.compile(r"[*?\[]")


def resolve(data_root: str, pattern: str) -> str:
    """Returns the pattern below the data root; absolute patterns are returned unchanged.

    The data root is taken literally: wildcard characters in its name are escaped. Local patterns
    get one spelling, so that a file that two of them match has the same path. TFX's placeholders
    ({SPAN} and the like) match anything: whoever looks at the files before TFX's driver chooses a
    span looks at all of them.
    """
    pattern = _TFX_PLACEHOLDER.sub("*", pattern)
    if "://" in pattern:
        return pattern
    if pattern.startswith("/"):
        return _one_spelling(pattern)
    if "://" not in data_root:
        # The names of objects in a bucket have only one spelling.
        pattern = _one_spelling(pattern)
    return files.join(files.escape(data_root), pattern)


def _one_spelling(pattern: str) -> str:
    """Removes empty parts, ".", and ".." after a name, as `posixpath.normpath` does.

    It leaves ".." after a wildcard.
    """
    kept: list[str] = []
    for part in pattern.split("/"):
        if part == ".." and kept and kept[-1] != ".." and not _WILDCARD.search(kept[-1]):
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/" * pattern.startswith("/") + "/".join(kept)
