import numpy as np
import pytest

from components import tf_examples
from components.span_decoding import window_outputs

FEATURES = {
    "qas_id": ["q\ud83d".encode(errors="surrogatepass")],
    "unique_ids": [(1 << 62) + 5],
    "paragraph_len": [2],
    "tok_start_to_orig_index": [7, 9, 0, 0],
    "tok_end_to_orig_index": [8, 12, 0, 0],
    "token_is_max_context": [0, 1, 0, 0],
}


def outputs(value):
    return {name: np.full(() if name == "cls_logits" else 1, value) for name in NAMES}


NAMES = window_outputs.SPAN_OUTPUTS


def test_a_record_gives_what_decoding_needs_without_its_padding():
    window = window_outputs.read_window(tf_examples.encode(FEATURES))
    assert (window.question_id, window.unique_id) == ("q\ud83d", (1 << 62) + 5)
    assert window.tok_start_to_orig_index.tolist() == [7, 9]
    assert window.tok_end_to_orig_index.tolist() == [8, 12]
    assert window.token_is_max_context.tolist() == [False, True]


def test_a_training_record_is_refused():
    features = {"unique_ids": [1], "start_positions": [3]}
    with pytest.raises(window_outputs.RecordsMismatchError, match="'paragraph_len'"):
        window_outputs.read_window(tf_examples.encode(features))


def test_windows_come_in_the_order_of_the_paragraph():
    def window(start):
        changes = {"tok_start_to_orig_index": [start, start + 2, 0, 0]}
        return window_outputs.read_window(tf_examples.encode({**FEATURES, **changes}))

    shuffled = [(window(start), outputs(float(start))) for start in (40, 0, 300, 7)]
    ordered = window_outputs.in_paragraph_order(shuffled)
    assert [output.cls_logit for output in ordered] == [0.0, 7.0, 40.0, 300.0]


def test_outputs_are_joined_by_row_and_checked_by_id():
    windows = [
        window_outputs.read_window(tf_examples.encode({**FEATURES, "unique_ids": [number]}))
        for number in (1 << 40, (1 << 40) + 1)
    ]
    rows = {name: np.array([10.0, 20.0]) for name in NAMES}
    ids = np.array([1 << 40, (1 << 40) + 1]).astype(np.int32)
    joined = window_outputs.join_in_record_order(windows, {**rows, "unique_ids": ids})
    assert [output.cls_logit for output in joined] == [10.0, 20.0]
    with pytest.raises(window_outputs.RecordsMismatchError, match="2 records"):
        window_outputs.join_in_record_order(windows, {**rows, "unique_ids": ids[::-1]})
