"""Makes the sample's question answering data: paragraphs about people, in SQuAD 2.0's format.

A model with random weights learns them in a minute or two, because every sentence contains the
person's name, and unanswerable questions ask for a kind of fact that the paragraph tells of nobody.
Real paragraphs are harder.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from pipeline.sample_data import words
from pipeline.sample_data.people import (
    KINDS,
    Fact,
    FactMaker,
    Person,
    make_people,
    sentence_start,
)

_PARAGRAPHS_PER_ARTICLE = 4
_FACTS_PER_PERSON = 2
# One question in three has no answer, about as many as in the training set of SQuAD 2.0.
_ANSWERABLE_QUESTIONS = 4
_IMPOSSIBLE_QUESTIONS = 2


class _Question(NamedTuple):
    """A question with its answer and where that starts in the context.

    If there is no answer, `answer` is empty and `start` is -1.
    """

    text: str
    answer: str
    start: int


class _Told(NamedTuple):
    """A fact, with the positions of the person's name and of the answer in the context."""

    fact: Fact
    name_start: int
    answer_start: int


class _Portrait(NamedTuple):
    """A person and what the paragraph tells about them, by kind of fact."""

    person: Person
    facts: dict[str, _Told]


def make_data_set(
    draw: random.Random, *, num_paragraphs: int, prefix: str, several_answers: bool
) -> dict[str, Any]:
    """Makes a data set with the structure of SQuAD 2.0's JSON.

    Args:
        draw: source of randomness.
        num_paragraphs: number of paragraphs; an article has four of them.
        prefix: prefix of the questions' ids.
        several_answers: whether to list shorter answers as well, as SQuAD's dev set does.
    """
    paragraphs = [
        _make_paragraph(draw, f"{prefix}-{number:03d}", several_answers)
        for number in range(num_paragraphs)
    ]
    articles = []
    for number, first in enumerate(range(0, num_paragraphs, _PARAGRAPHS_PER_ARTICLE)):
        town = words.TOWNS[number % len(words.TOWNS)]
        articles.append(
            {
                "title": f"Neighbours_of_{town.replace(' ', '_')}",
                "paragraphs": paragraphs[first : first + _PARAGRAPHS_PER_ARTICLE],
            }
        )
    return {"version": "v2.0", "data": articles}


def _make_paragraph(draw: random.Random, prefix: str, several_answers: bool) -> dict[str, Any]:
    context = ""
    portraits = []
    maker = FactMaker(draw)
    for person, kinds in zip(make_people(draw, 2), _draw_kinds(draw), strict=True):
        if context:
            context += " "
            if draw.randrange(2):
                context += draw.choice(words.WEATHER) + " "
        context, portrait = _tell(context, person, [maker.make(kind) for kind in kinds])
        portraits.append(portrait)

    answerable = [question for one in portraits for question in _answerable(draw, one)]
    told_kinds = {kind for one in portraits for kind in one.facts}
    untold_kinds = [kind for kind in KINDS if kind not in told_kinds]
    impossible = [
        _impossible(draw, maker, draw.choice(portraits).person, kind) for kind in untold_kinds
    ]
    told = [(q, False) for q in draw.sample(answerable, _ANSWERABLE_QUESTIONS)]
    untold = [(q, True) for q in draw.sample(impossible, _IMPOSSIBLE_QUESTIONS)]
    questions = draw.sample(told + untold, len(told) + len(untold))
    return {
        "context": context,
        "qas": [
            _entry(f"{prefix}-{number}", question, is_impossible, several_answers)
            for number, (question, is_impossible) in enumerate(questions)
        ],
    }


def _draw_kinds(draw: random.Random) -> tuple[list[str], list[str]]:
    """Draws kinds of facts for two people; each gets at least one that the other does not have."""
    while True:
        first = draw.sample(KINDS, _FACTS_PER_PERSON)
        second = draw.sample(KINDS, _FACTS_PER_PERSON)
        if set(first) != set(second):
            return first, second


def _tell(context: str, person: Person, facts: list[Fact]) -> tuple[str, _Portrait]:
    told = {}
    for number, fact in enumerate(facts):
        context += " " if number else ""
        # Repeat the name, because a small model would take too long to learn who "she" is.
        begin = sentence_start(fact, person.name)
        name_start = len(context) + begin.index(person.name)
        told[fact.kind] = _Told(fact, name_start, len(context) + len(begin))
        context += begin + fact.answer + fact.after
    return context, _Portrait(person, told)


def _answerable(draw: random.Random, portrait: _Portrait) -> list[_Question]:
    name = portrait.person.name
    questions = []
    for fact, name_start, answer_start in portrait.facts.values():
        text = draw.choice(fact.questions).format(name=name)
        questions.append(_Question(text, fact.answer, answer_start))
        if fact.who:
            questions.append(_Question(fact.who, name, name_start))
    return questions


def _impossible(draw: random.Random, maker: FactMaker, person: Person, kind: str) -> _Question:
    """Makes a question about a kind of fact that the paragraph tells of nobody."""
    fact = maker.make(kind)
    return _Question(draw.choice(fact.questions).format(name=person.name), "", -1)


def _entry(
    question_id: str, question: _Question, is_impossible: bool, several_answers: bool
) -> dict[str, Any]:
    answers = []
    if not is_impossible:
        answers.append({"text": question.answer, "answer_start": question.start})
    article = "the "
    if several_answers and question.answer.startswith(article):
        shorter = question.answer.removeprefix(article)
        answers.append({"text": shorter, "answer_start": question.start + len(article)})
    entry: dict[str, Any] = {"id": question_id, "question": question.text, "answers": answers}
    entry["is_impossible"] = is_impossible
    return entry
