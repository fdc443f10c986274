import pytest

from components.tokenization import comma_rule


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("▁2000,", True),
        ("5,", True),
        ("²,", True),
        ("½,", False),
        (",", False),
        ("▁,", False),
        ("a,", False),
        ("5", False),
        ("", False),
    ],
)
def test_applies_to(piece, expected):
    assert comma_rule.applies_to(piece) is expected


@pytest.mark.parametrize(
    ("piece", "segmentation", "expected"),
    [
        # The piece begins a word, so does its number.
        ("▁2000,", ["▁2", "000"], ["▁2", "000", ","]),
        # Within a word the space in front of the number is taken away,
        ("2000,", ["▁2", "000"], ["2", "000", ","]),
        # with the piece that is nothing but this space,
        ("2000,", ["▁", "2000"], ["2000", ","]),
        # and only if there is one.
        ("2000,", ["2", "000"], ["2", "000", ","]),
        ("▁2000,", ["▁", "2000"], ["▁", "2000", ","]),
    ],
)
def test_split(piece, segmentation, expected):
    asked = []

    def encode(text):
        asked.append(text)
        return list(segmentation)

    assert comma_rule.split(piece, encode) == expected
    assert asked == ["2000"]
