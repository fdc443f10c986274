"""Readers of files that people bring, with small files that they read, for `mutations.py`."""

from __future__ import annotations

import bz2
import collections
import dataclasses
import gzip
import io
import json
import pathlib
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import safetensors.numpy
import tensorflow as tf
import zstandard
from aiohttp import web

from components import tf_examples, tfrecords
from components.checkpoint_conversion import (
    description,
    hugging_face_config,
    hugging_face_files,
    named_checkpoint,
    safetensors_file,
    torch_file,
)
from components.checkpoint_conversion.errors import WeightsError
from components.configuration import ConfigurationError
from components.dead_letters import DeadLetter
from components.example_gen import counts_file, lines, text_form
from components.example_gen.classification import (
    dataset,
    file_conversion,
    inputs,
    interpretation,
    plan,
)
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus_files import FileRange
from components.example_gen.question_answering import squad
from components.export.input_columns import InputColumns
from components.manifest import Manifest, ManifestError
from components.manifest import read as read_manifest
from components.modeling.config import XLNetConfig
from components.plain_json import JsonError
from components.serving import request_body, rest, text_rows
from components.serving.pushed_model import Signature
from components.tokenization import train_sentencepiece, vocabulary
from components.trainer import history
from pipeline import preset_loader

# How many items a file holds, and what became of them; None where nobody can count them.
Counted = tuple[int, int] | None


def _as_it_is(content: bytes) -> bytes:
    return content


@dataclasses.dataclass(frozen=True)
class Seed:
    """A file that is read as it is.

    Attributes:
        name: of the file, with its folders.
        content: what is damaged.
        pack: makes the file of it.
        beside: files in the same folder, by name.
    """

    name: str
    content: bytes
    pack: Callable[[bytes], bytes] = _as_it_is
    beside: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    @property
    def is_packed(self) -> bool:
        """Whether the file is more than its content."""
        return self.pack is not _as_it_is


@dataclasses.dataclass(frozen=True)
class MutatedReader:
    """A reader and what it may do.

    Attributes:
        name: of the reader.
        seeds: makes the files that are damaged.
        read: reads one of them to its end.
        errors: of its own.
        names_file: whether an error's message has the file's name.
    """

    name: str
    seeds: Callable[[], Sequence[Seed]]
    read: Callable[[pathlib.Path], Counted]
    errors: tuple[type[Exception], ...]
    names_file: bool = True


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# SQuAD

_ARTICLES = [
    {
        "title": title,
        "paragraphs": [
            {
                "context": "Mira Holt lives in Dunmore. She has owned a clock since 1998.",
                "qas": [
                    {
                        "id": f"{title}1",
                        "question": "Who owns a clock?",
                        "answers": [{"text": "Mira Holt", "answer_start": 0}],
                        "is_impossible": False,
                    },
                    {"id": f"{title}2", "question": "Why?", "answers": [], "is_impossible": True},
                ],
            }
        ],
    }
    for title in ("Farm", "Été")
]


def _squad_seeds() -> list[Seed]:
    content = _json({"version": "v2.0", "data": _ARTICLES})
    return [
        Seed("dev.json", content),
        Seed("dev.json", _json(_ARTICLES)),
        Seed("dev.json", json.dumps({"data": _ARTICLES}, indent=1).encode()),
        Seed("dev.json.gz", content, gzip.compress),
    ]


def _squad_lines_seeds() -> list[Seed]:
    paragraphs = [paragraph for article in _ARTICLES for paragraph in article["paragraphs"]]
    # Ids are unique in a file.
    paragraphs = [_ARTICLES[0], paragraphs[1]]
    content = b"\n".join(map(_json, paragraphs)) + b"\n"
    return [Seed("dev.jsonl", content), Seed("dev.jsonl.zst", content, zstandard.compress)]


def _read_squad(path: pathlib.Path) -> Counted:
    found = list(squad.read_file(str(path)))
    letters = [item for item in found if isinstance(item, DeadLetter)]
    for letter in letters:
        letter.to_json().encode()
    questions = sum(len(item.questions) for item in found if not isinstance(item, DeadLetter))
    expected = _squad_items(path) if path.suffix == ".json" else None
    return None if expected is None else (expected, questions + len(letters))


def _squad_items(path: pathlib.Path) -> int | None:
    """Questions, and parts that hold none; None if another reader of JSON sees something else."""
    content = path.read_bytes()
    if content.count(b'"') != content.decode(errors="replace").count('"'):
        return None
    pairs = collections.Counter()

    def unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs["repeated"] += len(members) - len(dict(members))
        return dict(members)

    try:
        value = json.loads(content, strict=False, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None
    articles = value.get("data") if isinstance(value, dict) else value
    if pairs["repeated"] or not isinstance(articles, list):
        return None
    total = 0
    for article in articles:
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            total += 1
            continue
        for paragraph in paragraphs:
            is_legal = (
                isinstance(paragraph, dict)
                and isinstance(paragraph.get("context"), str)
                and isinstance(paragraph.get("qas"), list)
            )
            total += len(paragraph["qas"]) if is_legal else 1
    return total


# Texts with labels

_COLUMNS = dataset.Columns(text_a="text", label="label")


def _text_dataset(file_format: str, **changes: Any) -> dataset.TextDataset:
    given = {
        "columns": None if file_format == "race" else _COLUMNS,
        "header": file_format in ("tsv", "csv"),
        "labels": ("A", "B", "C", "D"),
    }
    return dataset.TextDataset(
        name="mutated",
        file_format=file_format,
        splits={"train": dataset.Split("*")},
        **{**given, **changes},
    )


def _read_rows(data: dataset.TextDataset) -> Callable[[pathlib.Path], Counted]:
    def read(path: pathlib.Path) -> Counted:
        file = inputs.InputFile(str(path), path.name, "train", 0, 0, max(1, path.stat().st_size))
        made = plan.make_plan(
            data, {"train": [file]}, seed=0, shard_bytes=1 << 20, max_row_bytes=1 << 20
        )
        counts: collections.Counter[file_conversion.Counter] = collections.Counter()
        found = list(file_conversion.convert_file(made, file, counts))
        if data.file_format not in ("tsv", "jsonl") or lines.is_compressed(str(path)):
            return counts["train", file_conversion.READ, ""], len(found)
        content = path.read_bytes()
        expected = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
        blank = counts["train", file_conversion.BLANK, ""]
        header = data.header and expected > blank
        return expected, len(found) + blank + header

    return read


_ROW_ERRORS = (
    file_conversion.UnreadableHeaderError,
    interpretation.ColumnNotFoundError,
    text_form.WrongFormatError,
    lines.DamagedFileError,
)


def _table_seeds(suffix: str, delimiter: str) -> list[Seed]:
    rows = [("text", "label"), ("Nora has two hens", "A"), ("été, 1.50", "B"), ("it's", "C")]
    content = "".join(delimiter.join(row) + "\n" for row in rows).encode()
    if suffix == "csv":
        content = b'text,label\n"Nora, says ""two"" hens",A\n"one\ntwo",B\nit\'s,C\n'
    return [
        Seed(f"train.{suffix}", content),
        Seed(f"train.{suffix}", content.replace(b"\n", b"\r\n")),
        Seed(f"train.{suffix}.gz", content, gzip.compress),
    ]


def _jsonl_seeds() -> list[Seed]:
    rows = [{"text": "Nora has two hens", "label": "A"}, {"text": "été 1.50", "label": "B", "n": 1}]
    content = b"\n".join(map(_json, rows)) + b"\n"
    return [Seed("train.jsonl", content), Seed("train.jsonl.bz2", content, bz2.compress)]


def _regression_seeds() -> list[Seed]:
    return [Seed("train.tsv", "text\tlabel\nNora has two hens\t2.5\nété\t1e0\nit's\t3\n".encode())]


def _race_seeds() -> list[Seed]:
    content = {
        "answers": ["A", "B"],
        "options": [["two", "three", "four", "none"], ["a dog", "a shed", "rain", "Sam"]],
        "questions": ["How many hens has Nora?", "Nora painted _ green."],
        "article": "Nora keeps two hens.\nThey sleep in a shed that Nora painted green.",
        "id": "high7.txt",
    }
    return [
        Seed("high/7.txt", _json(content)),
        Seed("high/7.txt", json.dumps(content, indent=1).encode()),
    ]


def _read_prediction_rows(path: pathlib.Path) -> Counted:
    columns = InputColumns(names={"text_a": "text"})
    with text_rows.open_input(str(path), io.BytesIO()) as (file, form):
        for row in text_rows.read(
            file, form, name=path.name, inputs={"text_a": None}, columns=columns
        ):
            json.dumps({name: value for name, value in row.items() if name != text_rows.TEXTS})
    return None


# Corpora

_DOCUMENTS = "Mira lives in Dunmore.\nShe owns a clock.\n\nOtto owns été.\n\n\nLena naps.\n"


def _corpus_seeds(form: str) -> list[Seed]:
    if form == "text":
        content = _DOCUMENTS.encode()
        return [Seed("all.txt", content), Seed("all.txt.gz", content, gzip.compress)]
    if form == "jsonl":
        texts = [{"text": text, "id": 1} for text in _DOCUMENTS.split("\n\n")]
        content = b"\n".join(map(_json, texts)) + b"\n"
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


# Vocabulary and settings


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


# Weights

_ARRAYS = {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.float16), "c": np.zeros((0, 3))}
_SHARD = "model-00001-of-00001.safetensors"
_NETWORK = {
    "n_token": 32,
    "d_model": 8,
    "n_layer": 2,
    "n_head": 2,
    "d_head": 4,
    "d_inner": 16,
    "untie_r": True,
    "ff_activation": "gelu",
    "summary_type": "mean",
}
_HUGGING_FACE = {
    "model_type": "xlnet",
    "vocab_size": 32,
    **{name: _NETWORK[name] for name in ("d_model", "n_layer", "n_head", "d_inner", "untie_r")},
    "ff_activation": "gelu",
    "layer_norm_eps": 1e-12,
    "summary_type": "last",
    "problem_type": "single_label_classification",
    "architectures": ["XLNetForSequenceClassification"],
    "id2label": {"0": "a"},
}


def _safetensors_seeds() -> list[Seed]:
    content = safetensors.numpy.save(_ARRAYS)
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    return [
        Seed(
            "model.safetensors",
            header,
            lambda changed: len(changed).to_bytes(8, "little") + changed + data,
        )
    ]


def _read_safetensors(path: pathlib.Path) -> Counted:
    with safetensors_file.open_to_read(str(path)) as tensors:
        dict(tensors)
    return None


def _torch_seeds() -> list[Seed]:
    """As torch.save lays it out; the pickle by hand, from its documented instructions."""

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def archive(pickle: bytes) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as packed:
            packed.writestr("archive/data.pkl", pickle)
            packed.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
        return content.getvalue()

    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
    tensor += text("0") + text("cpu") + b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
    tensor += b"ccollections\nOrderedDict\n)RtR"
    pickle = b"\x80\x02ccollections\nOrderedDict\n)R(" + text("a") + tensor + b"u."
    return [Seed("pytorch_model.bin", pickle, archive)]


def _read_torch(path: pathlib.Path) -> Counted:
    with torch_file.open_to_read(str(path)) as tensors:
        return len(tensors.shapes), len(dict(tensors))


def _shard_index_seeds() -> list[Seed]:
    index = _json({"metadata": {}, "weight_map": dict.fromkeys(_ARRAYS, _SHARD)})
    beside = {_SHARD: safetensors.numpy.save(_ARRAYS)}
    return [Seed("model.safetensors.index.json", index, beside=beside)]


def _read_shards(path: pathlib.Path) -> Counted:
    with hugging_face_files.open_to_read(str(path.parent)) as (tensors, _):
        dict(tensors)
    return None


def _checkpoint_seeds() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/model"
        named_checkpoint.write_arrays(
            prefix, {"model/a": np.ones((2, 3), np.float32), "model/b": np.ones(4, np.float32)}
        )
        written = {
            path.name: path.read_bytes()
            for path in pathlib.Path(folder).iterdir()
            if path.name.startswith("model.")
        }
    return [
        Seed(name, content, beside={other: written[other] for other in written if other != name})
        for name, content in written.items()
    ]


def _read_checkpoint(path: pathlib.Path) -> Counted:
    tensors = named_checkpoint.open_arrays(str(path.parent / "model"))
    return len(tensors.shapes), len(dict(tensors))


def _read_hugging_face_config(path: pathlib.Path) -> Counted:
    config = hugging_face_config.read(str(path))
    hugging_face_config.check_sequence_head(config, str(path))
    return None


# Requests

_TEXT = tf.TensorSpec([None], tf.string)
_SIGNATURES = {
    "serving_default": Signature({"text_a": _TEXT, "text_b": _TEXT}, {"scores": _TEXT}),
    "examples": Signature({"examples": _TEXT}, {"scores": _TEXT}),
    "ids": Signature({"ids": tf.TensorSpec([None, 2], tf.int32)}, {}),
    "choice": Signature(
        {"text_a": _TEXT, "options": tf.TensorSpec([None, 2], tf.string)}, {"scores": _TEXT}
    ),
    "mask": Signature({"mask": tf.TensorSpec([None], tf.float32)}, {}),
}


def _request_seeds() -> list[Seed]:
    bodies = [
        {"instances": [{"text_a": "Nora", "text_b": "été"}]},
        {"inputs": {"text_a": ["Nora"], "text_b": [""]}},
        {"signature_name": "examples", "instances": [{"b64": "AP8="}]},
        {"signature_name": "ids", "instances": [[1, 2], [3, 4]]},
        {"signature_name": "choice", "instances": [{"text_a": "x", "options": ["a", "b"]}]},
        {"signature_name": "mask", "inputs": [1, 0.5]},
    ]
    return [
        *(Seed("body", _json(body)) for body in bodies),
        Seed("body.gz", _json(bodies[0]), gzip.compress),
    ]


def _read_request(path: pathlib.Path) -> Counted:
    body = path.read_bytes()
    if path.suffix == ".gz":
        body = request_body.decompress(body, is_gzip=True, max_bytes=1 << 20)
    request = rest.parse(body, _SIGNATURES, rest.Limits())
    return request.num_rows, len(next(iter(request.inputs.values())))


def _read_with(
    function: Callable[[str], Any], *, of_folder: bool = False
) -> Callable[[pathlib.Path], Counted]:
    def read(path: pathlib.Path) -> Counted:
        function(str(path.parent if of_folder else path))
        return None

    return read


def _one(name: str, value: Any) -> Callable[[], list[Seed]]:
    return lambda: [Seed(name, _json(value)), Seed(name, json.dumps(value, indent=1).encode())]


_PREDICTION_ERRORS = (
    text_rows.TextRowError,
    text_form.WrongFormatError,
    lines.DamagedFileError,
)
_SQUAD_ERRORS = (squad.SquadFormatError, text_form.WrongFormatError, lines.DamagedFileError)
_HISTORY = [
    {"kind": "train", "step": 1, "loss": 2.5},
    {"kind": "eval", "step": 2, "accuracy": 0.5},
    {"kind": "rollback", "step": 1, "from_step": 2, "cause": "x"},
]

READERS = {
    reader.name: reader
    for reader in (
        MutatedReader("squad", _squad_seeds, _read_squad, _SQUAD_ERRORS),
        MutatedReader("squad-lines", _squad_lines_seeds, _read_squad, _SQUAD_ERRORS),
        MutatedReader(
            "csv", lambda: _table_seeds("csv", ","), _read_rows(_text_dataset("csv")), _ROW_ERRORS
        ),
        MutatedReader(
            "tsv", lambda: _table_seeds("tsv", "\t"), _read_rows(_text_dataset("tsv")), _ROW_ERRORS
        ),
        MutatedReader("jsonl", _jsonl_seeds, _read_rows(_text_dataset("jsonl")), _ROW_ERRORS),
        MutatedReader(
            "regression",
            _regression_seeds,
            _read_rows(_text_dataset("tsv", labels=(), label_range=(0, 5))),
            _ROW_ERRORS,
        ),
        MutatedReader("race", _race_seeds, _read_rows(_text_dataset("race")), _ROW_ERRORS),
        MutatedReader(
            "predict",
            lambda: [*_table_seeds("csv", ","), *_table_seeds("tsv", "\t"), *_jsonl_seeds()],
            _read_prediction_rows,
            _PREDICTION_ERRORS,
        ),
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
        MutatedReader(
            "vocabulary", _vocabulary_seeds, _read_vocabulary, (vocabulary.VocabularyError,)
        ),
        MutatedReader(
            "configuration",
            _configuration_seeds,
            _read_with(preset_loader.load),
            (ConfigurationError,),
        ),
        MutatedReader(
            "manifest", _manifest_seeds, _read_with(read_manifest, of_folder=True), (ManifestError,)
        ),
        MutatedReader(
            "counts", _one("counts.json.provisional", {"a/b": 1}), _read_counts, (JsonError,)
        ),
        MutatedReader(
            "history",
            lambda: [Seed("history.jsonl", b"".join(_json(line) + b"\n" for line in _HISTORY))],
            _read_with(history.read, of_folder=True),
            (history.HistoryError,),
        ),
        MutatedReader("checkpoint", _checkpoint_seeds, _read_checkpoint, (WeightsError,)),
        MutatedReader("safetensors", _safetensors_seeds, _read_safetensors, (WeightsError,)),
        MutatedReader("torch", _torch_seeds, _read_torch, (WeightsError,)),
        MutatedReader("shards", _shard_index_seeds, _read_shards, (WeightsError,)),
        MutatedReader(
            "hugging-face-config",
            _one("config.json", _HUGGING_FACE),
            _read_hugging_face_config,
            (WeightsError,),
        ),
        MutatedReader(
            "network-config",
            _one("xlnet_config.json", _NETWORK),
            _read_with(XLNetConfig.read),
            (ValueError,),
        ),
        MutatedReader(
            "weights-description",
            _one("xlnet_weights.json", {"vocabulary_sha256": "0" * 64, "labels": ["a"]}),
            _read_with(description.read, of_folder=True),
            (WeightsError,),
        ),
        MutatedReader(
            "request",
            _request_seeds,
            _read_request,
            (rest.RequestError, web.HTTPRequestEntityTooLarge),
            names_file=False,
        ),
    )
}
