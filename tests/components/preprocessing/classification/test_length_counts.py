import collections

import numpy as np

from components.preprocessing.classification import length_counts


def counted(*batches, seq_len=16) -> dict[str, int]:
    """Counts of texts that are cut to the length of a record, and of nothing else."""
    counts = collections.Counter()
    for num_tokens, num_unknown in batches:
        num_tokens, num_unknown = np.array(num_tokens), np.array(num_unknown)
        num_kept = np.minimum(num_tokens, seq_len)
        counts.update(length_counts.count(num_tokens, num_kept, num_unknown, seq_len=seq_len))
    return length_counts.for_manifest({"train": {**counts, "labels/no": 1}})


def test_what_is_counted_in_batches_is_read_from_the_manifest():
    counts = counted(([3, 4, 5, 16], [0, 1, 0, 2]), ([17, 32, 33, 900], [0, 0, 0, 16]))
    assert all(isinstance(number, int) for number in counts.values())
    assert "train/labels/no" not in counts
    found = length_counts.read(counts, "train", seq_len=16)
    # Bins of two tokens, up to two records; 5 is in the bin up to 6, 16 fits, 17 is cut.
    assert found.bounds == tuple(range(2, 33, 2))
    expected = dict.fromkeys(range(16), 0) | {1: 2, 2: 1, 7: 1, 8: 1, 15: 1, 16: 2}
    assert found.numbers == tuple(expected.get(index, 0) for index in range(17))
    assert (found.num_examples, found.num_cut) == (8, 4)
    assert (found.num_tokens, found.num_unknown) == (3 + 4 + 5 + 5 * 16, 19)


def test_quantiles_are_bounds_that_so_many_do_not_exceed():
    found = length_counts.read(counted(([1] * 6 + [9] * 3 + [99], [0] * 10)), "train", seq_len=16)
    assert found.quantile(0.5) == 2
    assert found.quantile(0.9) == 10
    assert found.quantile(0.95) is None


def test_a_short_record_has_fewer_bins_and_other_splits_none():
    assert length_counts.bounds(3) == (1, 2, 3, 4, 5, 6)
    assert length_counts.read(counted(([3], [0])), "eval", seq_len=16) is None
