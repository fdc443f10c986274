"""Converts text to SentencePiece ids in Python; mainly for Beam workers.

`graph_tokenizer.py` does the same inside a TensorFlow graph. This module does not import
TensorFlow, because that would delay the start of each worker process by 15 s.
"""

from __future__ import annotations

from typing import Any

from components.tokenization import comma_rule, normalization
from components.tokenization import vocabulary as vocabulary_lib
from components.tokenization.vocabulary import Vocabulary


class Tokenizer:
    """Normalises text and splits it into SentencePiece ids.

    A tokenizer can be pickled: the pickle contains the serialized SentencePiece model, and the
    receiving process loads it again.

    Attributes:
        vocabulary: the SentencePiece model.
        uncased: whether texts are converted to lower case.
        keep_accents: whether NFKD and the removal of combining characters are skipped.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, uncased: bool = False, keep_accents: bool = False
    ):
        self.vocabulary = vocabulary
        self.uncased = uncased
        self.keep_accents = keep_accents
        self._make_processor()

    @classmethod
    def from_file(
        cls, path: str, *, uncased: bool = False, keep_accents: bool = False
    ) -> Tokenizer:
        """Creates a tokenizer from the SentencePiece model at `path`.

        Raises:
            NoSuchFilesError, VocabularyError: as `vocabulary.load` does.
        """
        return cls(vocabulary_lib.load(path), uncased=uncased, keep_accents=keep_accents)

    def normalize(self, text: str | bytes) -> str:
        """Normalises text with this tokenizer's settings; see `normalization.normalize`."""
        return normalization.normalize(text, uncased=self.uncased, keep_accents=self.keep_accents)

    def encode(self, text: str | bytes) -> list[int]:
        """Converts a raw text, which is normalised first, to ids."""
        return self.encode_normalized(self.normalize(text))

    def encode_normalized(self, text: str) -> list[int]:
        """Converts a text that is already normalised to ids."""
        return self._replace(self._processor.EncodeAsIds(text))

    def pieces(self, text: str | bytes) -> list[str]:
        """Splits a raw text, which is normalised first, into pieces.

        Unknown characters appear as themselves or, if the vocabulary has `byte_fallback`, as a
        `BytePiece` for each of their bytes.
        """
        return self.pieces_normalized(self.normalize(text))

    def pieces_normalized(self, text: str) -> list[str]:
        """Splits a text that is already normalised into pieces; see `pieces`."""
        pieces = []
        for piece in self._processor.EncodeAsPieces(text):
            if comma_rule.applies_to(piece):
                pieces += comma_rule.split(piece, self._processor.EncodeAsPieces)
            else:
                pieces.append(piece)
        if self._byte_pieces:
            pieces = [self._byte_pieces.get(piece, piece) for piece in pieces]
        return pieces

    def piece_to_id(self, piece: str) -> int:
        """Returns the id of a piece, or 0 (`<unk>`) if the vocabulary does not have it."""
        return self._processor.PieceToId(piece)

    def id_to_piece(self, piece_id: int) -> str:
        """Returns the piece with this id."""
        return self._processor.IdToPiece(piece_id)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_processor"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_processor()

    def _make_processor(self) -> None:
        self._processor = self.vocabulary.make_processor()
        self._replaced_ids = frozenset(self.vocabulary.replacements)
        self._byte_pieces = {piece: piece for piece in self.vocabulary.byte_pieces.values()}

    def _replace(self, ids: list[int]) -> list[int]:
        if self._replaced_ids.isdisjoint(ids):
            return ids
        replaced = []
        for piece_id in ids:
            replaced += self.vocabulary.replacements.get(piece_id, (piece_id,))
        return replaced
