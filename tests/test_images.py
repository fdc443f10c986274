"""docker/ and .ci/: what their scripts tell the tools that build and run images.

What the images hold is tested in them (docker/test_image.sh). Here the tools are pretended.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

_TOOL = """#!/bin/bash
if [ "$1" = --version ]; then echo "{name} version {version}"; exit; fi
echo "{name} $*" >>"{log}"
for word in "$@"; do
  case "$word" in */pip.conf:*|*/uv.toml:*) cat "${{word%%:*}}" >>"{log}" ;; esac
done
{ending}
"""


class Workshop:
    """A checkout with the scripts, and tools on PATH that log what they are told."""

    def __init__(self, folder: pathlib.Path, project: pathlib.Path):
        self.project = folder / "project"
        self.programs = folder / "bin"
        self.log = folder / "log"
        self.programs.mkdir()
        self.log.touch()
        for name in ("docker", "scripts", ".ci"):
            shutil.copytree(project / name, self.project / name)
        shutil.copy(project / ".dockerignore", self.project)
        (self.project / "components").mkdir()
        (self.project / "components/__init__.py").write_text('__version__ = "0.1.0"\n')

    def tool(self, name: str, *, version: str = "5.0.1", ending: str = "") -> None:
        text = _TOOL.format(name=name, version=version, log=self.log, ending=ending)
        self.program(name, text)

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen:
        left_out = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL")
        kept = {key: value for key, value in os.environ.items() if key not in left_out}
        return subprocess.Popen(
            [self.project / script, *arguments],
            env={**kept, "PATH": f"{self.programs}:{os.environ['PATH']}", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **variables: str) -> tuple[int, str, str]:
        with self.start(script, *arguments, **variables) as process:
            return (*process.communicate(timeout=60), process.returncode)[::-1]

    def build(self, builder: str = "podman", **variables: str) -> str:
        status, errors, _ = self.run(
            "docker/build.sh", "serving", "there/it:1", BUILDER=builder, **variables
        )
        assert status == 0, errors
        return self.log.read_text()


@pytest.fixture
def workshop(tmp_path, project_root):
    return Workshop(tmp_path, project_root)


@pytest.fixture
def git(workshop):
    """Commits the workshop's checkout; returns what runs Git in it."""
    if shutil.which("git") is None:
        pytest.skip("Git is not installed")

    def run(*words):
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words]
        done = subprocess.run(
            command, cwd=workshop.project, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    run("init", "--quiet")
    run("add", ".")
    run("commit", "--quiet", "-m", "First")
    return run


def test_an_image_carries_its_commit_and_says_if_it_is_of_another_state(workshop, git):
    workshop.tool("podman")
    revision = git("rev-parse", "HEAD")
    # What the builder does not get.
    (workshop.project / "notes.txt").touch()
    assert f" REVISION={revision} " in workshop.build()
    (workshop.project / "components/new.py").touch()
    assert f" REVISION={revision}-dirty " in workshop.build()


@pytest.mark.parametrize(("machine", "given"), [("x86_64", False), ("arm64", True)])
def test_images_are_for_linux_on_x86_64_wherever_they_are_built(workshop, machine, given):
    workshop.tool("docker")
    workshop.program("uname", f"#!/bin/bash\necho {machine}\n")
    assert ("--platform linux/amd64" in workshop.build("docker")) == given


@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_a_build_sees_the_package_index_and_no_layer_holds_it(workshop, builder):
    workshop.tool(builder)
    told = workshop.build(builder, PIP_INDEX_URL="https://user:word@index/simple")
    command, _, files = told.partition("\n")
    assert "https://" not in command
    assert "index-url = https://user:word@index/simple\n" in files
    assert '[[index]]\nurl = "https://user:word@index/simple"\ndefault = true\n' in files


def test_an_index_that_docker_is_not_told_of_is_said(workshop):
    workshop.tool("docker")
    status, errors, _ = workshop.run(
        "docker/build.sh", "serving", "it", BUILDER="docker", PIP_INDEX_URL="https://user:word@x"
    )
    assert status == 0
    assert "BUILDER=podman" in errors
    assert "word@" not in errors + workshop.log.read_text()


@pytest.mark.parametrize(
    ("builder", "version", "fits"),
    [
        ("buildah", "1.23.1", False),
        ("buildah", "1.28.2 (image-spec 1.1.0-rc2)", True),
        ("podman", "3.4.4", False),
        ("podman", "4.0.0", True),
    ],
)
def test_a_builder_that_is_too_old_is_refused(workshop, builder, version, fits):
    workshop.tool(builder, version=version)
    status, errors, _ = workshop.run("docker/build.sh", "serving", "it", BUILDER=builder)
    assert (status == 0) == fits
    assert (f"error: {builder} is {version}, and the images need" in errors) != fits


def test_an_image_is_tried_as_any_user_and_its_outputs_can_be_deleted(workshop, tmp_path):
    workshop.tool("docker")
    output = tmp_path / "not/there"
    status, errors, said = workshop.run("docker/test_image.sh", "beam-worker", "it", str(output))
    assert (status, errors) == (0, "")
    assert said.endswith("beam-worker holds\n")
    home, confinement, *_ = lines = workshop.log.read_text().splitlines()
    # Neither a file system in memory nor a read-only root hides what the home of the image is like.
    assert "--user 12345:0" in home
    assert "--tmpfs" not in home
    assert "--read-only" not in home
    assert "--read-only" in confinement
    assert f"--volume {output}:/output:z" in confinement
    assert "chmod a+rwX" in lines[-1]


def test_outputs_can_be_deleted_after_a_failure_too(workshop, tmp_path):
    workshop.tool("docker", ending='case "$*" in *--help*) exit 3 ;; esac')
    arguments = ("beam-worker", "it", str(tmp_path / "output"))
    status, _, said = workshop.run("docker/test_image.sh", *arguments)
    assert status == 3
    assert "holds" not in said
    assert "chmod a+rwX" in workshop.log.read_text().splitlines()[-1]


def test_the_list_of_what_an_image_holds_names_each_package_once(workshop, tmp_path):
    # In place of a container, this environment.
    workshop.tool("docker", ending=f'exec "{sys.executable}" -')
    workshop.program("dpkg-query", r"#!/bin/bash" + "\nprintf 'tar\\t1.35+dfsg\\tamd64\\n'\n")
    listed = tmp_path / "dist/sbom.json"
    status, errors, said = workshop.run("docker/sbom.sh", "it", str(listed), RUNNER="docker")
    assert (status, said) == (0, f"wrote {listed}\n"), errors
    components = json.loads(listed.read_text())["components"]
    purls = [component["purl"] for component in components]
    assert purls == sorted(set(purls))
    assert "pkg:deb/debian/tar@1.35%2Bdfsg?arch=amd64" in purls
    assert {"numpy", "tar", "python"} <= {component["name"] for component in components}
    # pip of the Python that the environment was made with.
    below = subprocess.run(
        [pathlib.Path(sys.base_prefix) / "bin/python3", "-m", "pip", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    if below.returncode == 0:
        assert f"pkg:pypi/pip@{below.stdout.split()[1]}" in purls


def test_a_build_beside_the_tests_ends_with_them(workshop, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("podman", "runc", "debootstrap", "go"):
        workshop.tool(name)
    # There is nothing to remove, which is no reason to leave the rest.
    workshop.tool("buildah", ending="exit 1")
    workshop.program(
        "make",
        "#!/bin/bash\n"
        f'case "$*" in image-local*) echo $$ >"{tmp_path}/make"; exec sleep 600 ;;\n'
        f'  test) touch "{tmp_path}/tests"; exec sleep 5 ;; esac\n',
    )
    workshop.program("mountpoint", "#!/bin/bash\nexit 1\n")
    (workshop.project / "docker/why_not_here.sh").write_text("#!/bin/bash\n")
    (workshop.project / ".venv").mkdir()
    (workshop.project / ".venv/installed").write_text("tfx-1.16 chosen\n")
    with workshop.start(".ci/run", TMPDIR=str(folder)) as process:
        deadline = time.monotonic() + 60
        while not ((tmp_path / "make").exists() and (tmp_path / "tests").exists()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        build = int((tmp_path / "make").read_text())
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    with pytest.raises(ProcessLookupError):
        os.kill(build, 0)
    assert list(folder.iterdir()) == []
