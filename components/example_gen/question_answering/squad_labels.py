"""Whether questions say what the right answer is: what is judged must be labelled.

A question without answers is right if it is left unanswered. If the data merely forgot them, a
model that knows nothing is right everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.example_gen.question_answering.squad import Paragraph, Question

# The split by which a pipeline judges its models.
JUDGED_SPLIT = "eval"
_MAX_KEYS = 12


class UnlabelledError(ValueError):
    """Questions that should be judged and do not say what is right; names file and question."""


def why_unlabelled(value: Mapping[str, Any]) -> str:
    """What a question lacks that would say its answer, or that it has none; empty if nothing."""
    if value.get("is_impossible") is True:
        return ""
    if "answers" not in value:
        keys = ", ".join(map(repr, sorted(value)[:_MAX_KEYS]))
        return f"there is no key 'answers' and no is_impossible: true; its keys are {keys}"
    if not value["answers"] and value.get("is_impossible") is False:
        return "is_impossible is false, but 'answers' is empty"
    return ""


def check_question(question: Question, source: str) -> None:
    """Refuses a question that is to be judged and has no label.

    Raises:
        UnlabelledError: naming its file, its id and what is missing.
    """
    if question.unlabelled:
        raise UnlabelledError(
            f"{source}, question {question.id}: {question.unlabelled}. What is evaluated must be "
            "labelled: a model that knows nothing would be right about it. Give the question its "
            "answers, or is_impossible: true if it has none."
        )


def check(paragraphs: Iterable[Paragraph]) -> None:
    """Refuses a data set that scores cannot be made by.

    Raises:
        UnlabelledError: if a question has no label, or none of them has an answer nor says that
            there is none.
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
    """The error of a data set all of whose lists of answers are empty."""
    return UnlabelledError(
        f"None of the {num_questions:,} questions of {source} has an answer, and none says "
        "is_impossible: true: these are questions without labels, as in a test file. What is "
        "evaluated must be labelled."
    )
