"""Makes the sample's classification data: short reviews that are positive or negative.

A bag of words gets about four in five right. In the others word order matters: about one review in
six negates its adjective, and about one in eight praises one thing and criticises another, in which
case the main clause decides.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from pipeline.sample_data import words

LABELS = ("negative", "positive")

_PLAIN = (
    "The {part} was {adverb}{word}.",
    "I found the {part} {adverb}{word}.",
    "Everyone called the {part} {word}.",
    "We thought that the {part} was {adverb}{word}.",
    "The {part} turned out to be {adverb}{word}.",
)
# `opposite` is a word of the other label.
_NEGATED = (
    "The {part} was not {opposite} at all.",
    "I would never call the {part} {opposite}.",
    "Nobody found the {part} {opposite}.",
    "There was nothing {opposite} about the {part}.",
)
_CONTRASTED = (
    "The {other} was {opposite}, but the {part} was {adverb}{word}, and that is what counts.",
    "Although the {other} was {opposite}, the {part} was {adverb}{word}.",
    "The {part} was {adverb}{word}, even though the {other} was {opposite}.",
    "I forgive them the {opposite} {other}, because the {part} was {word}.",
)
_CONTRASTED_BADLY = (
    "The {other} was {opposite}, but the {part} was {adverb}{word}, and that is what counts.",
    "Although the {other} was {opposite}, the {part} was {adverb}{word}.",
    "The {part} was {adverb}{word}, even though the {other} was {opposite}.",
    "The {opposite} {other} could not save it, because the {part} was {word}.",
)
_OPENINGS = (
    "We visited the {name} on a {day}.",
    "My sister told me about this {subject}.",
    "This was our second time at the {name}.",
    "I had heard a lot about the {name}.",
    "A friend took us to the {name} in {month}.",
)
# Shares of the kinds of reviews, in percent; the rest is plain.
_NEGATED_SHARE = 16
_CONTRASTED_SHARE = 12
_OPENING_SHARE = 40
_SECOND_SENTENCE_SHARE = 25


class Review(NamedTuple):
    """A text with its label, which is one of `LABELS`."""

    text: str
    label: str


def make_review(draw: random.Random, label: str) -> Review:
    """Makes one review with the given label."""
    is_good = label == "positive"
    same, opposite = (words.GOOD, words.BAD) if is_good else (words.BAD, words.GOOD)
    subject = draw.choice(sorted(words.SUBJECTS))
    part, other = draw.sample(words.SUBJECTS[subject], 2)

    def fill(template: str) -> str:
        return template.format(
            part=part,
            other=other,
            adverb=draw.choice(words.ADVERBS),
            word=draw.choice(same),
            opposite=draw.choice(opposite),
            name=draw.choice(words.NAMES_OF_SUBJECTS),
            subject=subject,
            day=draw.choice(words.DAYS),
            month=draw.choice(words.MONTHS),
        )

    sentences = []
    # The openings tell of a visit, which does not fit films and novels.
    if subject not in ("film", "novel") and draw.randrange(100) < _OPENING_SHARE:
        sentences.append(fill(draw.choice(_OPENINGS)))
    kind = draw.randrange(100)
    if kind < _NEGATED_SHARE:
        sentences.append(fill(draw.choice(_NEGATED)))
    elif kind < _NEGATED_SHARE + _CONTRASTED_SHARE:
        sentences.append(fill(draw.choice(_CONTRASTED if is_good else _CONTRASTED_BADLY)))
    else:
        sentences.append(fill(draw.choice(_PLAIN)))
        if draw.randrange(100) < _SECOND_SENTENCE_SHARE:
            part, other = other, part
            sentences.append(fill(draw.choice(_PLAIN)))
    return Review(" ".join(sentences), label)


def make_reviews(draw: random.Random, number: int) -> list[Review]:
    """Makes reviews without duplicates, half of them with each label, in random order."""
    texts = set()
    reviews = []
    while len(reviews) < number:
        review = make_review(draw, LABELS[len(reviews) % len(LABELS)])
        if review.text not in texts:
            texts.add(review.text)
            reviews.append(review)
    draw.shuffle(reviews)
    return reviews
