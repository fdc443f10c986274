"""Converts documents to piece ids, many lines at a time for speed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from components.dead_letters import DeadLetter
from components.example_gen.pretraining.corpus import Document
from components.tokenization.special_ids import CLS_ID, EOD_ID, SEP_ID, SPIECE_UNDERLINE
from components.tokenization.tokenizer import Tokenizer

# The ASCII white space of `str.split`, except for the space and the line feed.
_OTHER_SPACES = "\t\x0b\x0c\r\x1c\x1d\x1e\x1f"
# Punctuation that may begin a word without a space mark in front of it, as in the published code.
_PUNCTUATION = frozenset('!"#$%&()*+,-./:;?@[\\]^_`{|}~')

Reject = Callable[[DeadLetter], None]


@dataclasses.dataclass(frozen=True)
class EncodedDocument:
    """The piece ids of a document.

    Attributes:
        place: file, line and part of the document, which identify it.
        ids: unsigned [num_tokens].
        sentence_lens: uint32 [num_sentences], number of tokens in each line; `<eod>` belongs to the
            last line.
    """

    place: tuple[str, int, int]
    ids: np.ndarray
    sentence_lens: np.ndarray


class DocumentEncoder:
    """Encodes documents with a tokenizer.

    Attributes:
        dtype: dtype of the ids, which take two bytes for vocabularies of up to 65,536 pieces.
    """

    def __init__(self, tokenizer: Tokenizer, *, use_eod: bool, from_raw_text: bool) -> None:
        """Prepares the encoder.

        Args:
            tokenizer: tokenizer for the text.
            use_eod: whether each document ends with `<eod>`.
            from_raw_text: False if lines consist of ids of pieces, separated by white space,
                instead of text.
        """
        vocabulary = tokenizer.vocabulary
        self.dtype = id_dtype(tokenizer)
        self._tokenizer = tokenizer
        self._processor = vocabulary.make_processor()
        self._size = vocabulary.size
        self._replacements = {
            piece_id: np.array(ids, self.dtype) for piece_id, ids in vocabulary.replacements.items()
        }
        self._is_replaced = np.zeros(vocabulary.size, bool)
        self._is_replaced[list(vocabulary.replacements)] = True
        self._use_eod = use_eod
        self._from_raw_text = from_raw_text

    def encode(self, documents: Sequence[Document], reject: Reject) -> Iterator[EncodedDocument]:
        """Encodes documents in order, leaving out those without any tokens.

        Args:
            documents: the documents; together, their ids must fit into memory.
            reject: called with a dead letter for each line that should consist of ids but does not.
        """
        lines = list(itertools.chain.from_iterable(document.lines for document in documents))
        if self._from_raw_text:
            ids, lens = self.encode_lines(lines)
        else:
            ids, lens = self._parse(documents, reject)
        ends = np.cumsum(lens)
        first_line = first_token = 0
        for document in documents:
            last_line = first_line + len(document.lines)
            last_token = int(ends[last_line - 1]) if last_line else 0
            if last_token > first_token:
                own_ids = ids[first_token:last_token]
                own_lens = lens[first_line:last_line]
                own_lens = own_lens[own_lens > 0]
                if self._use_eod and document.is_last_part:
                    own_ids = np.append(own_ids, np.array(EOD_ID, self.dtype))
                    own_lens[-1] += 1
                place = (document.source, document.line, document.part)
                yield EncodedDocument(place, own_ids, own_lens)
            first_line, first_token = last_line, last_token

    def encode_lines(self, lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes lines as `Tokenizer.encode` does, but into one array.

        Args:
            lines: the lines, stripped and without line ends.

        Returns:
            The ids of all lines, and the number of ids of each line, uint32 [num_lines].
        """
        batch = self._processor.Encode(self._normalize(lines), out_type=int, num_threads=1)
        lens = np.fromiter(map(len, batch), np.uint32, len(batch))
        ids = np.fromiter(itertools.chain.from_iterable(batch), self.dtype, int(lens.sum()))
        hits = np.flatnonzero(self._is_replaced[ids])
        if not hits.size:
            return ids, lens
        line_of_hit = np.searchsorted(np.cumsum(lens), hits, side="right")
        parts, position = [], 0
        for hit, line in zip(hits.tolist(), line_of_hit.tolist(), strict=True):
            new = self._replacements[int(ids[hit])]
            parts += (ids[position:hit], new)
            position = hit + 1
            lens[line] += len(new) - 1
        return np.concatenate([*parts, ids[position:]]), lens

    def _normalize(self, lines: Sequence[str]) -> list[str]:
        """Does what `Tokenizer.normalize` does for each line, but for all ASCII lines together.

        NFKD does not change ASCII, so only white space, quotes and case have to be handled there.
        """
        if not lines:
            return []
        text = "\n".join(lines)
        for space in _OTHER_SPACES:
            text = text.replace(space, " ")
        while "  " in text:
            text = text.replace("  ", " ")
        text = text.replace("``", '"').replace("''", '"')
        if self._tokenizer.uncased:
            text = text.lower()
        normalized = text.split("\n")
        if not text.isascii():
            for index, line in enumerate(lines):
                if not line.isascii():
                    normalized[index] = self._tokenizer.normalize(line)
        return normalized

    def _parse(
        self, documents: Sequence[Document], reject: Reject
    ) -> tuple[np.ndarray, np.ndarray]:
        parts, lens = [np.empty(0, self.dtype)], []
        for document in documents:
            for line in document.lines:
                problem, ids = self._parse_line(line)
                if problem:
                    place = str(document.line)
                    detail = f"in the document that begins there; ids are 0 to {self._size - 1:,}"
                    weight = len(line.encode())
                    reject(DeadLetter(document.source, place, problem, detail, line, weight))
                parts.append(ids)
                lens.append(len(ids))
        return np.concatenate(parts), np.array(lens, np.uint32)

    def _parse_line(self, line: str) -> tuple[str, np.ndarray]:
        nothing = np.empty(0, self.dtype)
        try:
            ids = np.array(line.split(), dtype=np.int64)
        except (ValueError, OverflowError):
            return "not ids", nothing
        if ids.min() < 0 or ids.max() >= self._size:
            return "id outside the vocabulary", nothing
        if np.isin(ids, (SEP_ID, CLS_ID)).any():
            # Records contain these as separators, from which they could not be told apart in the
            # text.
            return "id of <sep> or <cls> in the text", nothing
        return "", ids.astype(self.dtype)


def id_dtype(tokenizer: Tokenizer) -> np.dtype:
    """Returns the unsigned dtype of 2 or, if necessary, 4 bytes for the tokenizer's ids."""
    return np.dtype("<u2" if tokenizer.vocabulary.size <= 1 << 16 else "<u4")


def word_starts(tokenizer: Tokenizer) -> np.ndarray:
    """Returns whether each piece of the vocabulary may begin a word; bool [vocabulary size].

    As in the published preprocessing, these are the pieces that begin with the space mark or `<`,
    and the single characters in `_PUNCTUATION` (ASCII punctuation except `'`, `=` and `>`). A byte
    piece is also written with `<`, but continues the text before it, so it does not begin a word.
    """
    pieces = map(tokenizer.id_to_piece, range(tokenizer.vocabulary.size))
    starts = np.array(
        [piece.startswith((SPIECE_UNDERLINE, "<")) or piece in _PUNCTUATION for piece in pieces]
    )
    starts[list(tokenizer.vocabulary.byte_pieces)] = False
    return starts
