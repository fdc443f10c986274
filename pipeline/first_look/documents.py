"""Looks at running text: documents, lines and their lengths, up to a limit."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

from components import files
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus_files import FileRange
from pipeline.first_look.source import Source
from pipeline.first_look.text_lengths import TextLengths

DEFAULT_MAX_DOCUMENTS = 100_000
_MAX_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class DocumentFindings:
    """What was found in files of running text.

    Attributes:
        source: the files.
        places: file, first line and number of characters of each document, with which a run
            divides them.
        lines: number of lines that are not blank.
        skipped: bytes of the lines that cannot be used, by reason.
        bytes: bytes of all lines.
        likeness: what the files look like if not like running text; otherwise empty.
        duplicates: number of documents that are equal to an earlier one.
        lengths: lengths of the documents.
        is_sample: whether only the first documents were looked at.
    """

    source: Source
    places: tuple[tuple[str, int, int], ...]
    lines: int
    skipped: Mapping[str, int]
    bytes: int
    likeness: str
    duplicates: int
    lengths: TextLengths
    is_sample: bool


def look(source: Source, *, max_documents: int = DEFAULT_MAX_DOCUMENTS) -> DocumentFindings:
    """Looks at running text.

    Args:
        source: the files.
        max_documents: number of documents after which the reading ends.

    Raises:
        WrongFormatError, DamagedFileError: if a file cannot be read.
    """
    counts: collections.Counter[str] = collections.Counter()
    skipped: collections.Counter[str] = collections.Counter()
    lengths = TextLengths()
    places = []
    seen: set[int] = set()
    duplicates = 0
    is_sample = False
    for path in files.expand(files.join(files.escape(source.root), source.pattern)):
        documents = corpus.read_documents(
            FileRange(path),
            file_format=source.file_format,
            reject=lambda letter: skipped.update({letter.reason: letter.weight}),
            counts=counts,
            text_field=source.keys[0] if source.keys else corpus.TEXT_FEATURE,
        )
        name = path.removeprefix(source.root.rstrip("/") + "/")
        for document in documents:
            if len(places) >= max_documents or counts[corpus.BYTES] > _MAX_BYTES:
                is_sample = True
                break
            lengths.add(*document.lines)
            places.append((name, document.line, sum(map(len, document.lines))))
            key = hash(tuple(document.lines))
            duplicates += key in seen
            seen.add(key)
    likeness = [key for key in counts if key.startswith(corpus.LOOKS_LIKE)]
    return DocumentFindings(
        source=source,
        places=tuple(places),
        lines=counts[corpus.LINES],
        skipped=skipped,
        bytes=counts[corpus.BYTES],
        likeness=likeness[0].removeprefix(corpus.LOOKS_LIKE) if likeness else "",
        duplicates=duplicates,
        lengths=lengths,
        is_sample=is_sample,
    )
