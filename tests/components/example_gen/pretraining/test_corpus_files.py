import bz2
import gzip

import pytest
import zstandard

from components.example_gen.pretraining import corpus_files
from components.example_gen.pretraining.corpus_files import DamagedFileError, FileRange
from components.files import NoSuchFilesError

TEXT = b"one\r\ntwo\n\n" + "drei ü\n".encode() + b"last without end"
LINES = [b"one\r", b"two", b"", "drei ü".encode(), b"last without end"]


def read(path, **arguments) -> list[corpus_files.Line]:
    return list(corpus_files.lines(FileRange(str(path)), max_line_bytes=1000, **arguments))


@pytest.mark.parametrize(
    ("extension", "compress"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".zst", zstandard.ZstdCompressor().compress),
        # Files may be concatenations, as parallel compressors write them.
        (".gz", lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])),
        (".zst", lambda text: zstandard.compress(text[:9]) + zstandard.compress(text[9:])),
    ],
)
def test_lines_of_plain_and_compressed_files(tmp_path, extension, compress):
    path = tmp_path / f"corpus.txt{extension}"
    path.write_bytes(compress(TEXT))

    assert read(path) == [
        corpus_files.Line(number, line, len(line)) for number, line in enumerate(LINES, start=1)
    ]


@pytest.mark.parametrize(
    ("extension", "compress"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_a_file_that_is_cut_off_or_not_compressed_is_an_error(tmp_path, extension, compress):
    path = tmp_path / f"corpus.txt{extension}"
    path.write_bytes(compress(TEXT * 1000)[:-12])
    with pytest.raises(DamagedFileError, match=r"corpus\.txt"):
        read(path)

    path.write_bytes(TEXT)
    with pytest.raises(DamagedFileError, match=r"corpus\.txt"):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NoSuchFilesError, match=r"none\.txt"):
        read(tmp_path / "none.txt")


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1 << 20])
def test_long_lines_are_cut_and_marked_wherever_chunks_end(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(corpus_files, "_CHUNK_BYTES", chunk_bytes)
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"short\n" + b"x" * 100 + b"\n" + b"y" * 20 + b"\n\n" + b"z" * 70)

    found = list(corpus_files.lines(FileRange(str(path)), max_line_bytes=20))

    assert [(line.number, line.num_bytes, line.is_whole) for line in found] == [
        (1, 5, True),
        (2, 100, False),
        (3, 20, True),
        (4, 0, True),
        (5, 70, False),
    ]
    assert found[2].content == b"y" * 20
    assert set(found[1].content) == {ord("x")}
    assert set(found[4].content) == {ord("z")}


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1 << 20])
def test_long_lines_are_cut_at_spaces_or_between_characters(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(corpus_files, "_CHUNK_BYTES", chunk_bytes)
    path = tmp_path / "corpus.txt"
    words = b" ".join(b"word%d" % n for n in range(50))
    umlauts = "ü€😀".encode() * 40
    path.write_bytes(b"short\n" + words + b"\n\n" + umlauts)

    found = list(corpus_files.lines(FileRange(str(path)), max_line_bytes=21, cut=True))

    by_number = {
        number: [line for line in found if line.number == number] for number in (1, 2, 3, 4)
    }
    assert [len(lines) for lines in by_number.values()][::2] == [1, 1]
    for number, content in ((2, words), (4, umlauts)):
        lines = by_number[number]
        assert b"".join(line.content for line in lines) == content
        assert [line.part for line in lines] == list(range(len(lines)))
        assert max(line.num_bytes for line in lines) <= 21
        # Nothing is torn: each part decodes, and holds whole words.
        for line in lines:
            assert set(line.content.decode().split()) <= set(content.decode().split()) or number > 2


@pytest.mark.parametrize("at_blank_lines", [True, False])
def test_ranges_hold_the_whole_file_and_begin_between_documents(tmp_path, at_blank_lines):
    path = tmp_path / "corpus.txt"
    documents = [b"".join(b"line %d of %d\n" % (i, n) for i in range(n % 7 + 1)) for n in range(90)]
    content = b"\n".join(documents)
    path.write_bytes(content)

    ranges = list(
        corpus_files.split_into_ranges(
            str(path), size=len(content), range_bytes=500, at_blank_lines=at_blank_lines
        )
    )

    assert len(ranges) > 5
    assert ranges[0].start == 0
    assert ranges[-1].end is None
    assert [one.end for one in ranges[:-1]] == [one.start for one in ranges[1:]]
    for one in ranges:
        assert one.first_line == content.count(b"\n", 0, one.start) + 1
        before = content[: one.start]
        assert not before or before.endswith(b"\n\n" if at_blank_lines else b"\n")
    together = [line for one in ranges for line in corpus_files.lines(one, max_line_bytes=1000)]
    assert together == read(path)


@pytest.mark.parametrize("name", ["corpus.txt.gz", "small.txt"])
def test_compressed_and_small_files_are_one_range(tmp_path, name):
    ranges = corpus_files.split_into_ranges(
        str(tmp_path / name),
        size=10_000 if name.endswith(".gz") else 10,
        range_bytes=100,
        at_blank_lines=True,
    )

    assert list(ranges) == [FileRange(str(tmp_path / name))]


def test_text_without_blank_lines_is_one_range(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"no blank line\n" * 100)

    ranges = corpus_files.split_into_ranges(
        str(path), size=1400, range_bytes=100, at_blank_lines=True
    )

    assert list(ranges) == [FileRange(str(path))]
