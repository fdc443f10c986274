import numpy as np
import pytest

from components import seeds
from components.preprocessing.pretraining import segments


def shorten_one_at_a_time(a_len: int, b_len: int, total: int) -> int:
    """The published loop."""
    while a_len + b_len > total:
        if a_len > b_len:
            a_len -= 1
        else:
            b_len -= 1
    return a_len


def test_shortening_in_closed_form_equals_the_loop():
    for total in (2, 5, 8, 13):
        for a_len in range(1, 30):
            for b_len in range(1, 30):
                if a_len + b_len >= total:
                    expected = shorten_one_at_a_time(a_len, b_len, total)
                    assert segments.shortened_a_len(a_len, b_len, total) == expected


def test_rows_of_each_core_are_half_forward_half_backward():
    # 2 cores of 4 rows: streams 0 1 | 0 1 backward, then streams 2 3 | 2 3 backward.
    rows = segments.lay_out_rows(
        np.arange(22, dtype=np.uint16),
        np.array([0, 3, 5, 10, 12, 19, 21]),
        batch_size=8,
        num_cores=2,
        bi_data=True,
    )

    np.testing.assert_array_equal(
        rows.ids,
        [
            [0, 1, 2, 3, 4],
            [5, 6, 7, 8, 9],
            [4, 3, 2, 1, 0],
            [9, 8, 7, 6, 5],
            [10, 11, 12, 13, 14],
            [15, 16, 17, 18, 19],
            [14, 13, 12, 11, 10],
            [19, 18, 17, 16, 15],
        ],
    )
    assert rows.backward.tolist() == [False, False, True, True] * 2
    # Sentences begin at 3, 12 and 19; those at a row's first token are no cuts. Backward, the
    # boundary between 2 and 3 lies before position 2, between 11 and 12 before 3, between 18
    # and 19 before 1.
    assert rows.cuts.tolist() == [3, 2 * 5 + 2, 4 * 5 + 2, 5 * 5 + 4, 6 * 5 + 3, 7 * 5 + 1]


def test_rows_without_backward_ones():
    rows = segments.lay_out_rows(
        np.arange(7), np.array([0, 4]), batch_size=2, num_cores=1, bi_data=False
    )

    np.testing.assert_array_equal(rows.ids, [[0, 1, 2], [3, 4, 5]])
    assert rows.cuts.tolist() == [4]
    assert not rows.backward.any()


@pytest.mark.parametrize(("row_len", "expected"), [(15, 0), (16, 1), (21, 1), (22, 2), (28, 3)])
def test_number_of_batches(row_len, expected):
    # range(0, row_len - 16 + 1, 6)
    assert segments.num_batches(row_len, seq_len=16, reuse_len=6) == expected


def choose_slowly(row, cuts, begin, ab_len, draws):
    """The published `_split_a_and_b` for one record, on the sentence parity of each token."""
    parity = np.zeros(len(row), bool)
    for cut in cuts:
        parity[cut:] = ~parity[cut:]
    # One token is kept back for the target, also where the published code would give up.
    last = len(row) - 1
    end, cut_points = begin + 1, []
    while end < last:
        if parity[end] != parity[end - 1]:
            if end - begin >= ab_len:
                break
            cut_points.append(end)
        end += 1
    a_end = cut_points[int(draws[1] * len(cut_points))] if cut_points else end
    if not cut_points or draws[0] < 0.5:
        label = 0
        b_len = max(1, ab_len - (a_end - begin))
        b_begin = int(draws[2] * (last - b_len + 1))
        b_end = b_begin + b_len
        while b_begin > 0 and parity[b_begin - 1] == parity[b_begin]:
            b_begin -= 1
        while b_end < last and parity[b_end - 1] == parity[b_end]:
            b_end += 1
    else:
        label, b_begin, b_end = 1, a_end, end
    a_len = shorten_one_at_a_time(a_end - begin, b_end - b_begin, ab_len)
    return a_len, b_begin, ab_len - a_len, label


@pytest.mark.parametrize("mean_sentence", [3, 12, 60])
def test_segments_equal_a_walk_token_by_token(mean_sentence):
    draws = np.random.default_rng(mean_sentence)
    lens = draws.integers(1, 2 * mean_sentence, size=400)
    starts = np.cumsum(lens) - lens
    ids = np.arange(lens.sum(), dtype=np.uint32)
    rows = segments.lay_out_rows(ids, starts, batch_size=6, num_cores=1, bi_data=True)
    seq_len, reuse_len, ab_len = 40, 13, 24
    batches = range(segments.num_batches(rows.row_len, seq_len=seq_len, reuse_len=reuse_len))

    chosen = segments.choose_segments(
        rows,
        batches,
        seq_len=seq_len,
        reuse_len=reuse_len,
        ab_len=ab_len,
        generator=seeds.generator(5, "test"),
    )

    tape = seeds.generator(5, "test").random((3, len(batches) * 6))
    for index in range(tape.shape[1]):
        batch, row = divmod(index, 6)
        assert (chosen.row[index], chosen.begin[index]) == (row, batch * reuse_len)
        cuts = rows.cuts[rows.cuts // rows.row_len == row] % rows.row_len
        begin = batch * reuse_len + reuse_len
        expected = choose_slowly(rows.ids[row], cuts, begin, ab_len, tape[:, index])
        actual = (chosen.a_len, chosen.b_begin, chosen.b_len, chosen.label)
        assert tuple(int(value[index]) for value in actual) == expected
