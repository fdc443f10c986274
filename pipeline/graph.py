"""The pipeline as a graph of components; reads no environment and touches no network."""

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
    """Raw files to a pushed model, if it is good enough.

    Args:
        config: what to run.
        pipeline_root: gets the artifacts.
        resolve_baseline: makes the node that finds the model to compare with.
        metadata_connection_config: of ML Metadata, where the orchestrator brings none.
        beam_args: of all Beam components; None takes those of `config.run`.
    """
    return tfx_pipeline.Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=kinds.of(config).make_components(config, resolve_baseline=resolve_baseline),
        enable_cache=config.run.enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(config.run.beam_args if beam_args is None else beam_args),
    )
