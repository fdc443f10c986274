import random

import numpy as np
import pytest

from components.preprocessing.question_answering.alignment import align
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.windows import (
    ParagraphWindows,
    Target,
    max_context,
    span_places,
)

# Ids of the special tokens as the published vocabulary has them.
CLS, SEP = 3, 4


def _maker(num_pieces, config):
    # Every piece is one letter, with a space before the first.
    pieces = ["▁a", *"b" * (num_pieces - 1)]
    alignment = align("a" + "b" * (num_pieces - 1), pieces, uncased=False)
    return ParagraphWindows(range(100, 100 + num_pieces), alignment, config)


def test_a_window_is_paragraph_question_cls():
    maker = _maker(3, WindowConfig(12, 4, 3))
    (window,) = maker.windows([20, 21, 22, 23], answer_pieces=(1, 2), for_training=True)
    assert window.input_ids.tolist() == [100, 101, 102, SEP, 20, 21, 22, SEP, CLS, 0, 0, 0]
    assert window.layout.segment_ids.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3]
    assert window.layout.p_mask.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1]
    assert window.layout.input_mask.tolist() == [0] * 9 + [1] * 3
    assert window.layout.cls_index == 8
    assert window.target == Target(1, 2, is_impossible=False)
    assert window.span.length == 3
    assert window.span.tok_start_to_orig_index.tolist() == [0, 1, 2] + [0] * 9
    assert window.span.tok_end_to_orig_index.tolist() == [0, 1, 2] + [0] * 9
    assert window.span.token_is_max_context.tolist() == [1] * 3 + [0] * 9


def test_long_paragraphs_get_several_windows():
    # Room for 11 - 2 - 3 = 6 pieces; the next window begins 4 later.
    maker = _maker(12, WindowConfig(11, 4, 3))
    windows = list(maker.windows([20, 21], answer_pieces=(6, 7), for_training=True))
    assert [(w.span.index, w.span.start, w.span.length) for w in windows] == [
        (0, 0, 6),
        (1, 4, 6),
        (2, 8, 4),
    ]
    assert [w.input_ids[: w.span.length].tolist() for w in windows] == [
        list(range(100, 106)),
        list(range(104, 110)),
        list(range(108, 112)),
    ]
    # The answer lies in the second window alone; elsewhere CLS is the answer.
    assert [w.target for w in windows] == [
        Target(10, 10, is_impossible=True),
        Target(2, 3, is_impossible=False),
        Target(8, 8, is_impossible=True),
    ]
    # Piece 4 has min(4, 1) to the sides in the first window and min(0, 5) in the second, piece 5
    # min(5, 0) and min(1, 4); piece 8: min(4, 1) against min(0, 3); piece 9: min(5, 0) against
    # min(1, 2).
    assert [w.span.token_is_max_context[: w.span.length].tolist() for w in windows] == [
        [1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 1, 1],
    ]


def test_an_answer_across_the_edge_is_impossible():
    maker = _maker(12, WindowConfig(11, 6, 3))
    windows = list(maker.windows([20, 21], answer_pieces=(5, 6), for_training=True))
    assert [w.target.is_impossible for w in windows] == [True, True]


def test_few_rooms_are_kept():
    paragraph = _maker(100, WindowConfig(40, 20, 20))
    expected = [list(paragraph.windows([9] * n, for_training=False)) for n in range(20)]
    assert len(paragraph._spans) == 2
    for number, windows in enumerate(expected):
        again = paragraph.windows([9] * number, for_training=False)
        for first, second in zip(windows, again, strict=True):
            np.testing.assert_array_equal(first.input_ids, second.input_ids)


def test_questions_of_other_lengths_leave_other_room():
    maker = _maker(12, WindowConfig(20, 4, 10))
    assert len(list(maker.windows([20], for_training=False))) == 1
    assert len(list(maker.windows([20] * 9, for_training=False))) == 2
    (first,) = maker.windows([20], for_training=False)
    (second,) = maker.windows([20, 21], for_training=False)
    assert first.span is second.span
    assert first.target is None


def test_an_empty_paragraph_and_question_get_a_window():
    maker = ParagraphWindows([], None, WindowConfig(8, 4, 3))
    (window,) = maker.windows([], for_training=True)
    assert window.input_ids.tolist() == [SEP, SEP, CLS, 0, 0, 0, 0, 0]
    assert window.layout.p_mask.tolist() == [1, 1, 0, 1, 1, 1, 1, 1]
    assert window.target == Target(2, 2, is_impossible=True)
    assert window.span.length == 0


def test_shared_arrays_cannot_be_changed():
    (window,) = _maker(3, WindowConfig(12, 4, 3)).windows([20], for_training=False)
    for array in (window.layout.p_mask, window.span.tok_start_to_orig_index):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def _best_window(places, piece):
    """The rule, piece by piece: the larger context on the shorter side, then length, then order."""
    scores = [
        (min(piece - start, start + length - 1 - piece) + 0.01 * length, -window)
        for window, (start, length) in enumerate(places)
        if start <= piece < start + length
    ]
    return -max(scores)[1]


def test_windows_cover_everything_and_each_piece_has_one_best_window():
    rng = random.Random(2)
    for _ in range(300):
        num_pieces, room, stride = rng.randint(1, 80), rng.randint(1, 30), rng.randint(1, 40)
        places = span_places(num_pieces, room, stride)
        covered = {p for start, length in places for p in range(start, start + length)}
        assert covered == set(range(num_pieces))
        assert all(length <= room for _, length in places)
        flags = max_context(places, num_pieces)
        for window, ((start, length), is_max) in enumerate(zip(places, flags, strict=True)):
            expected = [_best_window(places, start + i) == window for i in range(length)]
            np.testing.assert_array_equal(is_max, expected)
