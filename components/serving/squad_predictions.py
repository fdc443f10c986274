"""A model's answers to the questions of a SQuAD file, as the official script reads them."""

from __future__ import annotations

import itertools
import json
from typing import Any

from components import files
from components.serving.pushed_model import PushedModel
from components.span_decoding import squad_evaluation


class NotQuestionAnsweringError(ValueError):
    """A model of another kind."""


def write(model: PushedModel, dataset: str, *, directory: str, batch_size: int) -> dict[str, int]:
    """Answers every question of a file.

    Writes `predictions.json` (with "" where the model's threshold says that there is no answer),
    `null_odds.json` and `nbest_predictions.json`.

    Args:
        model: for question answering.
        dataset: SQuAD file, v1.1 or v2.0; answers are not needed.
        directory: gets the files.
        batch_size: questions per call of the model.

    Returns:
        numbers of `questions` and of those `answered`.
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
