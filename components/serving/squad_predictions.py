"""Writes a model's answers to the questions of a SQuAD file in the form of the official script."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from components import files
from components.example_gen.question_answering.squad import Paragraph
from components.serving.pushed_model import PushedModel
from components.span_decoding import squad_evaluation


class NotQuestionAnsweringError(ValueError):
    """The model is not one for question answering."""


@dataclasses.dataclass(frozen=True)
class Answers:
    """A model's answers, by question id.

    Attributes:
        predictions: the answer, or "" if the model's threshold says that there is none.
        null_odds: the larger, the less likely there is an answer.
        nbest: the best answers with "text", "probability" and "start", best first.
    """

    predictions: Mapping[str, str]
    null_odds: Mapping[str, float]
    nbest: Mapping[str, list[dict[str, Any]]]


def answer(model: PushedModel, paragraphs: Sequence[Paragraph], *, batch_size: int) -> Answers:
    """Answers the questions about paragraphs.

    Args:
        model: a model for question answering.
        paragraphs: paragraphs with questions, which need not have answers.
        batch_size: number of questions per call of the model.

    Raises:
        NotQuestionAnsweringError: if the model is of another kind.
    """
    if model.kind != "question_answering":
        raise NotQuestionAnsweringError(
            f"A SQuAD file needs a model for question answering; {model.path} is one for "
            f"{model.kind}."
        )
    asked = [
        (question.id, question.text, paragraph.context)
        for paragraph in paragraphs
        for question in paragraph.questions
    ]
    predictions: dict[str, str] = {}
    null_odds: dict[str, float] = {}
    nbest: dict[str, list[dict[str, Any]]] = {}
    for batch in _batches(asked, batch_size):
        outputs = model.predict(
            question=[text for _, text, _ in batch], context=[context for *_, context in batch]
        )
        for row, (question_id, _, _) in enumerate(batch):
            predictions[question_id] = outputs["answer"][row].decode()
            null_odds[question_id] = float(outputs["null_score"][row])
            found = zip(
                outputs["answers"][row],
                outputs["scores"][row],
                outputs["answer_starts"][row],
                strict=True,
            )
            nbest[question_id] = [
                {"text": text.decode(), "probability": float(score), "start": int(start)}
                for text, score, start in found
                if start >= 0
            ]
    return Answers(predictions, null_odds, nbest)


def write_files(answers: Answers, directory: str) -> None:
    """Writes `predictions.json`, `null_odds.json` and `nbest_predictions.json` to a folder."""
    for name, content in (
        ("predictions", answers.predictions),
        ("null_odds", answers.null_odds),
        ("nbest_predictions", answers.nbest),
    ):
        text = json.dumps(content, indent=2) + "\n"
        files.write_bytes(files.join(directory, f"{name}.json"), text.encode())


def write(model: PushedModel, dataset: str, *, directory: str, batch_size: int) -> dict[str, int]:
    """Answers every question of a SQuAD file, and writes the answers to a folder.

    Args:
        model: a model for question answering.
        dataset: path of a SQuAD file, v1.1 or v2.0, which need not contain answers.
        directory: directory to write the files to; see `write_files`.
        batch_size: number of questions per call of the model.

    Returns:
        The number of `questions`, and how many of them were `answered`.

    Raises:
        NotQuestionAnsweringError: if the model is of another kind.
    """
    paragraphs = squad_evaluation.read_dataset(dataset)
    answers = answer(model, paragraphs, batch_size=batch_size)
    write_files(answers, directory)
    answered = sum(map(bool, answers.predictions.values()))
    return {"questions": len(answers.predictions), "answered": answered}


def _batches(items: list[Any], size: int) -> list[list[Any]]:
    iterator = iter(items)
    return list(iter(lambda: list(itertools.islice(iterator, size)), []))
