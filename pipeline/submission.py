"""Compiles a pipeline and starts a run of it on Kubeflow Pipelines or Vertex AI."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from pipeline import compilation, runtime_parameters
from pipeline.config import PipelineConfig


def to_vertex(config: PipelineConfig, parameters: Mapping[str, Any]) -> str:
    """Compiles the pipeline and starts a run on Vertex AI as `deployment.service_account`.

    TFX's own command, `tfx run create`, has no option for a service account and would run as the
    project's default one.

    Args:
        config: configuration of the pipeline.
        parameters: values of runtime parameters by name, as returned by `runtime_parameters.parse`.

    Returns:
        The resource name of the job.
    """
    from google.cloud import aiplatform

    given = config.deployment
    with tempfile.TemporaryDirectory() as folder:
        job = aiplatform.PipelineJob(
            display_name=config.name,
            template_path=_write(config, "vertex", parameters, folder),
            parameter_values=dict(parameters),
            labels=given.labels or None,
            project=given.project,
            location=given.region,
        )
        job.submit(service_account=given.service_account)
    return job.resource_name


def to_kubeflow(config: PipelineConfig, parameters: Mapping[str, Any], *, endpoint: str) -> str:
    """Compiles the pipeline and starts a run on Kubeflow Pipelines.

    Its pods run as `deployment.kubernetes.service_account`. `deployment.service_account` is a
    Google account, under which they start jobs on Dataflow and Vertex AI.

    Args:
        config: configuration of the pipeline.
        parameters: values of runtime parameters by name, as returned by `runtime_parameters.parse`.
        endpoint: address of the Kubeflow Pipelines API.

    Returns:
        The id of the run.
    """
    import kfp

    client = kfp.Client(host=endpoint)
    pods = config.deployment.kubernetes
    with tempfile.TemporaryDirectory() as folder:
        run = client.create_run_from_pipeline_package(
            _write(config, "kfp", parameters, folder),
            arguments=dict(parameters),
            run_name=config.name,
            service_account=pods.service_account if pods is not None else None,
            # None keeps the caching options that were compiled in for each component.
            enable_caching=None,
        )
    return run.run_id


def _write(
    config: PipelineConfig,
    target: compilation.Target,
    parameters: Mapping[str, Any],
    folder: str,
) -> str:
    suffix = "yaml" if target == "kfp" else "json"
    path = os.path.join(folder, f"pipeline.{suffix}")
    document = compilation.compile_pipeline(config, target)
    runtime_parameters.check(parameters, document.get("pipelineSpec", document))
    platform = compilation.platform_of(document, config) if target == "kfp" else None
    with open(path, "w") as file:
        file.write(compilation.to_text(document, target, platform))
    return path
