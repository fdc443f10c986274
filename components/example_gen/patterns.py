"""Resolves the file patterns of a configuration against the data root."""

from __future__ import annotations

import re

from components import files

# Placeholders that TFX's driver fills in before an executor gets a pattern.
_TFX_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(:\d+)?\}|\{(YYYY|MM|DD)\}")


def resolve(data_root: str, pattern: str) -> str:
    """Returns the pattern below the data root; absolute patterns are returned unchanged.

    The data root is taken literally: wildcard characters in its name are escaped. TFX's
    placeholders ({SPAN} and the like) match anything: whoever looks at the files before TFX's
    driver chooses a span looks at all of them.
    """
    pattern = _TFX_PLACEHOLDER.sub("*", pattern)
    if pattern.startswith("/") or "://" in pattern:
        return pattern
    return files.join(files.escape(data_root), pattern)
