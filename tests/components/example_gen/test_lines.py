"""Numbered lines against `bytes.splitlines`, and what happens to the very long ones."""

import bz2
import gzip
import io
import random
import tracemalloc

import pytest

from components.example_gen import lines
from components.example_gen.lines import Line


def _read(content, **arguments):
    return list(lines.read_lines(io.BytesIO(content), **{"max_bytes": 100, **arguments}))


def test_lines_have_numbers_and_offsets():
    assert _read(b"one\n\ntwo\r\nthree") == [
        Line(1, 0, b"one"),
        Line(2, 4, b""),
        Line(3, 5, b"two\r"),
        Line(4, 10, b"three"),
    ]
    assert _read(b"") == []
    assert _read(b"\n") == [Line(1, 0, b"")]


def test_chunks_make_no_difference():
    draw = random.Random(0)
    content = bytes(draw.choice(b"ab\n") for _ in range(2000))
    expected = [(number, line) for number, line in enumerate(content.rstrip(b"\n").split(b"\n"), 1)]
    for chunk_bytes in (1, 2, 3, 7, 100, 5000):
        found = _read(content, chunk_bytes=chunk_bytes)
        assert [(line.number, line.content) for line in found][: len(expected)] == expected
        for line in found:
            assert content[line.offset :].startswith(line.content)


@pytest.mark.parametrize("chunk_bytes", [1, 3, 10, 1000])
def test_too_long_lines_are_marked_and_the_next_ones_follow(chunk_bytes):
    content = b"short\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\n" + b"z" * 5000 + b"\nlast"
    found = _read(content, max_bytes=10, chunk_bytes=chunk_bytes)
    assert [(line.number, line.offset, line.too_long) for line in found] == [
        (1, 0, False),
        (2, 6, True),
        (3, 18, False),
        (4, 29, True),
        (5, 5030, False),
    ]
    assert found[2].content == b"y" * 10
    assert found[3].content.startswith(b"z" * 10)
    assert len(found[3].content) <= 2000
    assert found[4].content == b"last"


def test_a_line_without_end_is_not_held_in_memory():
    class Endless(io.RawIOBase):
        def __init__(self, total):
            self.left = total

        def read(self, size=-1):
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    tracemalloc.start()
    found = list(lines.read_lines(Endless(200 << 20), max_bytes=4 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [line.too_long for line in found] == [True]
    assert peak < 20 << 20


@pytest.mark.parametrize(("name", "compress"), [("a.gz", gzip.compress), ("a.bz2", bz2.compress)])
def test_compressed_files_are_read_and_cut_off_ones_refused(tmp_path, name, compress):
    content = random.Random(1).randbytes(50_000)
    path = tmp_path / name
    path.write_bytes(compress(content))
    with lines.open_decompressed(str(path)) as file:
        assert file.read() == content
    path.write_bytes(compress(content)[:30_000])

    def read_all():
        with lines.open_decompressed(str(path)) as file:
            while file.read(1000):
                pass

    with pytest.raises(lines.DamagedFileError, match=name):
        read_all()
