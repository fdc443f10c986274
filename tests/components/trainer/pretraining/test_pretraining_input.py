import numpy as np
import pytest

from components import tf_examples, tfrecords
from components.manifest import Manifest, ManifestError
from components.trainer.pretraining.permutation_config import PermutationError
from components.trainer.pretraining.pretraining_input import (
    PretrainingInput,
    PretrainingInputConfig,
)
from components.trainer.pretraining.pretraining_schedule import Corpus, PretrainingInputError

ROWS, SEQ_LEN, REUSE_LEN = 4, 16, 8


def write_corpus(directory, sizes, *, first_file=0, rows=ROWS, num_cores=1, num_predict=None):
    """Records whose first tokens say which file (from 100), batch (200) and row (300) they are."""
    shards, counts = [], {}
    for number, num_batches in enumerate(sizes, start=first_file):
        name = f"Split-train/{number}.tfrecord"
        records = []
        for batch in range(num_batches):
            for row in range(rows):
                inputs = [100 + number, 200 + batch, 300 + row, *range(10, 10 + SEQ_LEN - 3)]
                # 3 masked tokens, 5 in the last row of each batch.
                masked = range(3, 8 if row == rows - 1 else 6)
                records.append(
                    tf_examples.encode(
                        {
                            "input": inputs,
                            "target": [*inputs[1:], 9],
                            "seg_id": [0] * SEQ_LEN,
                            "is_masked": [int(i in masked) for i in range(SEQ_LEN)],
                            "label": [1],
                        }
                    )
                )
        tfrecords.write_records(str(directory / name), records)
        shards.append(name)
        counts[f"records_of/{name}"] = len(records)
        counts[f"max_masked_of/{name}"] = 5
    Manifest(
        record_type="pretraining",
        parameters={
            "batch_size": rows,
            "seq_len": SEQ_LEN,
            "reuse_len": REUSE_LEN,
            "bi_data": True,
            "num_cores": num_cores,
            "num_predict": num_predict,
            "uncased": False,
        },
        vocabulary_sha256="0" * 64,
        shards={"train": shards},
        counts=counts,
    ).write(str(directory))
    return Corpus(str(directory))


def make_input(*corpora, **overrides) -> PretrainingInput:
    return PretrainingInput(
        PretrainingInputConfig(
            **{
                "corpora": corpora,
                "split": "train",
                "batch_size": ROWS,
                "seq_len": SEQ_LEN,
                "reuse_len": REUSE_LEN,
                "bi_data": True,
                "perm_size": 4,
                "num_predict": None,
                "seed": 1,
                **overrides,
            }
        )
    )


def read(dataset):
    return [{name: value.numpy() for name, value in batch.items()} for batch in dataset]


def places(batch) -> list[tuple[int, int, int]]:
    """(file, batch, row) of each row."""
    return [tuple(row) for row in (batch["input_k"][:, :3] - [100, 200, 300]).tolist()]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_rows_continue_the_batch_before(tmp_path):
    reader = make_input(write_corpus(tmp_path, [3, 5, 2]))

    batches = read(reader.training(num_steps=20))

    assert len(batches) == 20
    previous = None
    for batch in batches:
        found = places(batch)
        assert [row for _, _, row in found] == [0, 1, 2, 3]
        assert len({(file, index) for file, index, _ in found}) == 1
        file, index, _ = found[0]
        assert batch["continues"].tolist() == [index > 0] * ROWS
        if index > 0:
            assert previous == (file, index - 1)
        previous = (file, index)
    first_epoch = {places(batch)[0][:2] for batch in batches[:10]}
    assert len(first_epoch) == 10


def test_features_are_what_the_model_takes(tmp_path):
    reader = make_input(write_corpus(tmp_path, [3]))
    dataset = reader.training(num_steps=2)

    # A free number of predictions: padded to the most in any record.
    assert reader.num_predict == 5
    assert {name: tuple(spec.shape) for name, spec in dataset.element_spec.items()} == {
        "input_k": (4, 16),
        "input_q": (4, 16),
        "seg_id": (4, 16),
        "label": (4,),
        "perm_mask": (4, 16, 16),
        "target": (4, 5),
        "target_mask": (4, 5),
        "target_positions": (4, 5),
        "continues": (4,),
    }
    batch = read(dataset)[0]
    assert batch["target_positions"].tolist() == [[3, 4, 5, -1, -1]] * 3 + [[3, 4, 5, 6, 7]]
    assert batch["target"].tolist() == [[10, 11, 12, 0, 0]] * 3 + [[10, 11, 12, 13, 14]]


def test_too_few_held_out_files_for_the_replicas_are_an_error_with_the_cure(tmp_path):
    reader = make_input(write_corpus(tmp_path, [3]))
    reader.check_evaluation(2)
    with pytest.raises(PretrainingInputError, match=r"held-out split supplies 4 rows: .* shards"):
        reader.check_evaluation(4)


@pytest.mark.parametrize("first_step", [1, 4, 11])
def test_a_resumed_run_sees_the_same(tmp_path, first_step):
    corpus = write_corpus(tmp_path, [3, 5, 2])
    whole = read(make_input(corpus).training(num_steps=15))

    resumed = read(make_input(corpus).training(num_steps=15, first_step=first_step))

    assert_equal(resumed, whole[first_step:])
    masks = [batch["perm_mask"].tobytes() for batch in whole]
    assert len(set(masks)) == len(masks), "a permutation was drawn twice"


@pytest.mark.parametrize(("batch_size", "num_hosts"), [(4, 2), (12, 3), (8, 4)])
def test_hosts_together_feed_the_global_batch(tmp_path, batch_size, num_hosts):
    corpus = write_corpus(tmp_path, [3, 5, 2, 4])
    reader = make_input(corpus, batch_size=batch_size)
    whole = read(reader.training(num_steps=9, num_replicas=num_hosts))

    hosts = [
        read(reader.training(num_steps=9, host=host, num_hosts=num_hosts))
        for host in range(num_hosts)
    ]

    together = [
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for parts in zip(*hosts, strict=True)
    ]
    assert_equal(together, whole)
    # On one device all rows run forward before any runs backward; their steps are the same.
    for one, other in zip(read(reader.training(num_steps=9)), whole, strict=True):
        assert sorted(places(one)) == sorted(places(other))


@pytest.mark.parametrize(
    ("num_cores", "num_replicas", "expected"),
    [
        # Of the 4 rows of a file, 0 and 1 run forward if they were laid out for one core; for two
        # cores it is 0 and 2. Files and rows, replica by replica.
        (1, 1, "a0 a1 b0 b1 a2 a3 b2 b3"),
        (1, 2, "a0 a1 a2 a3 b0 b1 b2 b3"),
        (1, 4, "a0 a2 a1 a3 b0 b2 b1 b3"),
        (2, 1, "a0 a2 b0 b2 a1 a3 b1 b3"),
        (2, 2, "a0 a2 a1 a3 b0 b2 b1 b3"),
        (2, 4, "a0 a1 a2 a3 b0 b1 b2 b3"),
    ],
)
def test_each_replica_has_forward_rows_before_backward_ones(
    tmp_path, num_cores, num_replicas, expected
):
    corpus = write_corpus(tmp_path, [3, 3], num_cores=num_cores)
    reader = make_input(corpus, batch_size=8)

    batches = read(reader.training(num_steps=3, num_replicas=num_replicas))

    for batch in batches:
        found = places(batch)
        first = found[0][0]
        text = " ".join(f"{'a' if file == first else 'b'}{row}" for file, _, row in found)
        assert text == expected


def test_corpora_are_mixed_by_files(tmp_path):
    first = write_corpus(tmp_path / "a", [2] * 4)
    second = write_corpus(tmp_path / "b", [2] * 4, first_file=50)
    second = Corpus(second.directory, 0.25)

    batches = read(make_input(first, second).training(num_steps=40))

    from_second = sum(places(batch)[0][0] >= 50 for batch in batches)
    assert from_second == pytest.approx(40 * 0.2, abs=2)


def test_evaluation_reads_everything_once_and_in_order(tmp_path):
    reader = make_input(write_corpus(tmp_path, [3, 1]))

    batches = read(reader.evaluation())

    assert [places(batch)[0][:2] for batch in batches] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert_equal(read(reader.evaluation()), batches)


def test_what_does_not_fit_is_refused_before_anything_is_read(tmp_path):
    corpus = write_corpus(tmp_path / "a", [2])
    other = write_corpus(tmp_path / "b", [2], rows=2)

    with pytest.raises(ManifestError, match=r"bi_data: .*True.*False.*; uncased: .*False.*True"):
        make_input(corpus, bi_data=False, expected={"uncased": True})
    with pytest.raises(ManifestError, match="num_predict"):
        make_input(corpus, num_predict=4)
    with pytest.raises(PretrainingInputError, match=r"batch_size is 6.*4 rows"):
        make_input(corpus, batch_size=6)
    with pytest.raises(PretrainingInputError, match=r"\[2, 4\]"):
        make_input(corpus, other)
    with pytest.raises(PretrainingInputError, match="corpora is empty"):
        make_input()
    with pytest.raises(PermutationError, match="perm_size is 9"):
        make_input(corpus, perm_size=9)
    with pytest.raises(PretrainingInputError, match=r"2 forward .* among 3 replicas on 3 hosts"):
        make_input(corpus).training(num_steps=1, num_hosts=3)
    with pytest.raises(PretrainingInputError, match="host is 2"):
        make_input(corpus).training(num_steps=1, host=2, num_hosts=2)


def test_an_input_shrinks_to_what_replicas_can_share(tmp_path):
    reader = make_input(write_corpus(tmp_path, [1, 1, 1]), batch_size=12)
    # Files of 4 rows, and as many forward as backward rows for each replica.
    sizes = {number: reader.shared_by(number).config.batch_size for number in (1, 2, 3, 4, 6, 8)}
    assert sizes == {1: 12, 2: 12, 3: 12, 4: 8, 6: 12, 8: 12}
    shared = reader.shared_by(4)
    shared.check_evaluation(4)
    (batch,) = read(shared.evaluation(num_replicas=4))
    assert len(batch["continues"]) == 8
    with pytest.raises(PretrainingInputError, match="8 replicas cannot share"):
        reader.shared_by(8).check_evaluation(8)
