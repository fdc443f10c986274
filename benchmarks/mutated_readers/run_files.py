"""Vocabularies, settings, and what a run writes down."""

from __future__ import annotations

import pathlib
import tempfile

from benchmarks.mutated_readers.mutated_reader import (
    Counted,
    MutatedReader,
    Seed,
    as_json,
    one,
    read_with,
)
from components.configuration import ConfigurationError
from components.example_gen import counts_file
from components.manifest import Manifest, ManifestError
from components.manifest import read as read_manifest
from components.plain_json import JsonError
from components.tokenization import train_sentencepiece, vocabulary
from components.trainer import history
from pipeline import preset_loader

_HISTORY = [
    {"kind": "train", "step": 1, "loss": 2.5},
    {"kind": "eval", "step": 2, "accuracy": 0.5},
    {"kind": "rollback", "step": 1, "from_step": 2, "cause": "x"},
]


def _vocabulary_seeds() -> list[Seed]:
    texts = ["The cat sat on the mat, and the dog lay on the rug.", "Ten ﬁne cats in été 2019."]
    return [Seed("spiece.model", train_sentencepiece.train(texts * 5, vocabulary_size=50).model)]


def _read_vocabulary(path: pathlib.Path) -> Counted:
    processor = vocabulary.load(str(path)).make_processor()
    processor.EncodeAsIds("the king ①ﷺ\u0301 of the hill")
    return None


def _configuration_seeds() -> list[Seed]:
    return [
        Seed("preset.yaml", path.read_bytes())
        for path in sorted(preset_loader.PRESET_DIRECTORY.glob("sample*.yaml"))
    ]


def _manifest_seeds() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        Manifest(
            record_type="classification",
            parameters={"seq_len": 128, "uncased": False},
            vocabulary_sha256="ab" * 32,
            shards={"train": ["Split-train/a"]},
            counts={"train/records": 3},
        ).write(folder)
        return [Seed("manifest.json", (pathlib.Path(folder) / "manifest.json").read_bytes())]


def _read_counts(path: pathlib.Path) -> Counted:
    counts_file.read(str(path.parent))
    return None


READERS = (
    MutatedReader("vocabulary", _vocabulary_seeds, _read_vocabulary, (vocabulary.VocabularyError,)),
    MutatedReader(
        "configuration", _configuration_seeds, read_with(preset_loader.load), (ConfigurationError,)
    ),
    MutatedReader(
        "manifest", _manifest_seeds, read_with(read_manifest, of_folder=True), (ManifestError,)
    ),
    MutatedReader("counts", one("counts.json.provisional", {"a/b": 1}), _read_counts, (JsonError,)),
    MutatedReader(
        "history",
        lambda: [Seed("history.jsonl", b"".join(as_json(line) + b"\n" for line in _HISTORY))],
        read_with(history.read, of_folder=True),
        (history.HistoryError,),
    ),
)
