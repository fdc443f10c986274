"""Paragraphs about people with questions on them, in the layout of SQuAD 2.0."""

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
_FACTS_PER_PERSON = 3
# One question in three has no answer, about as in SQuAD 2.0's train set.
_ANSWERABLE_QUESTIONS = 4
_IMPOSSIBLE_QUESTIONS = 2


class _Question(NamedTuple):
    text: str
    answer: str
    start: int


class _Portrait(NamedTuple):
    """A person, the facts told of them, and where name and answers stand in the context."""

    person: Person
    name_start: int
    facts: dict[str, tuple[Fact, int]]


def make_data_set(
    draw: random.Random, *, num_paragraphs: int, prefix: str, several_answers: bool
) -> dict[str, Any]:
    """A data set as SQuAD 2.0's JSON has it.

    Args:
        draw: source of randomness.
        num_paragraphs: how many, four to an article.
        prefix: of the ids of the questions.
        several_answers: whether shorter answers are listed as well, as in dev sets.
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
            # Between the two, so that a pronoun is never far from its name.
            if draw.randrange(2):
                context += draw.choice(words.WEATHER) + " "
        context, portrait = _tell(context, person, [maker.make(kind) for kind in kinds])
        portraits.append(portrait)

    answerable = [question for one in portraits for question in _answerable(draw, one)]
    impossible = [
        *_impossible(draw, portraits[0], of=portraits[1]),
        *_impossible(draw, portraits[1], of=portraits[0]),
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
    """Kinds of facts for two people, each having at least one that the other has not."""
    while True:
        first = draw.sample(KINDS, _FACTS_PER_PERSON)
        second = draw.sample(KINDS, _FACTS_PER_PERSON)
        if set(first) != set(second):
            return first, second


def _tell(context: str, person: Person, facts: list[Fact]) -> tuple[str, _Portrait]:
    name_start = -1
    placed = {}
    for number, fact in enumerate(facts):
        context += " " if number else ""
        begin = sentence_start(fact, person.pronoun if number else person.name)
        if not number:
            name_start = len(context) + begin.index(person.name)
        placed[fact.kind] = (fact, len(context) + len(begin))
        context += begin + fact.answer + fact.after
    return context, _Portrait(person, name_start, placed)


def _answerable(draw: random.Random, portrait: _Portrait) -> list[_Question]:
    name = portrait.person.name
    questions = []
    for fact, start in portrait.facts.values():
        text = draw.choice(fact.questions).format(name=name)
        questions.append(_Question(text, fact.answer, start))
        if fact.who:
            questions.append(_Question(fact.who, name, portrait.name_start))
    return questions


def _impossible(draw: random.Random, told: _Portrait, *, of: _Portrait) -> list[_Question]:
    """Questions on one person of what is told of the other alone, with the misleading answer."""
    return [
        _Question(draw.choice(fact.questions).format(name=of.person.name), fact.answer, start)
        for kind, (fact, start) in told.facts.items()
        # The other questions name a thing, an animal or a day, which no two people share.
        if kind not in of.facts or kind not in ("home", "job")
    ]


def _entry(
    question_id: str, question: _Question, is_impossible: bool, several_answers: bool
) -> dict[str, Any]:
    answers = [{"text": question.answer, "answer_start": question.start}]
    article = "the "
    if several_answers and question.answer.startswith(article):
        shorter = question.answer.removeprefix(article)
        answers.append({"text": shorter, "answer_start": question.start + len(article)})
    entry: dict[str, Any] = {"id": question_id, "question": question.text}
    if is_impossible:
        entry["plausible_answers"] = answers
    entry["answers"] = [] if is_impossible else answers
    entry["is_impossible"] = is_impossible
    return entry
