"""Looks at SQuAD files: articles, questions and answers, up to a limit."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

from components import files
from components.dead_letters import DeadLetter
from components.example_gen.question_answering import squad, squad_inputs
from pipeline.first_look.source import Source
from pipeline.first_look.text_lengths import TextLengths

DEFAULT_MAX_QUESTIONS = 100_000


@dataclasses.dataclass(frozen=True)
class QuestionFindings:
    """What was found in SQuAD files.

    Attributes:
        source: the files.
        articles: number of questions of each article, by its title.
        paragraphs: number of paragraphs.
        answerable: number of questions with an answer.
        impossible: number of questions that have none by the data.
        unlabelled: number of questions that say neither, by article.
        first_unlabelled: id of the first of them, and what it lacks; empty if there is none.
        repaired: number of answers that are not exactly where the data say.
        lost: number of answers that are not in their paragraph.
        skipped: number of questions that cannot be used, by reason.
        duplicates: number of questions that are asked twice about a paragraph.
        contexts: lengths of the paragraphs.
        questions: lengths of the questions.
        answers: lengths of the answers.
        is_sample: whether only the first questions were looked at.
    """

    source: Source
    articles: Mapping[str, int]
    paragraphs: int
    answerable: int
    impossible: int
    unlabelled: Mapping[str, int]
    first_unlabelled: str
    repaired: int
    lost: int
    skipped: Mapping[str, int]
    duplicates: int
    contexts: TextLengths
    questions: TextLengths
    answers: TextLengths
    is_sample: bool

    @property
    def total(self) -> int:
        """Number of usable questions."""
        return sum(self.articles.values())


def look(source: Source, *, max_questions: int = DEFAULT_MAX_QUESTIONS) -> QuestionFindings:
    """Looks at SQuAD files.

    Args:
        source: the files.
        max_questions: number of questions after which the reading ends.

    Raises:
        SquadFormatError, WrongFormatError: if a file is not of SQuAD's form.
    """
    counts: collections.Counter[str] = collections.Counter()
    articles: collections.Counter[str] = collections.Counter()
    unlabelled: collections.Counter[str] = collections.Counter()
    skipped: collections.Counter[str] = collections.Counter()
    contexts, questions, answers = TextLengths(), TextLengths(), TextLengths()
    first_unlabelled = ""
    seen: set[int] = set()
    for path in files.expand(files.join(files.escape(source.root), source.pattern)):
        name = squad_inputs.name_in(source.root, path)
        for item in squad.read_file(path, name=name):
            if articles.total() >= max_questions:
                counts["is_sample"] = 1
                break
            if isinstance(item, DeadLetter):
                skipped[item.reason] += max(1, item.weight)
                continue
            counts["paragraphs"] += 1
            counts["repaired"] += item.num_repaired_answers
            counts["lost"] += item.num_lost_answers
            contexts.add(item.context)
            articles[item.article] += len(item.questions)
            for question in item.questions:
                counts["answerable"] += bool(question.answers)
                counts["impossible"] += question.has_no_answer
                questions.add(question.text)
                for answer in question.answers[:1]:
                    answers.add(answer.text)
                if question.unlabelled:
                    unlabelled[item.article] += 1
                    first_unlabelled = first_unlabelled or f"{question.id}: {question.unlabelled}"
                key = hash((item.context, question.text))
                counts["duplicates"] += key in seen
                seen.add(key)
    return QuestionFindings(
        source=source,
        articles=articles,
        paragraphs=counts["paragraphs"],
        answerable=counts["answerable"],
        impossible=counts["impossible"],
        unlabelled=unlabelled,
        first_unlabelled=first_unlabelled,
        repaired=counts["repaired"],
        lost=counts["lost"],
        skipped=skipped,
        duplicates=counts["duplicates"],
        contexts=contexts,
        questions=questions,
        answers=answers,
        is_sample=bool(counts["is_sample"]),
    )
