"""Reads documents from files of running text, in order, with their file and line.

A document is a sequence of lines, each of which is a sentence or a paragraph. In plain text, blank
lines separate documents; JSONL files have one document per line, and TFRecord files one per
Example. Lines that cannot be used become dead letters, weighted by their length in bytes. Unusually
long lines and documents are divided, so that no input can exhaust memory.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from google.protobuf.message import DecodeError

from components import json_text, seeds, tf_examples, tfrecords
from components.dead_letters import DeadLetter
from components.example_gen import lines, text_form
from components.example_gen.pretraining import corpus_files
from components.example_gen.pretraining.corpus_files import FileRange
from components.tokenization import normalization

CorpusFormat = Literal["text", "jsonl", "tfrecord"]
CORPUS_FORMATS: tuple[str, ...] = ("text", "jsonl", "tfrecord")

# Longer lines are cut, because SentencePiece processes a line as a whole. A sentence or a paragraph
# usually has a few kB.
MAX_LINE_BYTES = 1 << 20
# About 250,000 pieces. Longer documents are divided, and their parts are shuffled like documents.
MAX_DOCUMENT_BYTES = 1 << 20
# Larger than the limits above, since a line of JSONL is a whole document, including escapes.
MAX_JSON_LINE_BYTES = 64 << 20

TEXT_FEATURE = "text"
# What `read_documents` counts, in addition to "documents" and "documents divided".
LINES, BYTES, LINES_CUT = "lines", "bytes", "lines cut"
LOOKS_LIKE = "files that look like "
NUL_CHARACTER = "NUL character"
NOT_UTF8 = "not UTF-8"
EMPTY_TEXT = "empty text"
# The features, beside the text, with which our ExampleGen marks its documents.
_PLACE = {"source": bytes, "line": int, "part": int, "is_last_part": int}
_EXCERPT_BYTES = 500
_MAX_KEYS = 12

Reject = Callable[[DeadLetter], None]


class CorpusFormatError(ValueError):
    """A corpus format that does not exist."""


@dataclasses.dataclass(frozen=True)
class Document:
    """A document, or a part of a very long one.

    Attributes:
        source: path of the file that the document comes from.
        line: number of the document's first line in the file, counted from 1; in a TFRecord file,
            the number of its record.
        lines: lines of the document, without surrounding white space; none is empty.
        part: 0, 1, … for the parts of a divided document; 0 for any other.
        is_last_part: whether this is the last part; True for a document that was not divided.
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
    """Yields the documents of a file, or of a part of it that begins and ends between documents.

    Args:
        file_range: the file, or part of it, to read.
        file_format: "text" (a sentence or paragraph per line, and a blank line between documents),
            "jsonl" (an object per line), or "tfrecord" (an Example per document). Text and JSONL
            may be compressed (.gz, .bz2, .zst), TFRecords may be gzip-compressed (.gz).
        reject: called with the dead letter of each line that cannot be used; the letter's weight is
            the length of the line in bytes.
        counts: counters to increment: "lines" (all lines that are not blank, including rejected
            ones), their "bytes", "lines cut", "documents", "documents divided", and "files that
            look like …".
        text_field: key of the text in JSONL objects, or name of its feature in Examples. The lines
            of that text become the lines of the document. All other features are ignored, except
            in Examples of `document_to_example`.

    Raises:
        CorpusFormatError: if there is no such format.
        NoSuchFilesError, DamagedFileError, CorruptRecordError: if the file cannot be read.
        WrongFormatError: if the file is not UTF-8 text, or is JSON or markup instead of plain text.
    """
    if file_format in ("text", "jsonl") and not file_range.start:
        _check_form(file_range.path, file_format, counts)
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
    """Serializes a document as an Example, from which `read_documents` restores an equal one."""
    return tf_examples.encode(
        {
            TEXT_FEATURE: ["\n".join(document.lines).encode()],
            "source": [document.source.encode(errors="surrogateescape")],
            "line": [document.line],
            "part": [document.part],
            "is_last_part": [int(document.is_last_part)],
        }
    )


def choose_split(document: Document, shares: Mapping[str, int], *, seed: int) -> str:
    """Draws the split of a document from a hash of its source and line.

    All parts of a divided document get the same split.

    Args:
        document: a document, or a part of one.
        shares: relative sizes of the splits by name, such as {"train": 99, "eval": 1}.
        seed: seed of the random draw.
    """
    return seeds.choose(shares, seed, "corpus split", document.source, document.line)


def _check_form(path: str, form: text_form.Form, counts: collections.Counter[str]) -> None:
    with lines.open_text(path, form) as file:
        likeness = text_form.looks_like(file.head) if form == "text" else ""
    if likeness:
        counts[LOOKS_LIKE + likeness] += 1


def _read_text(
    file_range: FileRange, reject: Reject, counts: collections.Counter[str]
) -> Iterator[Document]:
    building = _DocumentBuilder(file_range.path)
    for line in corpus_files.lines(file_range, max_line_bytes=MAX_LINE_BYTES, cut=True):
        if line.part == 1:
            counts[LINES_CUT] += 1
        text = _decode(line, MAX_LINE_BYTES, file_range.path, reject, counts)
        if text is None or (line.part and not text):
            continue
        document = building.add(text, line.number) if text else building.end()
        if document is not None:
            yield document
    if (document := building.end()) is not None:
        yield document


def _read_jsonl(
    file_range: FileRange, reject: Reject, counts: collections.Counter[str], text_field: str
) -> Iterator[Document]:
    path = file_range.path
    for line in corpus_files.lines(file_range, max_line_bytes=MAX_JSON_LINE_BYTES):
        content = _decode(line, MAX_JSON_LINE_BYTES, path, reject, counts)
        if not content:
            continue
        try:
            text = _text_of_object(content, text_field)
        except _UnusableError as error:
            reject(error.letter(path, str(line.number), content, line.num_bytes))
            continue
        yield from _split_text(text, path, line.number, counts)


def _text_of_object(content: str, text_field: str) -> str:
    try:
        value = json_text.loads(content)
    except json_text.JsonTextError as error:
        raise _UnusableError("not JSON", str(error)) from error
    text = value.get(text_field) if isinstance(value, dict) else None
    if not isinstance(text, str):
        keys = f"; it has {', '.join(sorted(value)[:_MAX_KEYS])}" if isinstance(value, dict) else ""
        raise _UnusableError("no text", f"no text under the key {text_field!r}{keys}")
    return _checked(normalization.to_unicode(text))


def _read_examples(
    path: str, reject: Reject, counts: collections.Counter[str], text_field: str
) -> Iterator[Document]:
    for number, record in enumerate(tfrecords.read_records(path), start=1):
        counts[LINES] += 1
        counts[BYTES] += len(record)
        try:
            text, document = _document_of_example(record, text_field)
        except _UnusableError as error:
            reject(error.letter(path, f"record {number}", repr(record[:99]), len(record)))
            continue
        if document is None:
            yield from _split_text(text, path, number, counts)
        else:
            yield document


def _document_of_example(record: bytes, text_field: str) -> tuple[str, Document | None]:
    """Returns the text of an Example; and its document, if our ExampleGen wrote it."""
    try:
        features = tf_examples.decode(record)
    except (DecodeError, UnicodeDecodeError) as error:
        raise _UnusableError("not an Example", str(error)) from error
    values = features.get(text_field, ())
    if not values:
        detail = f"no bytes in the feature {text_field!r}; it has {', '.join(features)}"
        raise _UnusableError("no text", detail)
    if not _is_single(values, bytes):
        detail = (
            f"{text_field!r} holds {len(values):,} {type(values[0]).__name__}; one text is read"
        )
        raise _UnusableError("wrong feature", detail)
    try:
        text = _checked(values[0].decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _UnusableError(NOT_UTF8, str(error)) from error
    # Others have features such as "source" too, with other meanings: every record of a corpus may
    # have the same one. Only all of our features together identify a document.
    if not all(_is_single(features.get(name, ()), kind) for name, kind in _PLACE.items()):
        return text, None
    source, line, part, is_last_part = (features[name][0] for name in _PLACE)
    stripped = [found for item in text.split("\n") if (found := item.strip())]
    source = source.decode("utf-8", "surrogateescape")
    return text, Document(source, line, stripped, part, bool(is_last_part))


def _is_single(values: Sequence[Any], kind: type) -> bool:
    return len(values) == 1 and isinstance(values[0], kind)


def _checked(text: str) -> str:
    """Returns the text; raises `_UnusableError` if it is blank or contains a NUL character."""
    if "\0" in text:
        raise _UnusableError(NUL_CHARACTER, "")
    if not text.strip():
        raise _UnusableError(EMPTY_TEXT, "nothing but white space")
    return text


def _split_text(
    text: str, source: str, number: int, counts: collections.Counter[str]
) -> Iterator[Document]:
    """Yields one document from a text of several lines, in parts if it is very long.

    Blank lines within the text do not separate documents.
    """
    building = _DocumentBuilder(source)
    for line in text.split("\n"):
        # This counts characters instead of bytes, which is close enough for a limit.
        if len(line) > MAX_LINE_BYTES:
            counts[LINES_CUT] += 1
        for part in _cut(line):
            if stripped := part.strip():
                document = building.add(stripped, number)
                if document is not None:
                    yield document
    if (document := building.end()) is not None:
        yield document


def _cut(line: str) -> Iterator[str]:
    """Yields parts of at most `MAX_LINE_BYTES` characters, cut at spaces if there are any."""
    while len(line) > MAX_LINE_BYTES:
        end = line.rfind(" ", 1, MAX_LINE_BYTES + 1)
        end = MAX_LINE_BYTES if end < 0 else end
        yield line[:end]
        line = line[end:]
    yield line


class _UnusableError(ValueError):
    """Input that no document can be made of; for `reason` and `detail` see `DeadLetter`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def letter(self, path: str, position: str, excerpt: str, num_bytes: int) -> DeadLetter:
        """Returns the dead letter that describes the unusable input."""
        return DeadLetter(
            path, position, self.reason, self.detail, excerpt[:_EXCERPT_BYTES], num_bytes
        )


class _DocumentBuilder:
    """Collects lines into a document and returns a part whenever it grows too long."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: list[str] = []
        self._size = 0
        self._first_line = 0
        self._part = 0

    def add(self, line: str, number: int) -> Document | None:
        """Adds a line; if it no longer fits, returns the part that was collected before it."""
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
        """Ends the document and returns its last part, or None if no line was added."""
        document = self._take(is_last_part=True) if self._lines else None
        self._part = 0
        return document

    def _take(self, *, is_last_part: bool) -> Document:
        document = Document(self._source, self._first_line, self._lines, self._part, is_last_part)
        self._lines, self._size = [], 0
        return document


def _decode(
    line: corpus_files.Line,
    max_line_bytes: int,
    path: str,
    reject: Reject,
    counts: collections.Counter[str],
) -> str | None:
    """Returns the line without surrounding white space; None if it was rejected."""
    try:
        text = line.content.decode("utf-8-sig" if line.number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        text = None
        start = max(0, error.start - 10)
        problem = _UnusableError(
            NOT_UTF8, f"{error}; {text_form.legacy_encoding(line.content[start:])}"
        )
    if text != "":
        counts[LINES] += line.part == 0
        counts[BYTES] += line.num_bytes
    if not line.is_whole:
        problem = _UnusableError("line too long", f"more than {max_line_bytes:,} bytes")
    elif text is not None and "\0" in text:
        problem = _UnusableError(NUL_CHARACTER, "")
    elif text is not None:
        return text
    excerpt = line.content[:_EXCERPT_BYTES].decode("utf-8", "replace")
    reject(problem.letter(path, str(line.number), excerpt, line.num_bytes))
    return None
