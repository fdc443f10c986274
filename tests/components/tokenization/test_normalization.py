import gzip
import json

import pytest

from components.tokenization import normalization


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("  a\t\n b\x1c\x85\u2028\u3000c ", {}, "a b c"),
        ("``quoted'' ```", {}, '"quoted" "`'),
        ("'''", {}, "\"'"),
        ("Falsé ﬁnÅl ½", {}, "False finAl 1⁄2"),
        ("Falsé", {"keep_accents": True}, "Falsé"),
        ("İSTANBUL", {"uncased": True}, "istanbul"),
        ("ΟΔΟΣ ΣΑΣ Σ", {"uncased": True}, "οδος σας σ"),
        # The space that NFKD makes of it is not collapsed any more.
        ("a ¨b", {}, "a  b"),
        ("a  b ", {"collapse_whitespace": False}, "a  b "),
        ("", {}, ""),
        (" \u2003 ", {}, ""),
        ("a\ud800b", {}, "a\ufffdb"),
        (b"a\xff\xc3\xa9", {}, "a\ufffde"),
    ],
)
def test_normalize(text, options, expected):
    assert normalization.normalize(text, **options) == expected


@pytest.mark.golden
def test_normalize_as_the_reference(golden_root):
    checked = 0
    with gzip.open(golden_root / "tokenization" / "text_pieces.jsonl.gz", "rt") as lines:
        next(lines)
        for line in lines:
            row = json.loads(line)
            options = row["kwargs"]
            found = normalization.normalize(
                row["text"],
                uncased=options.get("lower", False),
                keep_accents=options.get("keep_accents", False),
                collapse_whitespace=options.get("remove_space", True),
            )
            assert found == row["preprocessed"], (row["text"], options)
            checked += 1
    assert checked == 1438 + 3 * 503
