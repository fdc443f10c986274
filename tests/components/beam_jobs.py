"""Every Beam job of the three kinds as a library call on small files, odd rows among them.

What a job has written must not depend on Beam's arguments.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
from collections.abc import Sequence

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2

from components import files, tf_examples, tfrecords
from components.evaluator.question_answering import inference
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.pretraining import corpus_conversion, corpus_inputs
from components.example_gen.pretraining.corpus_inputs import CorpusSettings
from components.example_gen.question_answering import (
    squad_conversion,
    squad_examples,
    squad_inputs,
)
from components.example_gen.question_answering.squad import Paragraph, Question
from components.example_gen.question_answering.squad_inputs import SquadSettings
from components.preprocessing.classification import preprocessing, transform_graph, transformation
from components.preprocessing.pretraining import pipeline as pretraining
from components.preprocessing.question_answering import pipeline as question_answering
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding.decoder import DecodingConfig
from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer
from tests.components.example_gen.conftest import run_conversion
from tests.components.preprocessing.pretraining.test_pipeline import CONFIG

LOCAL = ("--runner=FnApiRunner",)
_WORDS = ("Ann", "met", "Ben", "near", "Rome", "and", "saw", "the", "sea", "Grüße", "猫")
_CONTEXT = "Ann met Ben near Rome"

NAMES = (
    "classification examples",
    "classification records",
    "question answering examples",
    "question answering records",
    "question answering evaluation",
    "pretraining examples",
    "pretraining records",
)


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Content by path of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@dataclasses.dataclass(frozen=True)
class Jobs:
    """The jobs, whose inputs lie in a folder that all workers see."""

    data: pathlib.Path
    tokenizer: Tokenizer

    def run(self, name: str, out: pathlib.Path, arguments: Sequence[str]) -> None:
        """Runs the job with one of `NAMES`, which writes to a new folder."""
        getattr(self, name.replace(" ", "_"))(out, arguments)

    def classification_examples(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        dataset = TextDataset(
            name="mine",
            file_format="tsv",
            header=True,
            columns=Columns(text_a="text", label="label"),
            labels=("no", "yes"),
            splits={"train": Split("train-*.tsv"), "eval": Split("eval.tsv")},
        )
        run_conversion(dataset, self.data, out, shard_bytes=1000, beam_arguments=tuple(arguments))

    def classification_records(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        shards = transformation.plan(
            {"train": [str(self.data / f"raw-{number}.gz") for number in range(3)]},
            {"train": str(out / "Split-train")},
        )
        with _pipeline(arguments) as pipeline:
            transformation.transform(
                pipeline,
                shards,
                graph_directory=str(self.data / "graph"),
                labels=None,
                seq_len=16,
                counts_path=str(out / "counts.json"),
            )

    def question_answering_examples(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        settings = SquadSettings(
            {"train": "squad-*.json", "eval": "dev.json"}, max_dead_letter_share=0.9
        )
        inputs = squad_inputs.find_files(settings, str(self.data))
        with _pipeline(arguments) as pipeline:
            squad_conversion.convert(
                pipeline,
                settings,
                inputs,
                data_root=str(self.data),
                directory=str(out),
                split_directories=_splits(out, settings.output_splits),
            )
        squad_conversion.finish(settings, inputs, directory=str(out))

    def question_answering_records(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        question_answering.preprocess(
            inputs={"train": [str(self.data / "squad-*.json")]},
            uses={"train": "training"},
            output_directory=str(out),
            config=WindowConfig(48, 16, 12),
            tokenizer=self.tokenizer,
            num_shards=3,
            max_dead_letter_share=0.9,
            beam_pipeline_args=arguments,
        )

    def question_answering_evaluation(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        with _pipeline(arguments) as pipeline:
            inference.add_to_pipeline(
                pipeline,
                name="candidate",
                model_path=str(self.data / "model"),
                record_files=[str(self.data / "windows.gz")],
                paragraph_files=[str(self.data / "paragraphs.gz")],
                output=str(out / "answers"),
                decoding=DecodingConfig(n_best_size=2, max_answer_length=3),
                batch_size=3,
            )
        answers = inference.read_answers(str(out / "answers"), [f"q{n}" for n in range(5)])
        # Beam's own sink names as many files as the runner made bundles.
        files.remove(*files.expand(str(out / "answers*")))
        out.mkdir(exist_ok=True)
        (out / "answers.json").write_text(json.dumps(dataclasses.asdict(answers)))

    def pretraining_examples(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        settings = CorpusSettings({"train": ("corpus-*",)}, max_dead_letter_share=0.9)
        inputs = corpus_inputs.find_files(settings, str(self.data))
        with _pipeline(arguments) as pipeline:
            corpus_conversion.convert(
                pipeline,
                settings,
                inputs,
                directory=str(out),
                split_directories=_splits(out, settings.output_splits),
            )
        corpus_conversion.finish(settings, inputs, directory=str(out))

    def pretraining_records(self, out: pathlib.Path, arguments: Sequence[str]) -> None:
        pretraining.preprocess(
            inputs={"train": [str(self.data / "corpus-*")]},
            output_directory=str(out),
            config=dataclasses.replace(CONFIG, num_shards=2),
            tokenizer=self.tokenizer,
            file_format="text",
            beam_pipeline_args=arguments,
        )


def make(data: pathlib.Path) -> Jobs:
    """Writes the inputs of the jobs into an empty folder."""
    sentences = [" ".join(_WORDS[n % 7 : n % 7 + 5]) + "." for n in range(200)]
    trained = train_sentencepiece.train(sentences, vocabulary_size=60)
    (data / "spiece.model").write_bytes(trained.model)
    for number in range(3):
        rows = [f"{('no', 'yes')[n % 2]}\t{sentences[n]}" for n in range(40)]
        # A label that is none, a row without columns, and bytes that are no text.
        odd = [b"maybe\tOdd.", b"no", b"yes\t\xff\xfe"]
        text = "\n".join(["label\ttext", *rows]).encode() + b"\n"
        (data / f"train-{number}.tsv").write_bytes(text + b"\n".join(odd) + b"\n")
        examples = [
            tf_examples.encode({"text_a": [row.encode()], "label": [b"%d" % (number + n)]})
            for n, row in enumerate(sentences[: 10 * number])
        ]
        tfrecords.write_records(str(data / f"raw-{number}.gz"), examples)
        _write_squad(data / f"squad-{number}.json", number)
        documents = "\n\n".join(
            "\n".join(sentences[n : n + 6]) for n in range(number, 150 + number, 6)
        )
        # Of pretraining's text one line in all may be lost.
        end = b"" if number else b"\n\n\xff\xfe odd\n"
        (data / f"corpus-{number}.txt").write_bytes(documents.encode() + end)
    (data / "corpus-3.gz").write_bytes(gzip.compress("\n".join(sentences).encode(), mtime=0))
    (data / "eval.tsv").write_bytes((data / "train-0.tsv").read_bytes())
    _write_squad(data / "dev.json", 3)
    _make_graph(data)
    _make_model(data)
    return Jobs(data, Tokenizer(trained))


def _pipeline(arguments: Sequence[str]) -> beam.Pipeline:
    return beam.Pipeline(options=PipelineOptions(list(arguments)))


def _splits(out: pathlib.Path, names: Sequence[str]) -> dict[str, str]:
    return {name: f"{out}/Split-{name}" for name in names}


def _write_squad(path: pathlib.Path, number: int) -> None:
    questions = [
        {
            "id": f"{number}-{n}",
            "question": "Who met Ben?",
            "answers": [{"text": "Ann", "answer_start": 0}],
        }
        for n in range(6)
    ]
    paragraphs = [{"context": f"{_CONTEXT}. " * (1 + n), "qas": [questions[n]]} for n in range(5)]
    # A question that is none, and an article without paragraphs.
    paragraphs.append({"context": _CONTEXT, "qas": [{**questions[5], "question": 7}]})
    articles = [{"title": f"a{number}", "paragraphs": paragraphs}, {"title": "odd"}]
    path.write_text(json.dumps({"version": "v2.0", "data": articles}))


def _make_graph(data: pathlib.Path) -> None:
    names = ("text_a", "text_b", "label")
    transform_graph.build(
        schema_pb2.Schema(
            feature=[schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in names]
        ),
        preprocessing.PreprocessingConfig(
            sentencepiece_model=str(data / "spiece.model"),
            seq_len=16,
            uncased=False,
            regression=True,
        ),
        directory=str(data / "graph"),
    )


class _Model(tf.Module):
    """Answers with the token that the window's `cls_index` names."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serving_records(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(records, {"cls_index": tf.io.FixedLenFeature([], tf.int64)})
        place = tf.cast(parsed["cls_index"], tf.int32)[:, None]
        score = tf.cast(place, tf.float32)
        return {
            "start_top_log_probs": score,
            "start_top_index": place,
            "end_top_log_probs": score,
            "end_top_index": place,
            "cls_logits": score[:, 0],
        }


def _make_model(data: pathlib.Path) -> None:
    model = _Model()
    signatures = {"serving_records": model.serving_records}
    tf.saved_model.save(model, str(data / "model"), signatures=signatures)
    words = _CONTEXT.split()
    begins = [_CONTEXT.index(word) for word in words]
    windows = [
        tf_examples.encode(
            {
                "unique_ids": [number],
                "cls_index": [number],
                "qas_id": [f"q{number}".encode()],
                "paragraph_len": [len(words)],
                "tok_start_to_orig_index": begins,
                "tok_end_to_orig_index": [
                    begin + len(word) - 1 for begin, word in zip(begins, words, strict=True)
                ],
                "token_is_max_context": [1] * len(words),
            }
        )
        for number in range(len(words))
    ]
    tfrecords.write_records(str(data / "windows.gz"), windows)
    questions = tuple(Question(f"q{n}", "Who?", (), False) for n in range(len(words)))
    paragraph = squad_examples.encode(Paragraph(_CONTEXT, questions, "a", "f", 0))
    tfrecords.write_records(str(data / "paragraphs.gz"), [paragraph])
