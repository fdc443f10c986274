"""Files of running text → documents, in order, with file and line, in bounded memory.

A document is a sequence of lines, each a sentence or a paragraph. Plain text separates documents by
blank lines, JSONL has one per line, TFRecords hold one per Example. Lines that cannot be used go to
the dead letters; a document of unusual length is divided, so that no input can fill the memory.
"""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from google.protobuf.message import DecodeError

from components import seeds, tf_examples, tfrecords
from components.dead_letters import DeadLetter
from components.example_gen import corpus_files
from components.example_gen.corpus_files import FileRange

CorpusFormat = Literal["text", "jsonl", "tfrecord"]
CORPUS_FORMATS: tuple[str, ...] = ("text", "jsonl", "tfrecord")

# A sentence or a paragraph has a few kB; SentencePiece takes a line as a whole.
MAX_LINE_BYTES = 1 << 20
# About 250,000 pieces. Longer documents are divided and their parts shuffled like documents.
MAX_DOCUMENT_BYTES = 1 << 20
# A line of JSONL is a document with all its quoting.
MAX_JSON_LINE_BYTES = 64 << 20

TEXT_FEATURE = "text"
_EXCERPT_BYTES = 500

Reject = Callable[[DeadLetter], None]


class CorpusFormatError(ValueError):
    """A corpus format that does not exist."""


@dataclasses.dataclass(frozen=True)
class Document:
    """A document, or a part of a very long one.

    Attributes:
        source: path of its file.
        line: number of its first line in the file, from 1; of its record in a TFRecord file.
        lines: stripped, none empty.
        part: 0, 1, … for the parts of a divided document.
        is_last_part: True also for documents that were not divided.
    """

    source: str
    line: int
    lines: Sequence[str]
    part: int = 0
    is_last_part: bool = True


def read_documents(
    file_range: FileRange,
    *,
    file_format: CorpusFormat,
    reject: Reject,
    counts: collections.Counter[str],
    text_field: str = TEXT_FEATURE,
) -> Iterator[Document]:
    """Documents of a file, or of a part of it that begins and ends between documents.

    Args:
        file_range: what to read.
        file_format: "text" (a sentence or paragraph per line, blank line between documents),
            "jsonl" (an object per line), or "tfrecord" (an Example per document). Text and JSONL
            may be compressed (.gz, .bz2, .zst), TFRecords may be gzip-compressed (.gz).
        reject: gets each line that cannot be used.
        counts: is incremented: "lines" (all lines that are not blank, rejected ones too),
            "documents", "documents divided".
        text_field: key of the text in JSONL objects and Examples. Its lines are the document's.

    Raises:
        CorpusFormatError: if there is no such format.
        NoSuchFilesError, DamagedFileError, CorruptRecordError: if the file cannot be read.
    """
    if file_format == "text":
        documents = _read_text(file_range, reject, counts)
    elif file_format == "jsonl":
        documents = _read_jsonl(file_range, reject, counts, text_field)
    elif file_format == "tfrecord":
        documents = _read_examples(file_range.path, reject, counts, text_field)
    else:
        raise CorpusFormatError(
            f"There is no corpus format {file_format!r}; legal are {', '.join(CORPUS_FORMATS)}."
        )
    for document in documents:
        counts["documents"] += document.part == 0
        counts["documents divided"] += document.part == 1
        yield document


def document_to_example(document: Document) -> bytes:
    """A serialized Example from which `read_documents` makes an equal document."""
    return tf_examples.encode(
        {
            TEXT_FEATURE: ["\n".join(document.lines).encode("utf-8", "surrogatepass")],
            "source": [document.source.encode()],
            "line": [document.line],
            "part": [document.part],
            "is_last_part": [int(document.is_last_part)],
        }
    )


def choose_split(document: Document, shares: Mapping[str, int], *, seed: int) -> str:
    """The split of a document, drawn from its place; parts of a document stay together.

    Args:
        document: any document.
        shares: relative sizes by split name, such as {"train": 99, "eval": 1}.
        seed: of the draw.
    """
    draw = seeds.integer(seed, "corpus split", document.source, document.line) % sum(
        shares.values()
    )
    for name, share in shares.items():
        draw -= share
        if draw < 0:
            return name
    raise ValueError(f"The shares of the splits must be positive: {dict(shares)}.")


def _read_text(
    file_range: FileRange, reject: Reject, counts: collections.Counter[str]
) -> Iterator[Document]:
    building = _DocumentBuilder(file_range.path)
    for number, raw, is_whole in corpus_files.lines(file_range, max_line_bytes=MAX_LINE_BYTES):
        line = _decode(raw, number, is_whole, MAX_LINE_BYTES, file_range.path, reject, counts)
        if line is None:
            continue
        document = building.add(line, number) if line else building.end()
        if document is not None:
            yield document
    if (document := building.end()) is not None:
        yield document


def _read_jsonl(
    file_range: FileRange, reject: Reject, counts: collections.Counter[str], text_field: str
) -> Iterator[Document]:
    path = file_range.path
    for number, raw, is_whole in corpus_files.lines(file_range, max_line_bytes=MAX_JSON_LINE_BYTES):
        line = _decode(raw, number, is_whole, MAX_JSON_LINE_BYTES, path, reject, counts)
        if not line:
            continue
        try:
            text = json.loads(line)
        except (ValueError, RecursionError) as error:
            reject(DeadLetter(path, str(number), "not JSON", str(error), line))
            continue
        text = text.get(text_field) if isinstance(text, dict) else None
        if not isinstance(text, str):
            detail = f"no text under the key {text_field!r}"
            reject(DeadLetter(path, str(number), "no text", detail, line))
            continue
        yield from _split_text(text, path, number, reject)


def _read_examples(
    path: str, reject: Reject, counts: collections.Counter[str], text_field: str
) -> Iterator[Document]:
    for number, record in enumerate(tfrecords.read_records(path), start=1):
        counts["lines"] += 1
        try:
            features = tf_examples.decode(record)
        except DecodeError as error:
            reject(DeadLetter(path, str(number), "not an Example", str(error), repr(record[:99])))
            continue
        (raw,) = features.get(text_field) or (None,)
        if not isinstance(raw, bytes):
            detail = f"no bytes in the feature {text_field!r}; it has {', '.join(features)}"
            reject(DeadLetter(path, str(number), "no text", detail))
            continue
        (source,) = features.get("source") or (path.encode(),)
        (line,) = features.get("line") or (number,)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            excerpt = raw[:_EXCERPT_BYTES].decode("utf-8", "replace")
            reject(DeadLetter(source.decode(), str(line), "not UTF-8", str(error), excerpt))
            continue
        if "part" not in features:
            yield from _split_text(text, source.decode(), line, reject)
            continue
        # An ExampleGen of ours divided it already.
        (part,), (is_last_part,) = features["part"], features.get("is_last_part") or (1,)
        lines = [stripped for item in text.split("\n") if (stripped := item.strip())]
        if lines:
            yield Document(source.decode(), line, lines, part, bool(is_last_part))


def _split_text(text: str, source: str, number: int, reject: Reject) -> Iterator[Document]:
    """A document from a text of several lines; blank lines in it separate nothing."""
    building = _DocumentBuilder(source)
    for line in text.split("\n"):
        # Characters take at least as many bytes as there are of them; near enough for a limit.
        if len(line) > MAX_LINE_BYTES:
            reject(_too_long(source, number, line[:_EXCERPT_BYTES], MAX_LINE_BYTES))
        elif stripped := line.strip():
            document = building.add(stripped, number)
            if document is not None:
                yield document
    if (document := building.end()) is not None:
        yield document


class _DocumentBuilder:
    """Gathers lines; hands out a part whenever there are too many."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: list[str] = []
        self._size = 0
        self._first_line = 0
        self._part = 0

    def add(self, line: str, number: int) -> Document | None:
        """Takes a line; returns the part that is full, if one is."""
        full = None
        if self._lines and self._size + len(line) > MAX_DOCUMENT_BYTES:
            full = self._take(is_last_part=False)
            self._part += 1
        elif not self._lines:
            self._first_line = number
        self._lines.append(line)
        self._size += len(line)
        return full

    def end(self) -> Document | None:
        """Returns what there is of the document that ends, if anything."""
        document = self._take(is_last_part=True) if self._lines else None
        self._part = 0
        return document

    def _take(self, *, is_last_part: bool) -> Document:
        document = Document(self._source, self._first_line, self._lines, self._part, is_last_part)
        self._lines, self._size = [], 0
        return document


def _decode(
    raw: bytes,
    number: int,
    is_whole: bool,
    max_line_bytes: int,
    path: str,
    reject: Reject,
    counts: collections.Counter[str],
) -> str | None:
    """The stripped line; None if it was rejected."""
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        counts["lines"] += 1
        if is_whole:
            excerpt = raw[:_EXCERPT_BYTES].decode("utf-8", "replace")
            reject(DeadLetter(path, str(number), "not UTF-8", str(error), excerpt))
            return None
        line = raw.decode("utf-8", "replace")
    else:
        counts["lines"] += bool(line)
    if not is_whole:
        reject(_too_long(path, number, line[:_EXCERPT_BYTES], max_line_bytes))
        return None
    return line


def _too_long(path: str, number: int, excerpt: str, max_bytes: int) -> DeadLetter:
    detail = f"more than {max_bytes:,} bytes; a line should be a sentence or a paragraph"
    return DeadLetter(path, str(number), "line too long", detail, excerpt)
