import numpy as np
import pytest

from components import tf_examples
from components.preprocessing.pretraining import segments, serialization


@pytest.mark.parametrize("vocabulary_size", [100, 32_000, 3_000_000])
def test_records_are_what_the_protocol_buffer_library_writes(vocabulary_size):
    draws = np.random.default_rng(0)
    ids = draws.integers(0, vocabulary_size, size=400, dtype=np.uint32)
    rows = segments.lay_out_rows(ids, np.array([0]), batch_size=2, num_cores=1, bi_data=False)
    seq_len, reuse_len = 160, 70
    # A has 40 tokens and B 47, the second B from the very beginning of its row.
    chosen = segments.Segments(
        row=np.array([0, 1]),
        begin=np.array([3, 39]),
        a_len=np.array([40, 1]),
        b_begin=np.array([152, 0]),
        b_len=np.array([47, 86]),
        label=np.array([1, 0]),
    )
    is_masked = draws.random((2, seq_len)) < 0.2

    records = list(
        serialization.serialize(
            serialization.EncodedRows(rows), chosen, is_masked, reuse_len=reuse_len
        )
    )

    for index, record in enumerate(records):
        row = rows.ids[index].tolist()
        begin, a_len = int(chosen.begin[index]), int(chosen.a_len[index])
        b_begin, b_len = int(chosen.b_begin[index]), int(chosen.b_len[index])
        a_end = begin + reuse_len + a_len
        expected = {
            "input": [*row[begin:a_end], 4, *row[b_begin : b_begin + b_len], 4, 3],
            "target": [*row[begin + 1 : a_end + 1], *row[b_begin : b_begin + b_len + 1], 3, 3],
            "seg_id": [0] * (reuse_len + a_len + 1) + [1] * (b_len + 1) + [2],
            "is_masked": is_masked[index].astype(int).tolist(),
            "label": [int(chosen.label[index])],
        }
        assert tf_examples.decode(record) == expected
        assert record == tf_examples.encode(expected)
