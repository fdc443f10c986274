"""Writes a model's answers to the questions of a SQuAD file in the form of the official script."""

from __future__ import annotations

import itertools
import json
from typing import Any

from components import files
from components.serving.pushed_model import PushedModel
from components.span_decoding import squad_evaluation


class NotQuestionAnsweringError(ValueError):
    """The model is not one for question answering."""


def write(model: PushedModel, dataset: str, *, directory: str, batch_size: int) -> dict[str, int]:
    """Answers every question of a SQuAD file.

    Writes `predictions.json` (with "" if the model's threshold says that there is no answer),
    `null_odds.json` and `nbest_predictions.json`.

    Args:
        model: a model for question answering.
        dataset: path of a SQuAD file, v1.1 or v2.0, which need not contain answers.
        directory: directory to write the files to.
        batch_size: number of questions per call of the model.

    Returns:
        The number of `questions`, and how many of them were `answered`.

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
        for paragraph in squad_evaluation.read_dataset(dataset)
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
                {"text": answer.decode(), "probability": float(score), "start": int(start)}
                for answer, score, start in found
                if start >= 0
            ]
    for name, content in (
        ("predictions", predictions),
        ("null_odds", null_odds),
        ("nbest_predictions", nbest),
    ):
        text = json.dumps(content, indent=2) + "\n"
        files.write_bytes(files.join(directory, f"{name}.json"), text.encode())
    return {"questions": len(predictions), "answered": sum(map(bool, predictions.values()))}


def _batches(items: list[Any], size: int) -> list[list[Any]]:
    iterator = iter(items)
    return list(iter(lambda: list(itertools.islice(iterator, size)), []))
