"""Finds questions that a model answered wrongly, for the report; the most confident come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluator.report_content import Part, WrongExample
from components.example_gen.question_answering.squad import Paragraph, Question
from components.span_decoding import squad_metrics

_MAX_EXAMPLES = 5
# Number of characters of the paragraph that are shown on either side of the marked answers.
_CONTEXT_CHARACTERS = 160
_NO_ANSWER = "(no answer)"


def find(
    paragraphs: Sequence[Paragraph],
    predictions: Mapping[str, str],
    null_odds: Mapping[str, float],
    *,
    threshold: float | None,
) -> dict[str, list[WrongExample]]:
    """Finds the worst answers, by what is wrong with them.

    Args:
        paragraphs: the data set.
        predictions: the best answer to each question, by question id.
        null_odds: null score of each question, by question id.
        threshold: threshold for the null score; questions above it count as left unanswered. None
            if the model always answers.
    """
    asked = [(paragraph, question) for paragraph in paragraphs for question in paragraph.questions]
    scores = squad_metrics.score_questions(
        [[answer.text for answer in question.answers] for _, question in asked],
        [predictions[question.id] for _, question in asked],
    )
    odds = np.array([null_odds[question.id] for _, question in asked])
    is_answered = scores.is_answered
    if threshold is not None:
        is_answered = is_answered & (odds <= threshold)

    def worst(chosen: np.ndarray, *, lowest_odds: bool, given: bool) -> list[WrongExample]:
        found = np.flatnonzero(chosen)
        order = np.argsort(odds[found] if lowest_odds else -odds[found], kind="stable")
        return [
            _example(*asked[i], predictions[asked[i][1].id] if given else "", odds[i])
            for i in found[order[:_MAX_EXAMPLES]]
        ]

    return {
        "Most confident wrong answers": worst(
            is_answered & scores.has_answer & (scores.f1 == 0), lowest_odds=True, given=True
        ),
        "Answered though there is no answer": worst(
            is_answered & ~scores.has_answer, lowest_odds=True, given=True
        ),
        "Left unanswered though there is an answer": worst(
            ~is_answered & scores.has_answer, lowest_odds=False, given=False
        ),
    }


def _example(paragraph: Paragraph, question: Question, given: str, odds: float) -> WrongExample:
    context = paragraph.context
    marks = []
    for answer in question.answers:
        if answer.start >= 0:
            marks.append((answer.start, answer.start + len(answer.text), "expected"))
            break
    # The answers do not record their position, so mark the first place with the same text.
    place = context.find(given) if given else -1
    if place >= 0:
        marks.append((place, place + len(given), "given"))
    return WrongExample(
        texts=[[Part(question.text)], _excerpt(context, marks)],
        given=given or _NO_ANSWER,
        expected=question.answers[0].text if question.answers else _NO_ANSWER,
        score=f"null score {odds:.2f}",
    )


def _excerpt(context: str, marks: list[tuple[int, int, str]]) -> list[Part]:
    """Cuts the surroundings of the marks out of a paragraph.

    Args:
        context: the paragraph.
        marks: start, end and kind of each mark.
    """
    begin = max(0, min((start for start, _, _ in marks), default=0) - _CONTEXT_CHARACTERS)
    end = max((stop for _, stop, _ in marks), default=0) + _CONTEXT_CHARACTERS
    parts = [Part("… " if begin else "")]
    position = begin
    for start, stop, mark in sorted(marks):
        if start < position:
            # The two marks overlap, so mark only the rest of the second.
            start = min(position, stop)
        parts += [Part(context[position:start]), Part(context[start:stop], mark)]
        position = stop if stop > position else position
    parts += [Part(context[position:end]), Part(" …" if end < len(context) else "")]
    return [part for part in parts if part.text]
