import pytest

from components.preprocessing.question_answering.config import WindowConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 1, 1), "max_seq_length must be a positive integer, not 0"),
        ((64, 1.5, 8), "doc_stride must be a positive integer, not 1.5"),
        ((64, 16, True), "max_query_length must be a positive integer, not True"),
        ((67, 16, 64), r"max_seq_length \(67\) leaves no room .* max_query_length \(64\)"),
    ],
)
def test_impossible_lengths_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        WindowConfig(*values)


def test_room_for_one_token_is_enough():
    assert WindowConfig(68, 1, 64).max_seq_length == 68
