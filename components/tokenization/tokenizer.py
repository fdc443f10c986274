"""Text to SentencePiece ids in Python, for Beam workers; the in-graph twin is `graph_tokenizer.py`.

No TensorFlow here: a worker process that imports it starts 15 s later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.tokenization import comma_rule, normalization
from components.tokenization import vocabulary as vocabulary_lib
from components.tokenization.vocabulary import Vocabulary

# Subword sampling as published: one of the 64 best segmentations, with probability in proportion
# to its probability to the power of 0.1 (Kudo 2018, "Subword Regularization", section 3.1).
SAMPLE_NBEST_SIZE = 64
SAMPLE_ALPHA = 0.1


class Tokenizer:
    """Normalises text and cuts it into SentencePiece ids.

    It may be pickled: what travels is the serialized model, and the receiving process loads it.

    Attributes:
        vocabulary: the SentencePiece model.
        uncased: whether text is lowered.
        keep_accents: whether NFKD and the removal of combining characters are left out.
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
        """A tokenizer for the SentencePiece model at `path`; raises what `vocabulary.load` does."""
        return cls(vocabulary_lib.load(path), uncased=uncased, keep_accents=keep_accents)

    def normalize(self, text: str | bytes) -> str:
        """Text as the vocabulary expects it, see `normalization.normalize`."""
        return normalization.normalize(text, uncased=self.uncased, keep_accents=self.keep_accents)

    def encode(
        self, text: str | bytes, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[int]:
        """Ids of a text.

        Args:
            text: raw text, which is normalised first.
            sample: whether to draw one of the likely segmentations instead of the best.
            rng: where the draw comes from; give one that is seeded (`components.seeds`) where the
                result must not depend on the run.
        """
        return self.encode_normalized(self.normalize(text), sample=sample, rng=rng)

    def encode_batch(self, texts: Sequence[str | bytes]) -> list[list[int]]:
        """Ids of every text, as `encode` gives them, a quarter faster than one by one."""
        normalized = [self.normalize(text) for text in texts]
        # SentencePiece's default is a thread per core, which a Beam worker must not take.
        batch = self._processor.Encode(normalized, out_type=int, num_threads=1)
        return [self._replace(ids) for ids in batch]

    def encode_normalized(
        self, text: str, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[int]:
        """Ids of a text that `normalize` returned; see `encode`."""
        if sample:
            segmentation = self._draw_segmentation(text, rng)
            return self._replace([piece_id for _, piece_id in segmentation])
        return self._replace(self._processor.EncodeAsIds(text))

    def pieces(
        self, text: str | bytes, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[str]:
        """Pieces of a text; unknown characters appear as themselves, see `encode`.

        A vocabulary with `byte_fallback` gives a `BytePiece` for each byte of them instead.
        """
        return self.pieces_normalized(self.normalize(text), sample=sample, rng=rng)

    def pieces_normalized(
        self, text: str, *, sample: bool = False, rng: np.random.Generator | None = None
    ) -> list[str]:
        """Pieces of a text that `normalize` returned; see `pieces`."""
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
        """Id of a piece; 0 (`<unk>`) for one that the vocabulary lacks."""
        return self._processor.PieceToId(piece)

    def id_to_piece(self, piece_id: int) -> str:
        """Piece with an id."""
        return self._processor.IdToPiece(piece_id)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, normalised as it was when it was encoded."""
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
        """Pieces and ids of one of the best segmentations, drawn here.

        SentencePiece's own draw comes from a generator that cannot be seeded again once it was
        used, so records made with it would not be reproducible.
        """
        # Kept in a variable: what hangs from it is freed with it.
        best = self._processor.NBestEncodeAsImmutableProto(text, SAMPLE_NBEST_SIZE)
        scores = SAMPLE_ALPHA * np.array([candidate.score for candidate in best.nbests])
        if not scores.size:
            return []
        cumulative = np.cumsum(np.exp(scores - scores.max()))
        draw = (rng or np.random.default_rng()).random() * cumulative[-1]
        chosen = min(int(np.searchsorted(cumulative, draw, side="right")), scores.size - 1)
        return [(piece.piece, piece.id) for piece in best.nbests[chosen].pieces]
