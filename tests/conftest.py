"""Fixtures shared by all tests."""

import os
import pathlib
import sys

import pytest

import components  # noqa: F401  (environment before TensorFlow)

# Beam components parse sys.argv with absl when beam_pipeline_args are given, and pytest's own
# flags are illegal there.
sys.argv = sys.argv[:1]

_PROJECT_ROOT = pathlib.Path(__file__).resolve().parent.parent


def _shared_folder(variable: str, name: str) -> pathlib.Path:
    path = pathlib.Path(os.environ.get(variable, _PROJECT_ROOT.parent / "shared" / name))
    if not path.is_dir():
        pytest.skip(f"needs {name} at {path} (set {variable} to its place)")
    return path


@pytest.fixture(scope="session")
def project_root() -> pathlib.Path:
    return _PROJECT_ROOT


@pytest.fixture(scope="session")
def data_root() -> pathlib.Path:
    """Real public data; tests that use it carry the marker `real_data`."""
    return _shared_folder("XLNET_DATA_ROOT", "data")


@pytest.fixture(scope="session")
def golden_root() -> pathlib.Path:
    """Outputs of the reference; tests that use it carry the marker `golden`."""
    return _shared_folder("XLNET_GOLDEN_ROOT", "golden")


@pytest.fixture(scope="session")
def kubeflow_root() -> pathlib.Path:
    """What Kubeflow's driver really sent; tests that use it carry the marker `recorded`."""
    return _shared_folder("XLNET_KUBEFLOW_ROOT", "kubeflow")


def pytest_configure() -> None:
    """Two virtual devices, so that distribution can be tested on any machine."""
    import tensorflow as tf

    device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [device] * 2
    )
