"""Makes the sample's corpus: short documents, for pretraining and for training a vocabulary."""

from __future__ import annotations

import random
import re

from pipeline.sample_data import words
from pipeline.sample_data.people import KINDS, FactMaker, make_people, sentence_start
from pipeline.sample_data.reviews import LABELS, make_review


def make_documents(draw: random.Random, number: int) -> list[list[str]]:
    """Makes documents of five kinds in turn, each as a list of sentences."""
    kinds = (_portrait, _visit, _letter, _town, _conversation)
    return [kinds[i % len(kinds)](draw) for i in range(number)]


def _portrait(draw: random.Random) -> list[str]:
    """Tells every kind of fact about one person, or half of them about each of two."""
    maker = FactMaker(draw)
    num_people = draw.choice((1, 2))
    sentences = [draw.choice(words.WEATHER)] if draw.randrange(2) else []
    for person in make_people(draw, num_people):
        for number, kind in enumerate(draw.sample(KINDS, len(KINDS) // num_people)):
            fact = maker.make(kind)
            begin = sentence_start(fact, person.pronoun if number else person.name)
            sentences.append(begin + fact.answer + fact.after)
    return sentences


def _visit(draw: random.Random) -> list[str]:
    """Tells of a day out, with opinions that are all positive or all negative."""
    town = draw.choice(words.TOWNS)
    label = draw.choice(LABELS)
    sentences = [
        f"We spent a {draw.choice(words.DAYS)} in {draw.choice(words.MONTHS)} in {town}.",
        draw.choice(words.WEATHER),
    ]
    for _ in range(draw.randrange(3, 7)):
        sentences += _opinion(draw, label)
    sentences.append(
        f"We will come back to {town}." if label == "positive" else f"We left {town} early."
    )
    return sentences


def _letter(draw: random.Random) -> list[str]:
    """Writes a letter from one person to another, with news and with opinions of both kinds."""
    writer, reader = make_people(draw, 2)
    fact = FactMaker(draw).make(draw.choice(KINDS))
    third = draw.choice([name for name in words.FIRST_NAMES if name not in (*writer, *reader)])
    first_name = reader.name.split()[0]
    opinions = []
    for _ in range(draw.randrange(2, 5)):
        opinions += _opinion(draw, draw.choice(LABELS))
    return [
        f"Dear {first_name}, I am writing to you from {draw.choice(words.TOWNS)}.",
        draw.choice(words.WEATHER),
        sentence_start(fact, third) + fact.answer + fact.after,
        *opinions,
        f"I hope to see you on {draw.choice(words.DAYS)}.",
        f"Yours, {writer.name}.",
    ]


def _town(draw: random.Random) -> list[str]:
    """Describes a town."""
    town, neighbour, far = draw.sample(words.TOWNS, 3)
    building, other_building = draw.sample(words.BUILDINGS, 2)
    goods, other_goods = draw.sample(words.GOODS, 2)
    sentences = [
        f"{town} is a small town {draw.choice(words.LANDSCAPES)}.",
        f"It is known for its {goods} and {other_goods}.",
        f"From {building} it is ten minutes on foot to {other_building}.",
        f"Most visitors come in {draw.choice(words.MONTHS)}.",
        f"A road leads from {town} to {neighbour}, and a railway to {far}.",
        f"On {draw.choice(words.DAYS)}s there is a market behind {building}.",
        f"The oldest {draw.choice(words.JOBS)} of {town} is {make_people(draw, 1)[0].name}.",
    ]
    # The first sentence introduces the town, so it stays first.
    return [sentences[0], *draw.sample(sentences[1:], draw.randrange(4, 7))]


def _conversation(draw: random.Random) -> list[str]:
    """Lets two people ask and answer questions about a third."""
    asking, answering, person = make_people(draw, 3)
    maker = FactMaker(draw)
    sentences = [f"{asking.name} and {answering.name} were talking about {person.name}."]
    for kind in draw.sample(KINDS, 3):
        fact = maker.make(kind)
        question = draw.choice(fact.questions).format(name=person.name)
        answer = sentence_start(fact, person.pronoun) + fact.answer + fact.after
        sentences.append(f'"{question}" asked {asking.name.split()[0]}.')
        sentences.append(f'"{answer}"')
        if fact.who and draw.randrange(2):
            sentences.append(f'"{fact.who}" said {answering.name.split()[0]}.')
            sentences.append(f'"That is {person.name}."')
    return sentences


def _opinion(draw: random.Random, label: str) -> list[str]:
    return re.split(r"(?<=\.) ", make_review(draw, label).text)
