"""The settings that shape the windows of question answering records."""

from __future__ import annotations

import dataclasses

from components.configuration import PositiveInt

# SEP after the paragraph, SEP after the question, and CLS.
NUM_SPECIAL_TOKENS = 3


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """How a paragraph and a question are cut into windows.

    Attributes:
        max_seq_length: number of tokens in a window, including padding.
        doc_stride: number of tokens between the beginnings of consecutive windows of a long
            paragraph.
        max_query_length: maximum number of tokens of a question; the rest is cut off.
    """

    max_seq_length: PositiveInt
    doc_stride: PositiveInt
    max_query_length: PositiveInt

    def __post_init__(self) -> None:
        if self.max_seq_length <= self.max_query_length + NUM_SPECIAL_TOKENS:
            raise ValueError(
                f"max_seq_length ({self.max_seq_length}) leaves no room for a paragraph beside "
                f"max_query_length ({self.max_query_length}) and {NUM_SPECIAL_TOKENS} special "
                "tokens: raise the first or lower the second."
            )
