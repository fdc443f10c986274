"""install.sh and its scripts: the stack that is taken, what is said where there is none, uv's part.

What it installs is seen by every other test. Here systems and interpreters are pretended: programs
on PATH answer as those would.
"""

import pathlib
import shutil
import subprocess
import sys
import time

import pytest

_FILES = (
    *("install.sh", "requirements.lock", "pyproject.toml", "docker/locks/uv.lock"),
    *("scripts/install_beside.sh", "scripts/package_index.sh", "scripts/uv_settings.sh"),
)
_TOOLS = (
    *("awk", "bash", "cat", "cksum", "cp", "cut", "dirname", "env", "grep", "head", "ln", "ls"),
    *("mkdir", "readlink", "rm", "sed", "sleep", "sort", "tr"),
)
# Answers as a Python of a version does to what install.sh asks, and makes venvs with a pip that
# brings a uv; its configuration names an index, where one is in the home.
_PYTHON = """#!/bin/bash
case "$*" in
  "- "*) case " $2 " in *" {minor} "*) echo -n "{flaw}" ;; *) echo "it is Python {minor}" ;; esac ;;
  --version) echo "Python {minor}.5" ;;
  *python_version*) echo {minor}.5 ;;
  *version_info*) echo {minor} ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install"*) cp "{uv}" "$(dirname "$0")/uv"; {ending} ;;
  "-m pip config get global.index-url") cat "$HOME/index" ;;
esac
"""
_UV = """#!/bin/bash
echo "uv $*; built with $UV_BUILD_CONSTRAINT, from ${{UV_DEFAULT_INDEX:-anywhere}}" >>"{log}"
if [ "$1" = venv ]; then
  rm -rf "${{!#}}"; mkdir -p "${{!#}}/bin"; cp .venv/bin/python "${{!#}}/bin"
fi
{ending}
"""


@pytest.fixture
def machine(tmp_path, project_root):
    return Machine(tmp_path, project_root)


class Machine:
    """A system with its own programs, and a clone of the project."""

    def __init__(self, folder: pathlib.Path, project: pathlib.Path):
        self.clone = folder / "clone"
        self.programs = folder / "bin"
        self.home = folder / "home"
        self.log = folder / "uv.log"
        for path in (self.programs, self.home):
            path.mkdir()
        for name in _FILES:
            (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, self.clone / name)
        for tool in _TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        self.system("Linux x86_64", glibc="2.41")
        self.uv()

    def program(self, name: str, text: str) -> pathlib.Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def system(self, name: str, glibc: str = "") -> None:
        system, machine = name.split()
        self.program(
            "uname", f'#!/bin/bash\ncase "$1" in -s) echo {system} ;; *) echo {machine} ;; esac\n'
        )
        answer = f"echo glibc {glibc}" if glibc else "exit 1"
        self.program("getconf", f"#!/bin/bash\n{answer}\n")

    def uv(self, ending: str = "") -> None:
        text = _UV.format(log=self.log, ending=ending)
        (self.home / "uv").write_text(text)
        (self.home / "uv").chmod(0o755)

    def python(
        self, minor: str, *, name: str = "", flaw: str = "", ending: str = ""
    ) -> pathlib.Path:
        text = _PYTHON.format(minor=minor, flaw=flaw, uv=self.home / "uv", ending=ending or ":")
        return self.program(name or f"python{minor}", text)

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen:
        return subprocess.Popen(
            [self.clone / script, *arguments],
            env={"PATH": str(self.programs), "HOME": str(self.home), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        with self.start(script, *arguments, **variables) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def install(self, **variables: str) -> subprocess.CompletedProcess:
        return self.run("install.sh", **variables)

    def peer(self) -> subprocess.CompletedProcess:
        """What `make peer` does, with a small lock."""
        lock = self.clone / "peer.lock"
        lock.touch()
        return self.run("scripts/install_beside.sh", ".peer", ".venv/bin/python", "peer.lock")

    def installed(self) -> str:
        """The stack that .venv says it holds."""
        return (self.clone / ".venv/installed").read_text().split()[0]


def test_today_s_system_gets_the_new_stack_with_its_newest_python(machine):
    for minor in ("3.10", "3.11", "3.12"):
        machine.python(minor)
    machine.python("3.14", name="python3")
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert "installing TFX 1.21 into .venv with Python 3.12.5" in done.stdout
    assert "glibc 2.41, and TFX 1.21 needs 2.39 or newer" in done.stdout
    assert machine.installed() == "tfx-1.21"
    assert "--no-deps --require-hashes -r requirements.lock" in machine.log.read_text()
    # Again: nothing to do, nothing to say.
    again = machine.install()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize("value", ["", "1"])
def test_bytecode_is_compiled_where_python_may_not_write_it(machine, value):
    machine.python("3.13")
    assert machine.install(PYTHONDONTWRITEBYTECODE=value).returncode == 0
    assert ("--compile-bytecode" in machine.log.read_text()) == bool(value)


@pytest.mark.parametrize(("glibc", "stack"), [("2.38", "1.16"), ("2.39", "1.21"), ("3.0", "1.21")])
def test_the_c_library_decides(machine, glibc, stack):
    machine.system("Linux x86_64", glibc)
    machine.python("3.10")
    machine.python("3.13")
    machine.program("c++", "#!/bin/bash\n")
    done = machine.install()
    assert f"installing TFX {stack} into .venv" in done.stdout, done.stderr
    assert f"glibc {glibc}" in done.stdout or f"has {glibc}" in done.stdout


def test_apple_silicon_gets_the_new_stack(machine):
    machine.system("Darwin arm64")
    machine.python("3.13", name="python3")
    assert "installing TFX 1.21 into .venv with Python 3.13.5" in machine.install().stdout


def test_a_new_system_with_an_old_python_gets_the_old_stack(machine):
    machine.python("3.10")
    machine.program("c++", "#!/bin/bash\n")
    done = machine.install()
    assert "installing TFX 1.16" in done.stdout
    assert "no Python 3.11, 3.12 or 3.13 was found" in done.stdout


def test_a_stack_that_was_asked_for_stays_until_another_is(machine):
    machine.python("3.10")
    machine.python("3.13")
    machine.program("c++", "#!/bin/bash\n")
    done = machine.install(STACK="tfx-1.16")
    assert "with Python 3.10.5" in done.stdout
    assert "STACK asks for it" in done.stdout
    assert machine.install().stdout == ""
    (machine.clone / "requirements.lock").write_text("# a new lock\n")
    assert "installing TFX 1.16" in machine.install().stdout
    done = machine.install(STACK="tfx-1.21")
    assert done.stdout.count("making .venv anew: it holds Python 3.10.5") == 1
    assert machine.installed() == "tfx-1.21"


def test_an_environment_from_before_is_made_anew(machine):
    machine.python("3.10")
    machine.python("3.13")
    old = machine.clone / ".venv/bin"
    old.mkdir(parents=True)
    shutil.copy(machine.programs / "python3.10", old / "python")
    (machine.clone / ".venv/installed").touch()
    done = machine.install()
    assert "making .venv anew: it holds Python 3.10.5\n" in done.stdout
    assert machine.installed() == "tfx-1.21"
    assert machine.install().stdout == ""


def test_the_environment_of_a_copied_folder_is_made_anew(machine):
    machine.python("3.13")
    machine.install()
    old = machine.clone
    machine.clone = shutil.copytree(old, old.with_name("a copy"), symlinks=True)
    assert f"making .venv anew: it was made in {old / '.venv'}\n" in machine.install().stdout
    assert machine.install().stdout == ""


def test_a_failure_of_uv_shows_its_own_words_and_is_tried_again(machine):
    machine.python("3.13")
    machine.uv('echo "No space left on device" >&2; exit 2')
    done = machine.install()
    assert done.returncode == 1
    assert "No space left on device\nerror: uv could not install requirements.lock" in done.stderr
    machine.uv()
    assert machine.install().returncode == 0
    assert machine.installed() == "tfx-1.21"


def test_what_an_interrupted_installation_left_is_not_built_upon(machine):
    machine.python("3.13")
    machine.uv("kill -9 $PPID")
    assert machine.install().returncode == -9
    left = machine.clone / ".venv/half_a_package"
    left.touch()
    machine.uv()
    done = machine.install()
    assert "making .venv anew: make did not install it, or not to the end\n" in done.stdout
    assert not left.exists()
    assert machine.installed() == "tfx-1.21"


def test_a_uv_that_pip_left_in_part_is_repaired(machine):
    machine.python("3.13", ending='echo >"$(dirname "$0")/uv"; exit 1')
    assert "error: pip could not install uv; see" in machine.install().stderr
    machine.python("3.13")
    assert machine.install().returncode == 0


def test_a_new_lock_of_uv_brings_that_uv(machine):
    machine.python("3.13")
    machine.install()
    machine.uv("# another version")
    with (machine.clone / "docker/locks/uv.lock").open("a") as lock:
        lock.write("# another version\n")
    machine.install()
    assert (machine.clone / ".venv/bin/uv").read_text().endswith("# another version\n")


def test_uv_is_told_where_to_install_and_what_to_build_with(machine):
    machine.python("3.13")
    # What would send packages elsewhere, were no environment named.
    machine.install(UV_SYSTEM_PYTHON="1", UV_PYTHON="3.12")
    lines = machine.log.read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "--python .venv/bin/python" in line
        assert "built with docker/locks/build.lock, from anywhere" in line


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        ({}, "https://pip.conf"),
        ({"PIP_INDEX_URL": "https://variable"}, "https://variable"),
        ({"PIP_INDEX_URL": "https://variable", "UV_DEFAULT_INDEX": "https://uv"}, "https://uv"),
        ({"PIP_INDEX_URL": "https://variable", "XDG_CONFIG_HOME": "configured"}, "anywhere"),
    ],
)
def test_pip_s_index_is_used_unless_uv_has_its_own(machine, variables, index):
    machine.python("3.13")
    (machine.home / "index").write_text("https://pip.conf\n")
    (machine.clone / "configured/uv").mkdir(parents=True)
    (machine.clone / "configured/uv/uv.toml").write_text('[[index]]\nurl = "https://file"\n')
    assert machine.install(**variables).returncode == 0
    for line in machine.log.read_text().splitlines():
        assert line.endswith(f"from {index}")


def test_two_at_once_take_turns(machine):
    machine.python("3.13")
    machine.uv(f'for _ in {{1..200}}; do [ ! -e "{machine.home}/go" ] || exit 0; sleep 0.05; done')
    with machine.start("install.sh") as first:
        deadline = time.monotonic() + 60
        while not machine.log.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with machine.start("install.sh") as second:
            assert second.stdout.readline().startswith(
                f"waiting for another make, process {first.pid} "
            )
            (machine.home / "go").touch()
            assert first.wait(60) == 0
            assert second.wait(60) == 0
    assert len(machine.log.read_text().splitlines()) == 2
    assert not (machine.clone / ".cache/installing").is_symlink()


def test_an_environment_beside_is_made_once_and_anew_after_an_interruption(machine):
    machine.python("3.13")
    machine.install()
    machine.uv('case "$*" in *peer.lock*) kill -9 $PPID ;; esac')
    shutil.copy(machine.home / "uv", machine.clone / ".venv/bin/uv")
    assert machine.peer().returncode == -9
    left = machine.clone / ".peer/half_a_package"
    left.touch()
    machine.uv()
    shutil.copy(machine.home / "uv", machine.clone / ".venv/bin/uv")
    machine.log.unlink()
    assert machine.peer().returncode == 0
    assert not left.exists()
    assert "--require-hashes --python .peer/bin/python -r peer.lock" in machine.log.read_text()
    # Again: nothing to do.
    machine.log.unlink()
    assert machine.peer().returncode == 0
    assert not machine.log.exists()


@pytest.mark.parametrize(
    ("system", "variables", "message"),
    [
        (("Linux aarch64", "2.41"), {}, "this is Linux aarch64; a container or virtual machine"),
        (("Darwin x86_64",), {}, "this is Darwin x86_64"),
        (("Linux x86_64",), {}, "this Linux has no glibc"),
        (("Linux x86_64", "2.41"), {"STACK": "1.21"}, "it should be tfx-1.21 or tfx-1.16"),
        (("Linux x86_64", "2.36"), {"STACK": "tfx-1.21"}, "glibc 2.39, and this system has 2.36"),
        (("Darwin arm64",), {"STACK": "tfx-1.16"}, "macOS on Apple silicon"),
        (("Linux x86_64", "2.41"), {"PYTHON": "/no/python"}, "there is no such program"),
        (("Linux x86_64", "2.41"), {"PYTHON": "python3.9"}, "it is Python 3.9; wanted is one of 3"),
        (("Linux x86_64", "2.36"), {"PYTHON": "python3.13"}, "it is Python 3.13; wanted is one of"),
        (("Linux x86_64", "2.41"), {"PYTHON": "python3.12"}, "it was built without ssl"),
    ],
)
def test_what_cannot_be_is_one_sentence(machine, system, variables, message):
    machine.system(*system)
    machine.python("3.9")
    machine.python("3.12", flaw="it was built without ssl")
    machine.python("3.13")
    done = machine.install(**variables)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (machine.clone / ".venv").exists()


def test_where_no_python_fits_the_message_says_which_would(machine):
    machine.python("3.13", flaw="it was built without sqlite3")
    machine.python("3.14", name="python3")
    done = machine.install()
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert "TFX 1.21 needs Python 3.11, 3.12 or 3.13" in message
    assert "python3.13: it was built without sqlite3" in message
    assert "python3: it is Python 3.14" in message
    assert "apt install python3 python3-venv" in message


def test_an_old_system_is_told_what_lets_make_download_its_python(machine):
    machine.system("Linux x86_64", "2.36")
    machine.python("3.11", name="python3")
    message = machine.install().stderr.splitlines()[-1]
    assert "TFX 1.16 needs Python 3.10" in message
    assert "python3: it is Python 3.11" in message
    assert "apt install python3-venv g++, with which make downloads Python 3.10" in message


def test_uv_downloads_a_python_into_the_project(machine):
    folder = machine.clone / ".python/cpython-3.13.5-linux/bin"
    made = machine.python("3.13", name="made")
    machine.program(
        "uv",
        f'#!/bin/bash\nif [ "$1" = python ]; then\n  echo "$UV_PYTHON_INSTALL_DIR $*"\n'
        f'  mkdir -p "{folder}" && cp "{made}" "{folder}/python3"\nfi\n',
    )
    done = machine.install()
    assert ".python python install 3.13\n" in done.stdout
    assert f"Python 3.13.5 ({folder.relative_to(machine.clone)}/python3)" in done.stdout
    assert machine.installed() == "tfx-1.21"


def test_a_home_that_cannot_be_written_to(machine):
    machine.python("3.13")
    # A file in place of a folder: root may write everywhere.
    (machine.home / ".cache").touch()
    done = machine.install()
    assert done.returncode == 0
    assert "cannot be written to: packages are kept in .cache/uv" in done.stdout


def test_the_old_stack_needs_a_compiler(machine):
    machine.python("3.10")
    machine.system("Linux x86_64", "2.36")
    done = machine.install()
    assert done.returncode == 1
    assert done.stderr.startswith("error: TFX 1.16 needs a C++ compiler")


def test_a_real_interpreter_is_asked(machine):
    minor = "{}.{}".format(*sys.version_info)
    other = "tfx-1.21" if minor == "3.10" else "tfx-1.16"
    done = machine.install(PYTHON=sys.executable, STACK=other)
    assert f"which will not do: it is Python {minor};" in done.stderr


def test_the_old_stack_needs_python_s_headers(machine):
    # A real interpreter, which takes itself for another.
    (machine.home / "sitecustomize.py").write_text(
        "import sys, sysconfig\n"
        "sys.version_info = (3, 10, 5)\n"
        "sysconfig.get_path = lambda name: '/nowhere'\n"
    )
    program = machine.program(
        "python3.10",
        f'#!/bin/bash\nPYTHONPATH="{machine.home}" exec "{sys.executable}" "$@"\n',
    )
    machine.program("c++", "#!/bin/bash\n")
    machine.system("Linux x86_64", "2.36")
    done = machine.install(PYTHON=str(program))
    assert "which will not do: it has no Python.h" in done.stderr
    assert "apt install python3-dev g++" in done.stderr
