"""Documents to train a language model on."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import pathlib
from collections.abc import Callable

import zstandard

from benchmarks.mutated_readers.mutated_reader import Counted, MutatedReader, Seed, as_json
from components import tf_examples, tfrecords
from components.dead_letters import DeadLetter
from components.example_gen import lines, text_form
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus_files import FileRange

_DOCUMENTS = "Mira lives in Dunmore.\nShe owns a clock.\n\nOtto owns été.\n\n\nLena naps.\n"


def _corpus_seeds(form: str) -> list[Seed]:
    if form == "text":
        content = _DOCUMENTS.encode()
        return [Seed("all.txt", content), Seed("all.txt.gz", content, gzip.compress)]
    if form == "jsonl":
        texts = [{"text": text, "id": 1} for text in _DOCUMENTS.split("\n\n")]
        content = b"\n".join(map(as_json, texts)) + b"\n"
        return [Seed("all.jsonl", content), Seed("all.jsonl.zst", content, zstandard.compress)]
    example = tf_examples.encode(
        {"text": [_DOCUMENTS.encode()], "source": [b"a"], "line": [1], "part": [0]}
    )
    plain = tf_examples.encode({"text": [_DOCUMENTS.encode()]})
    return [
        Seed("all.tfrecord", example, _framed),
        Seed("all.tfrecord", plain, _framed),
        Seed("all.tfrecord.gz", example, lambda data: gzip.compress(_framed(data))),
    ]


def _framed(record: bytes) -> bytes:
    file = io.BytesIO()
    writer = tfrecords.RecordWriter(file, compress=False)
    writer.write(record)
    writer.finish()
    return file.getvalue()


def _read_corpus(form: corpus.CorpusFormat) -> Callable[[pathlib.Path], Counted]:
    def read(path: pathlib.Path) -> Counted:
        letters: list[DeadLetter] = []
        counts: collections.Counter[str] = collections.Counter()
        documents = 0
        for document in corpus.read_documents(
            FileRange(str(path)), file_format=form, reject=letters.append, counts=counts
        ):
            corpus.document_to_example(document)
            # A record may hold any part of a document that was divided before.
            documents += document.part <= 0 or form == "tfrecord"
        for letter in letters:
            letter.to_json().encode()
        # Documents of several lines have no number that could be compared.
        if form == "text":
            return None
        return counts[corpus.LINES], documents + len(letters)

    return read


_CORPUS_ERRORS = (
    text_form.WrongFormatError,
    lines.DamagedFileError,
    tfrecords.CorruptRecordError,
)


def _compressed_seeds() -> list[Seed]:
    content = _DOCUMENTS.encode() * 50
    return [
        Seed(f"all.txt{suffix}", compress(content))
        for suffix, compress in (
            (".gz", gzip.compress),
            (".bz2", bz2.compress),
            (".zst", zstandard.compress),
        )
    ]


def _read_compressed(path: pathlib.Path) -> Counted:
    with lines.open_decompressed(str(path)) as file:
        while file.read(1 << 16):
            pass
    return None


READERS = (
    *(
        MutatedReader(
            f"corpus-{form}",
            lambda form=form: _corpus_seeds(form),
            _read_corpus(form),
            _CORPUS_ERRORS,
        )
        for form in corpus.CORPUS_FORMATS
    ),
    MutatedReader("compressed", _compressed_seeds, _read_compressed, (lines.DamagedFileError,)),
)
