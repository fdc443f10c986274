"""Converts text to SentencePiece ids in Python; mainly for Beam workers.

`graph_tokenizer.py` does the same inside a TensorFlow graph. This module does not import
TensorFlow, because that would delay the start of each worker process by 15 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.tokenization import comma_rule, normalization
from components.tokenization import vocabulary as vocabulary_lib
from components.tokenization.vocabulary import Vocabulary

# Subword sampling as in the published code: one of the 64 best segmentations is drawn, with a
# probability proportional to its model probability raised to the power of 0.1 (Kudo 2018, "Subword
# Regularization", section 3.1).
SAMPLE_NBEST_SIZE = 64
SAMPLE_ALPHA = 0.1


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

    def encode(
        self, text: str | bytes, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[int]:
        """Converts a text to ids.

        Args:
            text: the raw text; it is normalised first.
            sample: whether to draw one of the likely segmentations instead of using the best one.
            rng: generator for this draw. If the result must be reproducible, pass one that is
                seeded with `components.seeds`.
        """
        return self.encode_normalized(self.normalize(text), sample=sample, rng=rng)

    def encode_batch(self, texts: Sequence[str | bytes]) -> list[list[int]]:
        """Converts several texts to ids; a quarter faster than calling `encode` for each."""
        normalized = [self.normalize(text) for text in texts]
        # By default, SentencePiece would start a thread per core, more than a Beam worker should
        # use.
        batch = self._processor.Encode(normalized, out_type=int, num_threads=1)
        return [self._replace(ids) for ids in batch]

    def encode_normalized(
        self, text: str, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[int]:
        """Converts a text that is already normalised to ids; see `encode`."""
        if sample:
            segmentation = self._draw_segmentation(text, rng)
            return self._replace([piece_id for _, piece_id in segmentation])
        return self._replace(self._processor.EncodeAsIds(text))

    def pieces(
        self, text: str | bytes, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[str]:
        """Splits a text into pieces; the arguments are those of `encode`.

        Unknown characters appear as themselves or, if the vocabulary has `byte_fallback`, as a
        `BytePiece` for each of their bytes.
        """
        return self.pieces_normalized(self.normalize(text), sample=sample, rng=rng)

    def pieces_normalized(
        self, text: str, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[str]:
        """Splits a text that is already normalised into pieces; see `pieces`."""
        if sample:
            found = [piece for piece, _ in self._draw_segmentation(text, rng)]
        else:
            found = self._processor.EncodeAsPieces(text)
        pieces = []
        for piece in found:
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

    def decode(self, ids: Sequence[int]) -> str:
        """Converts ids back to text, which is the normalised text."""
        return self._processor.DecodeIds(list(ids))

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

    def _draw_segmentation(
        self, text: str, rng: np.random.Generator | None
    ) -> list[tuple[str, int]]:
        """Draws one of the best segmentations; returns its pieces and their ids.

        SentencePiece could draw one itself, but its generator cannot be seeded again once it has
        been used, so records made with it would not be reproducible.
        """
        # This variable keeps the result alive, because everything read from it is freed with it.
        best = self._processor.NBestEncodeAsImmutableProto(text, SAMPLE_NBEST_SIZE)
        scores = SAMPLE_ALPHA * np.array([candidate.score for candidate in best.nbests])
        if not scores.size:
            return []
        cumulative = np.cumsum(np.exp(scores - scores.max()))
        draw = (rng or np.random.default_rng()).random() * cumulative[-1]
        chosen = min(int(np.searchsorted(cumulative, draw, side="right")), scores.size - 1)
        return [(piece.piece, piece.id) for piece in best.nbests[chosen].pieces]
