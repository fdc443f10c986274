"""Lets an exported model answer all questions of a data set, in Beam.

`add_to_pipeline` adds the work to a Beam pipeline. After that has run, `read_answers` reads the
answers:

    add_to_pipeline(pipeline, model_path=..., record_files=..., paragraph_files=..., output=...)
    ...
    answers = read_answers(output, question_ids)
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.utils import shared

from components import files, tfrecords
from components.example_gen.question_answering import squad_examples
from components.export.signatures import SERVING_RECORDS
from components.span_decoding import decoder, window_outputs
from components.span_decoding.decoder import DecodingConfig, DecodingError
from components.span_decoding.window_outputs import SPAN_OUTPUTS, RecordedWindow

METRICS_NAMESPACE = "xlnet/evaluator/question_answering"

_WINDOWS, _CONTEXTS = "windows", "contexts"
_MAX_NAMED = 5


@dataclasses.dataclass(frozen=True)
class Answers:
    """The answers of a model, by question id and in the order of the data set.

    Attributes:
        predictions: the best answer to each question.
        nbest: the n-best list of each question, in the format of `nbest_predictions.json`.
        null_odds: a score for each question; the larger, the less likely it has an answer.
        num_windows: number of windows of each question.
    """

    predictions: dict[str, str]
    nbest: dict[str, list[dict[str, Any]]]
    null_odds: dict[str, float]
    num_windows: dict[str, int]


def add_to_pipeline(
    pipeline: beam.Pipeline,
    *,
    name: str,
    model_path: str,
    record_files: Sequence[str],
    paragraph_files: Sequence[str],
    output: str,
    decoding: DecodingConfig,
    batch_size: int,
) -> None:
    """Adds to a Beam pipeline the steps in which a model answers all questions.

    Args:
        pipeline: the Beam pipeline.
        name: name of the model, for the labels of the steps.
        model_path: path of a SavedModel with the signature `serving_records`.
        record_files: paths of the evaluation records.
        paragraph_files: paths of the raw examples from which the records were made.
        output: prefix of the files that are written, for `read_answers`.
        decoding: how answers are chosen from the model's outputs.
        batch_size: number of windows per call of the model.
    """
    windows = (
        pipeline
        | f"{name}: record files" >> beam.Create(list(record_files))
        | f"{name}: read records" >> beam.FlatMap(tfrecords.read_records)
        | f"{name}: spread" >> beam.Reshuffle()
        | f"{name}: batch"
        >> beam.BatchElements(min_batch_size=batch_size, max_batch_size=batch_size)
        | f"{name}: infer" >> beam.ParDo(_Infer(model_path))
    )
    contexts = (
        pipeline
        | f"{name}: paragraph files" >> beam.Create(list(paragraph_files))
        | f"{name}: read paragraphs" >> beam.FlatMap(tfrecords.read_records)
        | f"{name}: contexts" >> beam.FlatMap(_contexts)
    )
    _ = (
        {_WINDOWS: windows, _CONTEXTS: contexts}
        | f"{name}: by question" >> beam.CoGroupByKey()
        | f"{name}: decode" >> beam.Map(_decode, decoding=decoding)
        | f"{name}: write" >> beam.io.WriteToText(output, file_name_suffix=".jsonl")
    )


def read_answers(output: str, question_ids: Sequence[str]) -> Answers:
    """Reads the answers that the pipeline wrote.

    Args:
        output: the prefix that was given to `add_to_pipeline`.
        question_ids: ids of all questions of the data set, without duplicates.

    Raises:
        DecodingError: if there are questions without windows, windows without a question, or
            outputs that are not numbers; the message names some of the questions.
    """
    by_id: dict[str, dict[str, Any]] = {}
    problems: dict[str, list[str]] = {}
    for path in files.expand(f"{files.escape(output)}*.jsonl", purpose="answers of a model"):
        for line in files.read_bytes(path).decode().splitlines():
            answer = json.loads(line)
            by_id[answer["id"]] = answer
            if "problem" in answer:
                problems.setdefault(answer["problem"], []).append(answer["id"])
    missing = [question_id for question_id in question_ids if question_id not in by_id]
    if missing:
        problems["the data set has it, the answers do not"] = missing
    if problems:
        listing = "; ".join(
            f"{len(ids):,} questions: {problem} (e.g. {', '.join(sorted(ids)[:_MAX_NAMED])})"
            for problem, ids in sorted(problems.items())
        )
        raise DecodingError(f"Not every question could be answered. {listing}.")
    ordered = {question_id: by_id[question_id] for question_id in question_ids}
    return Answers(
        predictions={key: answer["nbest"][0]["text"] for key, answer in ordered.items()},
        nbest={key: answer["nbest"] for key, answer in ordered.items()},
        null_odds={key: answer["null_odds"] for key, answer in ordered.items()},
        num_windows={key: answer["num_windows"] for key, answer in ordered.items()},
    )


class _Infer(beam.DoFn):
    """Runs the model on batches of serialized records.

    Yields a question id and a pair of the window and the model's outputs for it, for each record.
    """

    def __init__(self, model_path: str) -> None:
        self._model_path = model_path
        # All threads and copies of this object in a process share one model.
        self._shared = shared.Shared()
        self._model: Any = None

    def setup(self) -> None:
        # TensorFlow takes seconds to import, and no other step needs it.
        import tensorflow as tf

        self._model = self._shared.acquire(
            lambda: tf.saved_model.load(self._model_path), tag=self._model_path
        )

    def process(
        self, batch: list[bytes]
    ) -> Iterator[tuple[str, tuple[RecordedWindow, dict[str, np.ndarray]]]]:
        import tensorflow as tf

        results = self._model.signatures[SERVING_RECORDS](records=tf.constant(batch, tf.string))
        outputs = {name: results[name].numpy() for name in SPAN_OUTPUTS}
        beam.metrics.Metrics.counter(METRICS_NAMESPACE, "windows").inc(len(batch))
        for row, serialized in enumerate(batch):
            window = window_outputs.read_window(serialized)
            yield window.question_id, (window, {name: outputs[name][row] for name in SPAN_OUTPUTS})


def _contexts(serialized: bytes) -> Iterator[tuple[str, str]]:
    paragraph = squad_examples.decode(serialized)
    yield from window_outputs.contexts_by_question([paragraph]).items()


def _decode(element: tuple[str, Mapping[str, Iterable[Any]]], decoding: DecodingConfig) -> str:
    """Decodes one question and formats the result, or the problem, as a line of JSON."""
    question_id, members = element
    windows, contexts = list(members[_WINDOWS]), list(members[_CONTEXTS])
    problem = None
    if not windows:
        problem = "there is no window in the records"
    elif not contexts:
        problem = "there are windows, but no paragraph"
    else:
        ordered = window_outputs.in_paragraph_order(windows)
        try:
            nbest, null_odds = decoder.decode_question(ordered, contexts[0], decoding)
        except DecodingError as error:
            problem = str(error).removesuffix(".")
    if problem:
        return json.dumps({"id": question_id, "problem": problem})
    return json.dumps(
        {
            "id": question_id,
            "nbest": [dataclasses.asdict(candidate) for candidate in nbest],
            "null_odds": null_odds,
            "num_windows": len(windows),
        }
    )
