import fnmatch
import itertools
import re

import pytest

from components.files import glob_patterns


def test_without_slashes_it_is_what_fnmatch_says():
    names = ["".join(letters) for n in range(4) for letters in itertools.product("ab-]", repeat=n)]
    for pattern in ("a*", "*b", "a?b", "[ab]*", "[!a]*", "[a-b]", "[]a]*", "[!]]*", "a[", "*[-]*"):
        expression = re.compile(glob_patterns.to_expression(pattern), re.S)
        ours = [name for name in names if expression.fullmatch(name)]
        assert ours == [name for name in names if fnmatch.fnmatchcase(name, pattern)], pattern


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.txt", "a/b.txt", False),
        ("**.txt", "a/b.txt", True),
        ("a?b", "a/b", False),
        ("*/b", "a/b", True),
        ("a.txt", "aXtxt", False),
        ("[^a]", "b", False),
        ("[*]", "*", True),
        ("*.txt", "a\n.txt", True),
    ],
)
def test_slashes_and_special_characters(pattern, path, expected):
    found = re.fullmatch(glob_patterns.to_expression(pattern), path, re.S)
    assert bool(found) == expected
