"""What TensorFlow's C++ side says at its import, with a TensorFlow that only talks."""

import os
import subprocess
import sys

import pytest

_TALKS = "import os, sys\nos.write(2, b'I0000 cpu_feature_guard.cc\\n')\n"


@pytest.fixture
def python(tmp_path, project_root):
    """Runs a line of Python where `tensorflow` is a file that writes to standard error."""

    def run(line: str, *, ending: str = "", **variables: str) -> subprocess.CompletedProcess:
        (tmp_path / "tensorflow.py").write_text(_TALKS + ending)
        environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        environment |= {"PYTHONPATH": f"{tmp_path}{os.pathsep}{project_root}", **variables}
        return subprocess.run(
            [sys.executable, "-c", line],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_import_is_quiet_and_what_comes_after_is_not(python):
    done = python(
        "import components, tensorflow, os; os.write(2, b'later\\n'); print(tensorflow.__file__)"
    )
    assert done.stderr == "later\n"
    assert done.stdout.endswith("tensorflow.py\n")


def test_the_module_keeps_the_loader_that_knows_its_source(python):
    done = python(
        "import components, tensorflow, inspect; print(inspect.getsource(tensorflow)[:9])"
    )
    assert (done.stdout, done.stderr) == ("import os\n", "")


def test_an_import_that_fails_shows_everything(python):
    done = python("import components, tensorflow", ending="raise ImportError('libfoo.so')\n")
    assert done.returncode == 1
    assert done.stderr.startswith("I0000 cpu_feature_guard.cc\n")
    assert done.stderr.endswith("ImportError: libfoo.so\n")


def test_who_debugs_sees_all(python):
    done = python("import components, tensorflow", TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stderr == "I0000 cpu_feature_guard.cc\n"


def test_the_real_one_is_quiet():
    done = subprocess.run(
        [sys.executable, "-c", "import components, tensorflow"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
