"""Packs encoded documents by shard between the two stages of pretraining's preprocessing.

Workers of the first stage collect encoded documents in blocks, sorted by shard. The part of a block
that belongs to one shard is a section. In the second stage, each shard gets its sections of all
blocks (see `exchange`). A section consists of:

    uint32 numbers of documents, sentences and tokens, followed by little-endian arrays: 16 bytes
    per document (its place in the order), uint32 number of sentences per document, uint32 number
    of tokens per sentence, and the ids.
"""

from __future__ import annotations

import collections
import dataclasses
import struct
from collections.abc import Iterable, Iterator

import numpy as np

from components import seeds
from components.preprocessing.pretraining.encoding import EncodedDocument
from components.preprocessing.pretraining.shard import ShardTokens

_HEADER = struct.Struct("<III")
_KEY_BYTES = 16


@dataclasses.dataclass(frozen=True)
class ShardKey:
    """Identifies a shard.

    Attributes:
        split: name of the split, such as "train".
        pass_index: index of the pass over the corpus, from 0.
        shard: index of the shard within the pass, from 0.
    """

    split: str
    pass_index: int
    shard: int


def order_key(place: tuple[str, int, int], *, seed: int, split: str, pass_index: int) -> bytes:
    """Returns 16 bytes that decide the shard of a document in a pass, and its place in the shard.

    They only depend on the seed, the split, the pass and the document's place in the corpus.
    """
    return seeds.digest(seed, "document order", split, pass_index, *place, size=_KEY_BYTES)


class Block:
    """Collects the encoded documents of a split.

    Attributes:
        num_tokens: number of tokens collected.
    """

    def __init__(self, *, split: str, seed: int, num_passes: int, num_shards: int):
        self._split = split
        self._seed = seed
        self._num_passes = num_passes
        self._num_shards = num_shards
        self._documents: list[EncodedDocument] = []
        self.num_tokens = 0

    @property
    def num_documents(self) -> int:
        """The number of documents collected."""
        return len(self._documents)

    def add(self, document: EncodedDocument) -> None:
        """Adds a document."""
        self._documents.append(document)
        self.num_tokens += len(document.ids)

    def take_sections(self) -> Iterator[tuple[ShardKey, bytes]]:
        """Yields the section of each shard and pass in the block, and then empties it."""
        for pass_index in range(self._num_passes):
            for shard, members in sorted(self._by_shard(pass_index).items()):
                yield ShardKey(self._split, pass_index, shard), _pack(members)
        self._documents = []
        self.num_tokens = 0

    def _by_shard(self, pass_index: int) -> dict[int, list[tuple[bytes, EncodedDocument]]]:
        by_shard: dict[int, list[tuple[bytes, EncodedDocument]]] = {}
        for document in self._documents:
            key = order_key(
                document.place, seed=self._seed, split=self._split, pass_index=pass_index
            )
            shard = int.from_bytes(key[:8], "little") % self._num_shards
            # The half that decided the shard is no longer random within the shard, so it comes
            # last.
            by_shard.setdefault(shard, []).append((key[8:] + key[:8], document))
        return by_shard


def read_shard(sections: Iterable[bytes], *, dtype: np.dtype) -> ShardTokens:
    """Puts all documents of a shard in order, regardless of their blocks.

    Args:
        sections: the shard's sections, in any order.
        dtype: dtype with which the ids were written.
    """
    keys, ids, sentence_lens = [], [], []
    for section in sections:
        for key, document_lens, document_ids in _unpack(section, dtype):
            keys.append(key)
            sentence_lens.append(document_lens)
            ids.append(document_ids)
    # Keys are equal if a corpus contains the output of our ExampleGen for files of the same name.
    # Then the content decides, so that the order of arrival does not.
    repeated = {key for key, number in collections.Counter(keys).items() if number > 1}

    def place(index: int) -> tuple[bytes, ...]:
        if keys[index] not in repeated:
            return (keys[index],)
        return keys[index], ids[index].tobytes(), sentence_lens[index].tobytes()

    order = sorted(range(len(keys)), key=place)
    lens = np.concatenate([sentence_lens[index] for index in order] or [np.empty(0, np.uint32)])
    return ShardTokens(
        ids=np.concatenate([ids[index] for index in order] or [np.empty(0, dtype)]),
        sentence_starts=np.cumsum(lens, dtype=np.int64) - lens,
    )


def _pack(members: list[tuple[bytes, EncodedDocument]]) -> bytes:
    documents = [document for _, document in members]
    num_sentences = [len(document.sentence_lens) for document in documents]
    num_tokens = sum(len(document.ids) for document in documents)
    return b"".join(
        (
            _HEADER.pack(len(documents), sum(num_sentences), num_tokens),
            *(key for key, _ in members),
            np.array(num_sentences, "<u4").tobytes(),
            *(document.sentence_lens.astype("<u4").tobytes() for document in documents),
            *(document.ids.tobytes() for document in documents),
        )
    )


def _unpack(content: bytes, dtype: np.dtype) -> Iterator[tuple[bytes, np.ndarray, np.ndarray]]:
    num_documents, num_sentences, num_tokens = _HEADER.unpack_from(content)
    offset = _HEADER.size + num_documents * _KEY_BYTES
    per_document = np.frombuffer(content, "<u4", num_documents, offset)
    offset += per_document.nbytes
    lens = np.frombuffer(content, "<u4", num_sentences, offset)
    ids = np.frombuffer(content, dtype, num_tokens, offset + lens.nbytes)
    sentence_ends = np.cumsum(per_document, dtype=np.int64)
    token_ends = np.cumsum(lens, dtype=np.int64)[sentence_ends - 1]
    sentence = token = 0
    for index, (sentence_end, token_end) in enumerate(
        zip(sentence_ends.tolist(), token_ends.tolist(), strict=True)
    ):
        begin = _HEADER.size + index * _KEY_BYTES
        key = content[begin : begin + _KEY_BYTES]
        yield key, lens[sentence:sentence_end], ids[token:token_end]
        sentence, token = sentence_end, token_end
