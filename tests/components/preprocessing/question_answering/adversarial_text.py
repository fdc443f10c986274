"""Paragraphs whose characters and the characters of their normalised form are not one to one."""

import random
import unicodedata
from collections.abc import Iterator

WORDS = [
    *("'''", "''", "'", "``", "`", "```", "''''", '"', "\u2057", "\u2033", "\u2032"),
    *("\u2167", "VIII", "I", "\u2163", "\u2177", "viii", "\u0132", "IJ", "\u01c6"),
    *("\u338f", "kg", "\ufb01", "fi", "ffi", "\ufb03", "f", "\ufb00", "\u2103", "\u212b"),
    *("\u00bd", "1\u20442", "1", "2", "\u00b2", "10\u00b2", "\u2460", "\u247d", "(10)", "\u2488"),
    *("\u2026", "...", ".", "\u2025", "\u2116", "No", "\u2122", "TM", "\u337f", "\ufdfa"),
    *("e\u0301", "\u00e9", "\u00a8", "\u0301", "a\u0308", "\u0130", "\u0149", "\u02bcn", "\u0344"),
    *("\ud55c", "\u30a2", "\uff71", "\uff9e", "\u0e44\u0e19\u0e49", "\u00df", "\ufffd"),
    *("\ufdd0", "\uffff", "\U0010fffd"),
    *("the", "cat", "dog", "sat", "\u00a0", "\u3000", "\t", "\u200b", "\ufeff"),
]


def adversarial_paragraphs(rng: random.Random, number: int) -> Iterator[str]:
    """Paragraphs that end in a word of ASCII."""
    for _ in range(number):
        words = [rng.choice(WORDS) + rng.choice(["", " "]) for _ in range(rng.randint(1, 14))]
        yield "".join(words) + " end"


def random_answers(rng: random.Random, text: str, number: int) -> Iterator[tuple[int, int]]:
    """First and last character of answers in front of the last word, of which something is seen."""
    size = len(text) - len(" end")
    for _ in range(number):
        start = rng.randrange(size)
        end = min(size - 1, start + rng.randrange(10))
        if visible(text[start : end + 1]):
            yield start, end


def visible(text: str) -> str:
    """What is seen of a text, without marks."""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "CZM")
