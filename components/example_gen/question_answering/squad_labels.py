"""Makes sure that questions used for evaluation say what the right answer is.

A question without answers counts as solved if it is left unanswered. If the data are merely missing
their labels, a model that knows nothing would get every question right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.example_gen.question_answering.squad import Paragraph, Question

# The split on which a pipeline evaluates its models.
JUDGED_SPLIT = "eval"
_MAX_KEYS = 12


class UnlabelledError(ValueError):
    """Questions for evaluation that have no label; the message names the file."""


def why_unlabelled(value: Mapping[str, Any]) -> str:
    """Says what a question lacks to be labelled; empty if it is labelled.

    A labelled question gives its answers or says that it has none. An empty list of answers says so
    too, unless `is_impossible` is false.
    """
    if value.get("is_impossible") is True:
        return ""
    if "answers" not in value:
        keys = ", ".join(map(repr, sorted(value)[:_MAX_KEYS]))
        return f"there is no key 'answers' and no is_impossible: true; its keys are {keys}"
    if not value["answers"] and value.get("is_impossible") is False:
        return "is_impossible is false, but 'answers' is empty"
    return ""


def check_question(question: Question, source: str) -> None:
    """Refuses a question for evaluation that has no label.

    Raises:
        UnlabelledError: if the question has no label; the message names the file, the question's id
            and what is missing.
    """
    if question.unlabelled:
        raise UnlabelledError(
            f"{source}, question {question.id}: {question.unlabelled}. What is evaluated must be "
            "labelled: a model that knows nothing would be right about it. Give the question its "
            "answers, or is_impossible: true if it has none."
        )


def check(paragraphs: Iterable[Paragraph]) -> None:
    """Refuses a data set that a model cannot be evaluated on.

    Raises:
        UnlabelledError: if a question has no label, or if no question at all has an answer or says
            that there is none.
    """
    source, has_label, num_questions = "", False, 0
    for paragraph in paragraphs:
        source = source or paragraph.source
        for question in paragraph.questions:
            check_question(question, paragraph.source)
            num_questions += 1
            has_label = has_label or bool(question.answers) or question.is_impossible
    if num_questions and not has_label:
        raise no_labels(source, num_questions)


def no_labels(source: str, num_questions: int) -> UnlabelledError:
    """Returns the error for a data set in which all lists of answers are empty."""
    return UnlabelledError(
        f"None of the {num_questions:,} questions of {source} has an answer, and none says "
        "is_impossible: true: these are questions without labels, as in a test file. Questions to "
        "train on or to evaluate must be labelled."
    )
