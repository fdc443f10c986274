import collections
import itertools

import pytest

from components.manifest import Manifest, ManifestError
from components.trainer.pretraining import pretraining_schedule
from components.trainer.pretraining.pretraining_schedule import (
    Corpus,
    CorpusFiles,
    PretrainingInputError,
    RecordFile,
    Visit,
)


def make_corpus(name: str, sizes: list[int], weight: float = 1.0) -> CorpusFiles:
    files = tuple(RecordFile(f"{name}{index}", size) for index, size in enumerate(sizes))
    return CorpusFiles(files, weight, 3, {"batch_size": 4})


def expand(visits: list[Visit]) -> list[tuple[str, int]]:
    return [
        (visit.path, visit.first_batch + batch)
        for visit in visits
        for batch in range(visit.num_batches)
    ]


def schedule(corpora, *, first=0, last, num_lanes=1, lane=0, seed=1):
    return expand(
        pretraining_schedule.steps(
            corpora,
            num_lanes=num_lanes,
            lane=lane,
            seed=seed,
            first_step=first,
            last_step=last,
        )
    )


def test_every_epoch_reads_every_batch_once_in_another_order_of_files():
    corpus = make_corpus("a", [3, 1, 4, 2])
    steps = schedule([corpus], last=30)

    epochs = [steps[begin : begin + 10] for begin in (0, 10, 20)]
    for epoch in epochs:
        assert sorted(epoch) == [(f"a{i}", b) for i, n in enumerate([3, 1, 4, 2]) for b in range(n)]
        # Inside a file the order is kept.
        for _, group in itertools.groupby(epoch, key=lambda step: step[0]):
            batches = [batch for _, batch in group]
            assert batches == list(range(len(batches)))
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert schedule([corpus], last=30, seed=2) != steps


@pytest.mark.parametrize("first", [0, 1, 7, 29, 30])
def test_a_resumed_run_goes_on_where_it_was(first):
    corpora = [make_corpus("a", [3, 1, 4, 2]), make_corpus("b", [5, 5], 0.5)]

    whole = schedule(corpora, last=30, num_lanes=2, lane=1)

    assert schedule(corpora, first=first, last=30, num_lanes=2, lane=1) == whole[first:]


def test_lanes_share_the_files_of_an_epoch():
    corpus = make_corpus("a", [2] * 6)

    lanes = [schedule([corpus], last=4, num_lanes=3, lane=lane) for lane in range(3)]

    together = [step for lane in lanes for step in lane]
    assert len(set(together)) == len(together) == 12


def test_fewer_files_than_lanes_are_all_read():
    corpus = make_corpus("a", [2, 2])

    lanes = [schedule([corpus], last=12, num_lanes=3, lane=lane) for lane in range(3)]

    assert collections.Counter(path for lane in lanes for path, _ in lane) == {"a0": 18, "a1": 18}


def test_corpora_are_mixed_by_weight():
    corpora = [make_corpus("a", [5] * 10, 3.0), make_corpus("b", [2] * 30, 1.0)]

    steps = schedule(corpora, last=800)

    shares = collections.Counter(path[0] for path, _ in steps)
    # Never further from its weight than a file or two of each.
    assert abs(shares["b"] - 200) <= 7
    early = collections.Counter(path[0] for path, _ in steps[:40])
    assert abs(early["b"] - 10) <= 7


def test_one_epoch_reads_files_once_and_cuts_lanes_to_the_shortest():
    corpus = make_corpus("a", [5, 3, 3, 2])

    lanes = pretraining_schedule.one_epoch([corpus], num_lanes=2)

    # a0 → lane 0, a1 → lane 1, a2 → lane 1 (shorter), a3 → lane 0.
    assert lanes == [
        [Visit("a0", 0, 5), Visit("a3", 0, 1)],
        [Visit("a1", 0, 3), Visit("a2", 0, 3)],
    ]
    with pytest.raises(PretrainingInputError, match="5 lanes"):
        pretraining_schedule.one_epoch([corpus], num_lanes=5)


def write_manifest(directory, **overrides):
    Manifest(
        **{
            "record_type": "pretraining",
            "parameters": {"batch_size": 4, "seq_len": 16, "reuse_len": 8},
            "vocabulary_sha256": "abc",
            "shards": {"train": ["Split-train/x.tfrecord"], "eval": []},
            "counts": {
                "records_of/Split-train/x.tfrecord": 12,
                "max_masked_of/Split-train/x.tfrecord": 5,
            },
            **overrides,
        }
    ).write(str(directory))


def test_a_corpus_is_opened_from_its_manifest(tmp_path):
    write_manifest(tmp_path)

    found = pretraining_schedule.open_corpus(
        Corpus(str(tmp_path), 2.0), split="train", expected={"seq_len": 16}
    )

    assert found.files == (RecordFile(str(tmp_path / "Split-train/x.tfrecord"), 3),)
    assert (found.weight, found.max_masked, found.rows) == (2.0, 5, 4)


def test_what_does_not_fit_is_listed(tmp_path):
    write_manifest(tmp_path)
    corpus = Corpus(str(tmp_path))
    with pytest.raises(
        ManifestError, match=r"reuse_len: .* 8, .* 4; seq_len: .* 16, .* 32"
    ) as error:
        pretraining_schedule.open_corpus(
            corpus, split="train", expected={"seq_len": 32, "reuse_len": 4, "batch_size": 4}
        )
    assert str(tmp_path) in str(error.value)
    with pytest.raises(ManifestError, match="no records of the split 'eval'; it has train"):
        pretraining_schedule.open_corpus(corpus, split="eval", expected={})
    with pytest.raises(PretrainingInputError, match=r"weight 0\.0"):
        pretraining_schedule.open_corpus(Corpus(str(tmp_path), 0.0), split="train", expected={})
    with pytest.raises(ManifestError, match="holds no records"):
        pretraining_schedule.open_corpus(Corpus("/nowhere"), split="train", expected={})
    write_manifest(tmp_path, record_type="classification")
    with pytest.raises(ManifestError, match="record_type"):
        pretraining_schedule.open_corpus(corpus, split="train", expected={})
