"""A tiny network for tests of what is built on one."""

import pytest

from components.modeling.config import ModelOptions, XLNetConfig


@pytest.fixture(scope="session")
def tiny_model() -> XLNetConfig:
    return XLNetConfig(
        n_token=200,
        n_layer=2,
        d_model=16,
        n_head=2,
        d_head=8,
        d_inner=32,
        ff_activation="gelu",
        untie_r=True,
    )


@pytest.fixture(scope="session")
def tiny_options() -> ModelOptions:
    return ModelOptions(dropout=0.1, dropout_att=0.1, init_std=0.1)


@pytest.fixture
def local_beam():
    """What TFX gives an executor whose Beam pipelines run here; Beam's default downloads Prism."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    return BaseBeamExecutor.Context(beam_pipeline_args=["--runner=FnApiRunner"])
