"""Makes up people and facts about them, as sentences that each contain the answer to a question."""

from __future__ import annotations

import random
from typing import NamedTuple

from pipeline.sample_data import words


class Person(NamedTuple):
    """A person's full name and pronoun, which is "she" or "he"."""

    name: str
    pronoun: str


class Fact(NamedTuple):
    """A fact about a person, as a sentence and questions that it answers.

    Attributes:
        kind: kind of the fact, one of `KINDS`.
        before: the sentence up to the answer; `{subject}` stands for the name or the pronoun.
        answer: the words that answer the questions.
        after: the rest of the sentence.
        questions: different wordings of the question; `{name}` stands for the person's name.
        who: a question whose answer is the person's name; None if there is none.
    """

    kind: str
    before: str
    answer: str
    after: str
    questions: tuple[str, ...]
    who: str | None


def make_people(draw: random.Random, number: int) -> list[Person]:
    """Makes up people, no two of whom share a first name or a last name."""
    first_names = draw.sample(words.FIRST_NAMES, number)
    last_names = draw.sample(words.LAST_NAMES, number)
    return [
        Person(f"{first} {last}", "she" if first in words.FEMALE_NAMES else "he")
        for first, last in zip(first_names, last_names, strict=True)
    ]


class FactMaker:
    """Draws facts for one text that neither contradict nor repeat each other."""

    def __init__(self, draw: random.Random):
        self._draw = draw
        self._used: set[str] = set()

    def make(self, kind: str) -> Fact:
        """Draws a fact of the given kind, which is one of `KINDS`."""
        return getattr(self, f"_{kind}")()

    def _pick(self, choices: tuple[str, ...]) -> str:
        # Use each word only once, so that every question has exactly one answer in its text.
        chosen = self._draw.choice([word for word in choices if word not in self._used])
        self._used.add(chosen)
        return chosen

    def _home(self) -> Fact:
        town = self._pick(words.TOWNS)
        questions = ("Where does {name} live?", "In which town does {name} live?")
        return Fact("home", "{subject} lives in ", town, ".", questions, f"Who lives in {town}?")

    def _job(self) -> Fact:
        job = self._pick(words.JOBS)
        article = _article(job)
        questions = ("What does {name} do for a living?", "What is the job of {name}?")
        who = f"Who works as {article} {job}?"
        return Fact("job", f"{{subject}} works as {article} ", job, ".", questions, who)

    def _colour(self) -> Fact:
        thing = self._pick(words.THINGS)
        colour = self._pick(words.COLOURS)
        article = _article(colour)
        questions = ("What colour is the " + thing + " of {name}?",)
        who = f"Who owns {article} {colour} {thing}?"
        return Fact("colour", f"{{subject}} owns {article} ", colour, f" {thing}.", questions, who)

    def _keeping(self) -> Fact:
        thing = self._pick(words.THINGS)
        article = _article(thing)
        place = self._pick(words.PLACES_TO_KEEP)
        questions = ("Where does {name} keep the " + thing + "?",)
        who = f"Who keeps {article} {thing} in {place}?"
        before = f"{{subject}} keeps {article} {thing} in "
        return Fact("keeping", before, place, ".", questions, who)

    def _animal(self) -> Fact:
        animal = self._pick(words.ANIMALS)
        name = self._pick(words.ANIMAL_NAMES)
        questions = ("What is the " + animal + " of {name} called?",)
        article = _article(animal)
        who = f"Who has {article} {animal}?"
        before = f"{{subject}} has {article} {animal} called "
        return Fact("animal", before, name, ".", questions, who)

    def _past_time(self) -> Fact:
        past_time = self._pick(words.PAST_TIMES)
        day = self._pick(words.DAYS)
        questions = (
            f"What does {{name}} like on {day}s?",
            f"What does {{name}} like to do on {day}s?",
        )
        before = f"On {day}s {{subject}} likes "
        return Fact("past_time", before, past_time, ".", questions, None)


KINDS = ("home", "job", "colour", "keeping", "animal", "past_time")


def sentence_start(fact: Fact, subject: str) -> str:
    """Returns the fact's sentence up to the answer, beginning with a capital letter."""
    text = fact.before.format(subject=subject)
    return text[0].upper() + text[1:]


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
