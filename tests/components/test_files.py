import pytest

from components import files


def test_expand_sorts_and_names_the_pattern_that_matches_nothing(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text("x")
    assert [p.rpartition("/")[2] for p in files.expand(f"{tmp_path}/*.txt")] == ["a.txt", "b.txt"]
    with pytest.raises(files.NoSuchFilesError, match=r"\*\.tsv' \(training data\)"):
        files.expand(f"{tmp_path}/*.tsv", purpose="training data")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = f"{tmp_path}/out.bin"
    files.write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="full"):
        _write_and_fail(path)
    assert files.read_bytes(path) == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.bin"]


def test_a_write_replaces_the_file_and_makes_its_folder(tmp_path):
    path = f"{tmp_path}/deep/er/out.bin"
    files.write_bytes(path, b"one")
    files.write_bytes(path, b"two")
    assert files.read_bytes(path) == b"two"


def test_compressed_files_are_read_as_they_lie(tmp_path):
    files.write_bytes(f"{tmp_path}/x.gz", b"not gzip")
    assert files.read_bytes(f"{tmp_path}/x.gz") == b"not gzip"


def test_read_bytes_refuses_files_that_are_too_large(tmp_path):
    files.write_bytes(f"{tmp_path}/x", b"12345")
    assert files.read_bytes(f"{tmp_path}/x", max_bytes=5) == b"12345"
    with pytest.raises(ValueError, match="larger than the 4 bytes"):
        files.read_bytes(f"{tmp_path}/x", max_bytes=4)


def _write_and_fail(path: str) -> None:
    with files.open_atomically(path) as file:
        file.write(b"new")
        raise RuntimeError("disk full")
