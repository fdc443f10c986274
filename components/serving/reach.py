"""How much of its texts a model reads, which is less than all if they are longer than its records.

The graph cuts texts without saying so. This tokenizes them once more in Python, with the graph's
own SentencePiece model.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from components import files, plain_json
from components.export.input_columns import InputColumns
from components.preprocessing.classification.packing import truncated_lengths
from components.serving import saved_model_check
from components.tokenization import vocabulary
from components.tokenization.tokenizer import Tokenizer

_SETTINGS_PATH = ("assets.extra", "records.json")
_MAX_BYTES = 1 << 20


class Reach:
    """Finds out how much a classification or regression model reads of a text or a pair of texts.

    Args:
        tokenizer: the model's tokenizer.
        seq_len: length of its records, in pieces.
        clean: what the graph does to a text before it is tokenized.
    """

    def __init__(
        self, tokenizer: Tokenizer, seq_len: int, clean: Callable[[str], str] = str
    ) -> None:
        self._tokenizer = tokenizer
        self._seq_len = seq_len
        self._clean = clean

    @classmethod
    def of_model(cls, path: str, columns: InputColumns) -> Reach | None:
        """Returns the reach of a SavedModel; None if it does not say what it was trained on.

        Args:
            path: path of the SavedModel.
            columns: how its training files held the texts.
        """
        where = files.join(path, *_SETTINGS_PATH)
        try:
            content = files.read_bytes(where, max_bytes=_MAX_BYTES)
        except files.NoSuchFilesError:
            return None
        settings = plain_json.mapping(content, where=where)
        models = saved_model_check.sentencepiece_models(path)
        if "seq_len" not in settings or not models:
            return None
        tokenizer = Tokenizer(
            vocabulary.from_bytes(models[0], source=path),
            uncased=settings.get("uncased", False),
            keep_accents=settings.get("keep_accents", False),
        )
        clean = columns.clean if columns.replaced_in_graph else str
        return cls(tokenizer, settings["seq_len"], clean)

    def characters(self, text_a: str, text_b: str = "") -> tuple[int, int]:
        """Returns how many characters of each text are read, counted from its beginning.

        Within the word at which a text is cut, this may be off by a few characters, since a part of
        a word can have other pieces than the word.
        """
        texts = (text_a, text_b)
        lengths = [self._num_pieces(text) for text in texts]
        kept = truncated_lengths(*(tf.constant([n]) for n in lengths), self._seq_len)
        numbers = [int(part.numpy()[0]) for part in kept]
        return tuple(
            len(text) if number >= length else self._place(text, number)
            for text, length, number in zip(texts, lengths, numbers, strict=True)
        )

    def _place(self, text: str, pieces: int) -> int:
        """Returns the largest number of characters that need no more than this many pieces."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._num_pieces(text[:middle]) <= pieces:
                low = middle
            else:
                high = middle - 1
        return low

    def _num_pieces(self, text: str) -> int:
        return len(self._tokenizer.encode(self._clean(text)))
