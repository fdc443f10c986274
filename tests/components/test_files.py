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


@pytest.mark.parametrize("name", ["v[12]", "v*", "v?", "[a]", "v]", "v[*]", "v[!1]"])
def test_a_folder_is_a_name_and_no_pattern(tmp_path, name):
    for folder in (name, "v1", "v12"):
        files.write_bytes(f"{tmp_path}/{folder}/x.txt", folder.encode())
    folder = f"{tmp_path}/{name}"
    assert files.in_folder(folder) == [f"{folder}/x.txt"]
    assert files.expand(files.escape(f"{folder}/x.txt")) == [f"{folder}/x.txt"]
    assert files.expand(files.join(files.escape(folder), "*.txt")) == [f"{folder}/x.txt"]
    assert files.read_bytes(f"{folder}/x.txt") == name.encode()
    assert files.copy_tree(folder, f"{tmp_path}/copy") == 1
    files.remove(folder)
    assert files.names(str(tmp_path)) == {"v1", "v12", "copy"}


def test_patterns_are_what_they_are_in_a_shell_and_two_stars_go_deeper(tmp_path, monkeypatch):
    for name in ("a1.txt", "a2.txt", "b1.tsv", "in/a3.txt", "in/deep/a4.txt"):
        files.write_bytes(f"{tmp_path}/{name}", name.encode())

    def found(pattern: str) -> list[str]:
        return [file.path.removeprefix(f"{tmp_path}/") for file in files.match(pattern)]

    for pattern, expected in {
        "a?.txt": ["a1.txt", "a2.txt"],
        "*[12].t*": ["a1.txt", "a2.txt", "b1.tsv"],
        "[!a]*.tsv": ["b1.tsv"],
        "*/a*": ["in/a3.txt"],
        "**.txt": ["a1.txt", "a2.txt", "in/a3.txt", "in/deep/a4.txt"],
        "in/**": ["in/a3.txt", "in/deep/a4.txt"],
        "a1.txt": ["a1.txt"],
        "in": [],
        "none/*": [],
    }.items():
        assert found(f"{tmp_path}/{pattern}") == expected, pattern
    monkeypatch.chdir(tmp_path)
    assert found("a?.txt") == ["a1.txt", "a2.txt"]
    assert found("in/*") == ["in/a3.txt"]
    assert [file.size for file in files.match("in/*")] == [len("in/a3.txt")]


def test_links_are_followed_but_not_round_in_circles(tmp_path):
    for name in ("real/1.txt", "data/pos/2.txt"):
        files.write_bytes(f"{tmp_path}/{name}", b"x")
    (tmp_path / "data/neg").symlink_to(tmp_path / "real")
    (tmp_path / "data/pos/loop").symlink_to(tmp_path / "data")
    found = [file.path for file in files.match(f"{tmp_path}/data/**.txt")]
    assert found == [f"{tmp_path}/data/neg/1.txt", f"{tmp_path}/data/pos/2.txt"]
    (tmp_path / "data/pos/3.txt").symlink_to(tmp_path / "gone.txt")
    assert len(files.match(f"{tmp_path}/data/*/[12].txt")) == 2
    with pytest.raises(files.NoSuchFilesError, match=r"pos/3\.txt is a link to a file that does"):
        files.match(f"{tmp_path}/data/*/*.txt")


def test_a_pattern_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"x\[9-0\]\*' cannot be used as a pattern"):
        files.match(f"{tmp_path}/x[9-0]*")


def test_removing_takes_folders_with_all_in_them_and_nothing_beside(tmp_path):
    for name in ("run/a", "run/deep/b", "run2/c", "file"):
        files.write_bytes(f"{tmp_path}/{name}", b"x")
    files.remove(f"{tmp_path}/run", f"{tmp_path}/file", f"{tmp_path}/never")
    assert files.names(str(tmp_path)) == {"run2"}


def test_leftovers_are_removed_and_finished_files_are_not(tmp_path):
    for name in ("a", "a.0123.partial", "b.partial"):
        files.write_bytes(f"{tmp_path}/x[1]/{name}", b"x")
    files.remove_leftovers(f"{tmp_path}/x[1]")
    assert files.names(f"{tmp_path}/x[1]") == {"a"}


def test_splits_are_folders_of_that_name(tmp_path):
    for name in ("Split-train/x", "Split-eval/x", "paragraphs/y", "manifest.json"):
        files.write_bytes(f"{tmp_path}/{name}", b"x")
    assert files.split_names(f"{tmp_path}/") == ["eval", "train"]
    assert files.split_names(f"{tmp_path}/none") == []
