"""Passages of RACE's layout, in which the right option is an animal."""

import random
from typing import Any

ANIMALS = ("cat", "dog", "hen", "fox", "owl", "cow")
_THINGS = ("box", "cup", "hat", "key", "pen", "jar", "bag", "mat")
_NAMES = ("Nora", "Sam", "Ivo", "Mia")


def make(rng: random.Random, *, can_be_told: bool = True) -> dict[str, Any]:
    """The content of a file, with four questions which option is alive.

    Args:
        rng: for the words and their order.
        can_be_told: False calls an arbitrary option right.
    """
    name = rng.choice(_NAMES)
    questions, options, answers = [], [], []
    for number in range(4):
        words = [*rng.sample(_THINGS, 3), rng.choice(ANIMALS)]
        rng.shuffle(words)
        right = next(i for i, word in enumerate(words) if word in ANIMALS)
        options.append([f"a {word}" for word in words])
        answers.append("ABCD"[right if can_be_told else rng.randrange(4)])
        questions.append("Which is alive?" if number % 2 else f"{name} saw _ move.")
    return {
        "article": f"{name} went out.\nSomething moved.",
        "questions": questions,
        "options": options,
        "answers": answers,
    }
