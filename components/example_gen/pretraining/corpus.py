"""Files of running text → documents, in order, with file and line, in bounded memory.

A document is a sequence of lines, each a sentence or a paragraph. Plain text separates documents by
blank lines, JSONL has one per line, TFRecords hold one per Example. Lines that cannot be used go to
the dead letters and weigh their bytes; a line or a document of unusual length is divided, so that
no input can fill the memory.
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

CorpusFormat = Literal["text", "jsonl", "tfrecord"]
CORPUS_FORMATS: tuple[str, ...] = ("text", "jsonl", "tfrecord")

# A sentence or a paragraph has a few kB; SentencePiece takes a line as a whole. Others are cut.
MAX_LINE_BYTES = 1 << 20
# About 250,000 pieces. Longer documents are divided and their parts shuffled like documents.
MAX_DOCUMENT_BYTES = 1 << 20
# A line of JSONL is a document with all its quoting.
MAX_JSON_LINE_BYTES = 64 << 20

TEXT_FEATURE = "text"
# What `read_documents` counts, beside "documents" and "documents divided".
LINES, BYTES, LINES_CUT = "lines", "bytes", "lines cut"
LOOKS_LIKE = "files that look like "
NUL_CHARACTER = "NUL character"
NOT_UTF8 = "not UTF-8"
EMPTY_TEXT = "empty text"
_EXCERPT_BYTES = 500
_MAX_KEYS = 12

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
        reject: gets each line that cannot be used; it weighs its bytes.
        counts: is incremented: "lines" (all lines that are not blank, rejected ones too), their
            "bytes", "lines cut", "documents", "documents divided", and "files that look like …".
        text_field: key of the text in JSONL objects and Examples. Its lines are the document's.

    Raises:
        CorpusFormatError: if there is no such format.
        NoSuchFilesError, DamagedFileError, CorruptRecordError: if the file cannot be read.
        WrongFormatError: if it is no UTF-8 text, or JSON or markup where text should be.
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
    return _checked(text)


def _read_examples(
    path: str, reject: Reject, counts: collections.Counter[str], text_field: str
) -> Iterator[Document]:
    for number, record in enumerate(tfrecords.read_records(path), start=1):
        counts[LINES] += 1
        counts[BYTES] += len(record)
        try:
            text, document = _document_of_example(record, path, number, text_field)
        except _UnusableError as error:
            reject(error.letter(path, f"record {number}", repr(record[:99]), len(record)))
            continue
        if document.part < 0:
            # Not of an ExampleGen of ours: its text is not divided yet.
            yield from _split_text(text, document.source, document.line, counts)
        else:
            yield document


def _document_of_example(
    record: bytes, path: str, number: int, text_field: str
) -> tuple[str, Document]:
    """The text, and its document with part -1 where it was not divided before."""
    try:
        features = tf_examples.decode(record)
    except (DecodeError, UnicodeDecodeError) as error:
        raise _UnusableError("not an Example", str(error)) from error
    raw = _feature(features, text_field, bytes, None)
    if raw is None:
        detail = f"no bytes in the feature {text_field!r}; it has {', '.join(features)}"
        raise _UnusableError("no text", detail)
    try:
        text = _checked(raw.decode("utf-8"))
        source = _feature(features, "source", bytes, path.encode(errors="surrogateescape"))
        source = source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnusableError(NOT_UTF8, str(error)) from error
    line = _feature(features, "line", int, number)
    part = _feature(features, "part", int, -1)
    is_last_part = _feature(features, "is_last_part", int, 1)
    # An ExampleGen of ours divided it already.
    stripped = [found for item in text.split("\n") if (found := item.strip())]
    return text, Document(source, line, stripped, part, bool(is_last_part))


def _feature(features: Mapping[str, Sequence[Any]], name: str, kind: type, default: Any) -> Any:
    """The one value of a feature, or the default where there is none."""
    values = features.get(name) or ()
    if len(values) == 0:
        return default
    if len(values) > 1 or not isinstance(values[0], kind):
        raise _UnusableError(
            "wrong feature",
            f"{name!r} holds {len(values):,} {type(values[0]).__name__}; one {kind.__name__} is "
            "read",
        )
    return values[0]


def _checked(text: str) -> str:
    """The text, if there is anything in it that can be learnt."""
    if "\0" in text:
        raise _UnusableError(NUL_CHARACTER, "")
    if not text.strip():
        raise _UnusableError(EMPTY_TEXT, "nothing but white space")
    return text


def _split_text(
    text: str, source: str, number: int, counts: collections.Counter[str]
) -> Iterator[Document]:
    """A document from a text of several lines; blank lines in it separate nothing."""
    building = _DocumentBuilder(source)
    for line in text.split("\n"):
        # Characters take at least as many bytes as there are of them; near enough for a limit.
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
    """Parts of at most `MAX_LINE_BYTES` characters, cut at spaces where there are any."""
    while len(line) > MAX_LINE_BYTES:
        end = line.rfind(" ", 1, MAX_LINE_BYTES + 1)
        end = MAX_LINE_BYTES if end < 0 else end
        yield line[:end]
        line = line[end:]
    yield line


class _UnusableError(ValueError):
    """What makes no document: reason and detail as in `dead_letters.DeadLetter`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def letter(self, path: str, position: str, excerpt: str, num_bytes: int) -> DeadLetter:
        """The dead letter that it makes."""
        return DeadLetter(
            path, position, self.reason, self.detail, excerpt[:_EXCERPT_BYTES], num_bytes
        )


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
    line: corpus_files.Line,
    max_line_bytes: int,
    path: str,
    reject: Reject,
    counts: collections.Counter[str],
) -> str | None:
    """The stripped line; None if it was rejected."""
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
