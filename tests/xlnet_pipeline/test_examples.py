"""The examples of the Python API are true: in docstrings, and in docs/python.md."""

import doctest
import importlib
import pkgutil

import pytest

import xlnet_pipeline

_MODULES = ["xlnet_pipeline"] + [
    f"xlnet_pipeline.{found.name}" for found in pkgutil.iter_modules(xlnet_pipeline.__path__)
]


@pytest.fixture
def known(pushed, tmp_path, monkeypatch):
    """What the examples presuppose."""
    monkeypatch.chdir(tmp_path)
    return {"folder": str(pushed), "model": xlnet_pipeline.open_model(pushed)}


@pytest.mark.parametrize("name", _MODULES)
def test_docstrings(name, known):
    module = importlib.import_module(name)
    done = doctest.testmod(module, extraglobs=known)
    assert done.failed == 0
    # Every public function says how it is used, except for what takes minutes.
    assert done.attempted or name.endswith("running")


def test_page(known, project_root):
    done = doctest.testfile(
        str(project_root / "docs/python.md"), module_relative=False, globs=dict(known)
    )
    assert done.failed == 0
    assert done.attempted > 10
