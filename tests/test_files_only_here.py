"""Listing, globbing, renaming and deleting have one home, which knows what buckets are."""

import ast
import pathlib

import pytest

HOME = "components/files"
# What reaches files past it, by the name that it is called through.
ELSEWHERE = {
    "FileSystems": None,
    "gfile": None,
    "fileio": {
        "glob",
        "listdir",
        "walk",
        "rename",
        "remove",
        "rmtree",
        "copy",
        "makedirs",
        "mkdir",
    },
    "io_utils": {"copy_dir", "copy_file", "delete_dir"},
    "glob": {"glob", "iglob"},
    "shutil": {"rmtree", "copytree", "copy", "copyfile", "copy2", "move"},
    "os": {"listdir", "scandir", "walk", "remove", "unlink", "rename", "replace", "rmdir"},
}


def ways_past(source: str) -> list[str]:
    """Uses of other ways to files, as "line: name"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found += [
                f"{node.lineno}: {alias.name}"
                for alias in node.names
                if alias.name in ("FileSystems", "gfile")
            ]
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
            banned = ELSEWHERE.get(name, ())
            if banned is None or node.attr in banned:
                found.append(f"{node.lineno}: {name}.{node.attr}")
    return found


@pytest.mark.parametrize(
    ("folder", "at_least"), [("components", 30), ("pipeline", 30), ("xlnet_pipeline", 3)]
)
def test_no_other_module_lists_globs_renames_or_deletes(project_root, folder, at_least):
    found = {
        str(path.relative_to(project_root)): ways_past(path.read_text())
        for path in sorted((project_root / folder).rglob("*.py"))
        if pathlib.Path(HOME) not in path.relative_to(project_root).parents
    }
    assert len(found) >= at_least
    assert {path: uses for path, uses in found.items() if uses} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from apache_beam.io.filesystems import FileSystems",
        "beam.io.filesystems.FileSystems.delete([path])",
        "tf.io.gfile.glob(pattern)",
        "fileio.listdir(path)",
        "shutil.rmtree(path)",
        "os.replace(a, b)",
    ],
)
def test_each_way_past_is_seen(line):
    assert ways_past(line)


def test_what_only_opens_a_file_of_this_machine_is_no_way_past():
    assert not ways_past("os.path.join(a, b)\nopen(path)\nfileio.open(path)\nshutil.disk_usage(a)")
