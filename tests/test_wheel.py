"""scripts/build_wheel.sh: the wheel of a commit is the same bytes wherever it is built."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

_FILES = (
    *("pyproject.toml", "scripts/build_wheel.sh", "scripts/package_index.sh"),
    *("scripts/uv_settings.sh", "docker/locks/build.lock"),
)
_SOURCES = {
    ".gitignore": "build/\ndist/\n*.egg-info/\n.venv\n",
    "README.md": "# A small project\n",
    "components/__init__.py": '__version__ = "0.1.0"\n',
    "pipeline/__init__.py": "",
    "pipeline/presets/sample.yaml": "name: sample\n",
    "xlnet_pipeline/__init__.py": "",
}
_AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com")


@pytest.fixture
def project(tmp_path, project_root):
    """A small project with this one's settings, committed."""
    if shutil.which("git") is None:
        pytest.skip("Git is not installed")
    folder = tmp_path / "project"
    for name in _FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_root / name, folder / name)
    for name, text in _SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (("init", "--quiet"), ("add", "."), (*_AUTHOR, "commit", "-q", "-m", "First")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def _build(folder: pathlib.Path, umask: int = 0o022) -> pathlib.Path:
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(sys.prefix)
    subprocess.run([folder / "scripts/build_wheel.sh"], check=True, umask=umask)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def test_the_wheel_of_a_commit_is_the_same_bytes(project, tmp_path):
    built = []
    for umask in (0o002, 0o077):
        clone = tmp_path / oct(umask)
        subprocess.run(["git", "clone", "-q", project, clone], check=True, umask=umask)
        built.append(_build(clone, umask).read_bytes())
    # What an earlier build left.
    ghost = clone / "build/lib/pipeline/ghost.py"
    ghost.parent.mkdir(parents=True)
    ghost.touch()
    wheel = _build(clone)
    built.append(wheel.read_bytes())
    assert built[0] == built[1] == built[2]
    with zipfile.ZipFile(wheel) as archive:
        packaged = {
            info.filename: oct(info.external_attr >> 16 & 0o777)
            for info in archive.infolist()
            if ".dist-info/" not in info.filename
        }
    expected = {name for name in _SOURCES if "/" in name}
    assert packaged == dict.fromkeys(expected, "0o644")


def test_what_is_not_committed_yet_is_built(project):
    (project / "pipeline/new.py").touch()
    (project / "pipeline/presets/sample.yaml").unlink()
    with zipfile.ZipFile(_build(project)) as wheel:
        assert "pipeline/new.py" in wheel.namelist()
        assert "pipeline/presets/sample.yaml" not in wheel.namelist()


def test_without_a_commit_there_is_no_time_to_build_with(project):
    shutil.rmtree(project / ".git")
    done = subprocess.run(
        [project / "scripts/build_wheel.sh"],
        env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(project.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: make wheel builds from a Git checkout, and this is none\n" in done.stderr
