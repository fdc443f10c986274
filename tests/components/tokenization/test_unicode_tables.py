import re
import sys

import pytest

from components.tokenization import unicode_tables

EVERY_CHARACTER = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]


def _look_up(table, character):
    page = table.pages[table.page_of[ord(character) // unicode_tables.PAGE_SIZE]]
    entry = page[ord(character) % unicode_tables.PAGE_SIZE]
    if entry == 0:
        return character
    start = table.starts[entry]
    return "".join(map(chr, table.values[start : start + table.lengths[entry]]))


@pytest.mark.parametrize(
    ("character", "cased", "uncased"),
    [
        ("a", "a", "a"),
        ("B", "B", "b"),
        ("é", "e", "e"),
        ("ﬁ", "fi", "fi"),
        ("İ", "I", "i"),
        ("\u0301", "", ""),
        ("한", "\u1112\u1161\u11ab", "\u1112\u1161\u11ab"),
        ("Σ", "Σ", "Σ"),
        ("𝚺", "Σ", "Σ"),
        ("😀", "😀", "😀"),
        ("\uffff", "\U0010fffd", "\U0010fffd"),
    ],
)
def test_character_map(character, cased, uncased):
    for is_uncased, expected in ((False, cased), (True, uncased)):
        table = unicode_tables.make_character_map(uncased=is_uncased, keep_accents=False)
        assert _look_up(table, character) == expected


def test_accents_can_be_kept():
    table = unicode_tables.make_character_map(uncased=True, keep_accents=True)
    assert _look_up(table, "É") == "é"
    assert _look_up(table, "İ") == "i\u0307"


def test_whitespace_is_what_split_takes_for_it():
    pattern = re.compile(f"[{_in_pythons_notation(unicode_tables.whitespace_class())}]")
    for character in EVERY_CHARACTER:
        assert bool(pattern.match(character)) == (not character.split())


def _in_pythons_notation(inside_brackets: str) -> str:
    return re.sub(
        r"\\x\{([0-9a-f]+)\}", lambda match: rf"\U{int(match[1], 16):08x}", inside_brackets
    )


def test_classes_of_the_final_sigma():
    cased, ignorable = (
        re.compile(f"[{_in_pythons_notation(inside)}]")
        for inside in unicode_tables.final_sigma_classes()
    )
    # Cased letters; cased and ignorable at once (ʰ, U+0345) counts as ignorable.
    assert all(cased.match(c) for c in "aZéΣⅷ")
    assert not any(cased.match(c) for c in "1 ,日ʰ\u0345\u0301")
    assert all(ignorable.match(c) for c in "'.:\u0301\u00adʰ\u0345")
    assert not any(ignorable.match(c) for c in "a1 ,日")
