"""Builds the graph of components that every runner and the compiler use.

Building it reads no environment variables and needs no network. Which components a pipeline has is
decided by its kind; see `pipeline/kinds/`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfx.orchestration import pipeline as tfx_pipeline

from pipeline import kinds
from pipeline.baseline import ResolveBaseline
from pipeline.config import PipelineConfig


def create_pipeline(
    config: PipelineConfig,
    *,
    pipeline_root: str,
    resolve_baseline: ResolveBaseline,
    metadata_connection_config: object | None = None,
    beam_args: Sequence[str] | None = None,
) -> tfx_pipeline.Pipeline:
    """Builds the pipeline, from raw files to a model that is pushed if it is good enough.

    Args:
        config: configuration of the pipeline.
        pipeline_root: folder to which the components write their artifacts.
        resolve_baseline: makes the node that finds the model to compare the new one with.
        metadata_connection_config: connection to ML Metadata, for an orchestrator that does not
            provide its own.
        beam_args: command-line arguments for Beam, used by all Beam components; None takes
            `config.run.beam_args`.
    """
    return tfx_pipeline.Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=kinds.of(config).make_components(config, resolve_baseline=resolve_baseline),
        enable_cache=config.run.enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(config.run.beam_args if beam_args is None else beam_args),
    )
