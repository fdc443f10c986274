import pytest

from components import configuration
from components.configuration import ConfigurationError
from components.preprocessing.question_answering.config import WindowConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 1, 1), "max_seq_length must be positive, but is 0"),
        ((64, 1.5, 8), "doc_stride should be of type int, but is 1.5"),
        ((64, 16, True), "max_query_length should be of type int, but is True"),
        ((67, 16, 64), r"max_seq_length \(67\) leaves no room .* max_query_length \(64\)"),
    ],
)
def test_impossible_lengths_are_refused(values, message):
    names = ("max_seq_length", "doc_stride", "max_query_length")
    with pytest.raises(ConfigurationError, match=message):
        configuration.build(WindowConfig, dict(zip(names, values, strict=True)))


def test_room_for_one_token_is_enough():
    assert WindowConfig(68, 1, 64).max_seq_length == 68
