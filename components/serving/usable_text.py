"""Which texts a model can be asked about, whether they stand in a request or in a file."""

from __future__ import annotations

from components.example_gen.classification.interpretation import EMPTY_TEXT
from components.export.input_columns import InputColumns
from components.serving.pushed_model import REQUIRED_TEXTS


def problem(text: str | bytes, name: str, *, columns: InputColumns, max_bytes: int | None) -> str:
    """Returns what is wrong with a text; empty if nothing is.

    Args:
        text: the text, to which `interpretation.as_text` has no objection; or bytes, for an input
            that takes them.
        name: the model's input that it is for.
        columns: how the model's training files held the texts.
        max_bytes: largest size of the text in UTF-8, in bytes; None for no limit.
    """
    # Cleaned as for training, nothing may be left of it.
    if isinstance(text, str) and name in REQUIRED_TEXTS and not columns.clean(text).strip():
        return EMPTY_TEXT
    if max_bytes is None:
        return ""
    size = len(text.encode() if isinstance(text, str) else text)
    return f"{size:,} bytes; at most {max_bytes:,} are allowed" if size > max_bytes else ""
