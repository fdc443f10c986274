"""Encoded documents between the two stages of preprocessing, in files that a shard reads parts of.

Tokenising workers gather documents and write them in blocks, sorted by the shard that each belongs
to. What goes through Beam's grouping is only where a shard's section lies in which block, so that a
runner that groups in memory holds no text. A section is self-contained:

    uint32 number of documents, sentences and tokens; then little-endian arrays: 16 bytes per
    document (its place in the order), uint32 sentences per document, uint32 tokens per sentence,
    ids.
"""

from __future__ import annotations

import dataclasses
import struct
import uuid
from collections.abc import Iterable, Iterator

import numpy as np

from components import files, seeds
from components.preprocessing.pretraining.encoding import EncodedDocument
from components.preprocessing.pretraining.shard import ShardTokens

_HEADER = struct.Struct("<III")
_KEY_BYTES = 16


@dataclasses.dataclass(frozen=True)
class ShardKey:
    """Name of a shard.

    Attributes:
        split: such as "train".
        pass_index: 0, 1, …
        shard: 0, 1, …
    """

    split: str
    pass_index: int
    shard: int


@dataclasses.dataclass(frozen=True)
class Section:
    """Where a part of a shard's documents lies: `num_bytes` of a file, from `offset` on."""

    path: str
    offset: int
    num_bytes: int


def order_key(place: tuple[str, int, int], *, seed: int, split: str, pass_index: int) -> bytes:
    """16 bytes that say which shard a document goes to in a pass, and where in it.

    They depend on nothing but the seed, the pass and the document's place in the corpus.
    """
    return seeds.digest(seed, "document order", split, pass_index, *place, size=_KEY_BYTES)


class BlockWriter:
    """Gathers the encoded documents of one split and writes them in blocks."""

    def __init__(self, directory: str, *, split: str, seed: int, num_passes: int, num_shards: int):
        self._directory = directory
        self._split = split
        self._seed = seed
        self._num_passes = num_passes
        self._num_shards = num_shards
        self._documents: list[EncodedDocument] = []
        self.num_tokens = 0

    def add(self, document: EncodedDocument) -> None:
        """Keeps a document for the next block."""
        self._documents.append(document)
        self.num_tokens += len(document.ids)

    def flush(self) -> Iterator[tuple[ShardKey, Section]]:
        """Writes what was kept as a block; yields the section of each shard that has one."""
        if not self._documents:
            return
        # The name is no part of the result; a bundle that is run again writes another block.
        path = files.join(self._directory, f"block-{uuid.uuid4().hex}")
        sections = []
        with files.open_atomically(path) as file:
            offset = 0
            for pass_index in range(self._num_passes):
                for shard, members in sorted(self._by_shard(pass_index).items()):
                    content = _pack(members)
                    file.write(content)
                    key = ShardKey(self._split, pass_index, shard)
                    sections.append((key, Section(path, offset, len(content))))
                    offset += len(content)
        self._documents = []
        self.num_tokens = 0
        yield from sections

    def _by_shard(self, pass_index: int) -> dict[int, list[tuple[bytes, EncodedDocument]]]:
        by_shard: dict[int, list[tuple[bytes, EncodedDocument]]] = {}
        for document in self._documents:
            key = order_key(
                document.place, seed=self._seed, split=self._split, pass_index=pass_index
            )
            shard = int.from_bytes(key[:8], "little") % self._num_shards
            # The half that chose the shard says nothing about the place in it.
            by_shard.setdefault(shard, []).append((key[8:] + key[:8], document))
        return by_shard


def read_shard(sections: Iterable[Section], *, dtype: np.dtype) -> ShardTokens:
    """All documents of a shard in their order, whichever blocks they come from.

    Args:
        sections: of one shard, in any order.
        dtype: of the ids, as they were written.
    """
    keys, ids, sentence_lens = [], [], []
    for section in sections:
        for key, document_lens, document_ids in _unpack(_read(section), dtype):
            keys.append(key)
            sentence_lens.append(document_lens)
            ids.append(document_ids)
    order = sorted(range(len(keys)), key=keys.__getitem__)
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


def _read(section: Section) -> bytes:
    with files.open_to_read(section.path) as file:
        file.seek(section.offset)
        content = file.read(section.num_bytes)
    if len(content) != section.num_bytes:
        raise EOFError(
            f"{section.path} is shorter than it was written. Something else removed or changed "
            "the working directory of this run; run it again."
        )
    return content
