"""Files changed at random end in a result, dead letters, or one error of the reader's own."""

import random

import pytest

from benchmarks import mutations
from benchmarks.mutated_readers import READERS
from benchmarks.mutated_readers.mutated_reader import MutatedReader, Seed

# Many thousands are tried by `python -m benchmarks.mutations all`; these keep readers as they are.
NUMBER = 300


# Of the standard library's pickletools, over escapes in texts; of protobuf, over what it skips.
@pytest.mark.filterwarnings("ignore:invalid escape:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Unexpected end-group tag:RuntimeWarning")
@pytest.mark.parametrize("name", READERS)
def test_readers_keep_the_rule(name):
    summary = mutations.run(READERS[name], number=NUMBER, seed=0)
    assert not summary.broken, summary
    assert summary.read + summary.refused == NUMBER
    # What is damaged is noticed, and not everything is refused.
    assert summary.refused or name == "race"
    assert summary.read


@pytest.mark.parametrize("name", READERS)
def test_every_seed_is_read_as_it_is(name, tmp_path):
    for seed in READERS[name].seeds():
        path = tmp_path / seed.name
        path.parent.mkdir(exist_ok=True)
        for beside, content in seed.beside.items():
            (path.parent / beside).write_bytes(content)
        path.write_bytes(seed.pack(seed.content))
        counted = READERS[name].read(path)
        assert counted is None or counted[0] == counted[1] > 0


def reader(read, *, errors=(ValueError,)):
    return MutatedReader("mine", lambda: [Seed("mine.txt", b"some text, 12")], read, errors)


def raise_(error):
    raise error


def loop(_):
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "cause"),
    [
        (lambda path: raise_(KeyError("x")), "KeyError in test_mutations.py, raise_"),
        (lambda path: raise_(ValueError("?")), "a message without the file's name"),
        (lambda path: raise_(ValueError(f"{path}\ud800")), "cannot be printed"),
        (lambda path: raise_(ValueError(f"{path}" * 1000)), "nobody reads to its end"),
        (lambda path: (2, 1), "items in are not items out"),
        (lambda path: bytearray(2 << 30), "MemoryError"),
        (loop, "more than 0.2 s in test_mutations.py, loop"),
    ],
)
def test_what_breaks_the_rule_is_told_by_its_cause(monkeypatch, tmp_path, read, cause):
    monkeypatch.setattr(mutations, "_SECONDS", 0.2)
    summary = mutations.run(reader(read), number=2, seed=0, keep=tmp_path)
    assert [cause in found for found in summary.broken] == [True]
    assert list(summary.broken.values()) == [[0, 1]]
    assert len(list(tmp_path.iterdir())) == 1


def test_an_input_is_known_by_its_number():
    seen = []

    def read(path):
        seen.append(path.read_bytes())

    mutations.run(reader(read), number=50, seed=3)
    mutations.run(reader(read), number=20, seed=3, first=30)
    assert seen[50:] == seen[30:50]
    assert len(set(seen)) > 40
    # An unchanged input is rare, and chance alone decides.
    assert mutations.mutated(random.Random(1), b"abc") == mutations.mutated(
        random.Random(1), b"abc"
    )
