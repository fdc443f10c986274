"""Compiles a pipeline into the document that Kubeflow Pipelines or Vertex AI runs.

TFX's compiler does the main part. It has no notion of retries, of resources for an ExampleGen, of
default values for parameters, or of components that must run every time, and it drops the pipeline
root in schema 2.1. `complete` adds all of these to the specification that it makes.

Neither this nor any other module imports `tfx.v1`, because that imports Vertex's whole client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base import base_component
from tfx.dsl.io import fileio
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner, pipeline_builder
from tfx.types import standard_component_specs

from components import configuration
from components.orchestration import entry_point
from components.trainer.training_job import TrainingJob
from pipeline import (
    baseline,
    deployment,
    deployment_checks,
    graph,
    kubernetes_platform,
    runtime_parameters,
    visualization,
)
from pipeline.config import PipelineConfig
from pipeline.deployment import DeploymentConfig

Target = Literal["kfp", "vertex"]
TARGETS: tuple[Target, ...] = ("kfp", "vertex")

_RESOLVERS = {"kfp": baseline.none, "vertex": baseline.latest_blessed}


class CompilationError(ValueError):
    """Raised if a deployment names a component that the pipeline does not have."""


def compile_pipeline(config: PipelineConfig, target: Target) -> dict[str, Any]:
    """Compiles a pipeline, without needing a network or credentials.

    Vertex gets the older schema, because `tfx run create` sends all parameters as text, and the
    service converts them to numbers only for schema 2.0.

    Returns:
        For "kfp", a PipelineSpec of schema 2.1 as JSON; for "vertex", a PipelineJob of schema 2.0.

    Raises:
        DeploymentError, CompilationError: if a setting is missing or wrong; the message names it.
    """
    # This comes first because it checks whether the configuration has a deployment at all.
    pipeline = create_pipeline(config, target)
    return Runner(config, target).run(pipeline)


def create_pipeline(config: PipelineConfig, target: Target) -> tfx_pipeline.Pipeline:
    """Builds the graph for a deployment; runtime parameters still have fixed values in it."""
    deployment_checks.check(config, target)
    return graph.create_pipeline(
        config,
        pipeline_root=config.deployment.pipeline_root or "",
        resolve_baseline=_RESOLVERS[target],
        beam_args=config.deployment.beam_arguments(),
    )


class Runner(kubeflow_v2_dag_runner.KubeflowV2DagRunner):
    """TFX's compiler, extended by what `complete` adds.

    It is a subclass of KubeflowV2DagRunner because the `tfx` command looks for one.
    """

    def __init__(self, config: PipelineConfig, target: Target):
        """Sets up the compiler.

        Args:
            config: configuration of the pipeline, with a `deployment`.
            target: the platform to compile for.
        """
        given = config.deployment
        super().__init__(
            kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
                display_name=config.name,
                # TFX uses the image under this key for components without one of their own.
                default_image={pipeline_builder.DEFAULT_IMAGE_PATH_KEY: given.image} | given.images,
                use_pipeline_spec_2_1=target == "kfp",
            )
        )
        self._pipeline_config = config
        self._target = target

    def run(
        self,
        pipeline: tfx_pipeline.Pipeline,
        parameter_values: Mapping[str, Any] | None = None,
        write_out: bool = False,
    ) -> dict[str, Any]:
        """Compiles a pipeline, and writes a file only if the `tfx` command or the caller asks.

        Args:
            pipeline: graph made by `create_pipeline`.
            parameter_values: defaults of runtime parameters, instead of those in the configuration.
            write_out: whether to write the document to the output folder, as in TFX's runner.

        Returns:
            The document that `compile_pipeline` returns.
        """
        config = self._pipeline_config
        _check_ids(pipeline, config.deployment)
        defaults = runtime_parameters.bind(pipeline.components, config)
        defaults |= parameter_values or {}
        _set_training_job(pipeline.components, config)
        before = self._output_dir
        job = super().run(
            pipeline,
            parameter_values=defaults if self._target == "vertex" else None,
            write_out=False,
        )
        spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
        complete(spec, config.deployment, self._target, defaults, pipeline)
        job["pipelineSpec"] = json_format.MessageToDict(spec)
        job["labels"] = {**job.get("labels", {}), **config.deployment.labels}
        document = job if self._target == "vertex" else job["pipelineSpec"]
        # The `tfx` command replaces the output folder during the call above, and expects the file
        # there.
        if write_out or self._output_dir != before:
            with fileio.open(f"{self._output_dir}/{self._output_filename}", "w") as file:
                file.write(to_text(document, self._target))
        return document


def to_text(
    document: Mapping[str, Any], target: Target, platform: Mapping[str, Any] | None = None
) -> str:
    """Formats a document as YAML for kfp and as JSON for Vertex; equal documents give equal texts.

    Args:
        document: document made by `compile_pipeline`.
        target: the platform that it was compiled for.
        platform: for kfp, what `platform_of` returned; it becomes a second YAML document.
    """
    if target == "kfp":
        documents = [dict(document), *([dict(platform)] if platform else [])]
        return yaml.safe_dump_all(documents, sort_keys=True)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def platform_of(document: Mapping[str, Any], config: PipelineConfig) -> dict[str, Any] | None:
    """Makes the requests to Kubernetes that accompany the specification; None if there are none.

    Args:
        document: document made by `compile_pipeline` for kfp.
        config: configuration of the pipeline.
    """
    labels = {name: value["executorLabel"] for name, value in document["components"].items()}
    return kubernetes_platform.platform(config.deployment.kubernetes, labels)


def complete(
    spec: pipeline_spec_pb2.PipelineSpec,
    given: DeploymentConfig,
    target: Target,
    defaults: Mapping[str, Any],
    pipeline: tfx_pipeline.Pipeline,
) -> None:
    """Adds to a specification what TFX's compiler leaves out.

    Args:
        spec: specification made by TFX's compiler; changed in place.
        given: deployment, with resources, retries, caching and pipeline root.
        target: the platform that the specification is for.
        defaults: default values of the runtime parameters, by name.
        pipeline: the graph from which the specification was made.
    """
    if given.pipeline_root:
        spec.default_pipeline_root = given.pipeline_root
    for name, value in defaults.items():
        parameter = spec.root.input_definitions.parameters[name]
        description = next(p for p in runtime_parameters.PARAMETERS if p.name == name).description
        parameter.description = description
        if target == "kfp":
            json_format.ParseDict(value, parameter.default_value)
    executors = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(json_format.MessageToDict(spec.deployment_spec), executors)
    for evaluator_id in _evaluators(pipeline):
        image = given.images.get(visualization.NAME, given.image)
        visualization.add(spec, executors, evaluator_id=evaluator_id, image=image)
    always_run = {*given.uncached, *(_read_files(pipeline) if target == "kfp" else ())}
    for name in _task_names(pipeline):
        container = executors.executors[spec.components[name].executor_label].container
        del container.command[:]
        container.command.extend(["python", "-m", entry_point.__name__])
        _set_resources(container, given.resources_of(name))
        if target == "kfp" and given.kubernetes is not None:
            for variable, value in sorted(given.kubernetes.pod(name).variables.items()):
                container.env.add(name=variable, value=value)
        task = spec.root.dag.tasks[name]
        _set_retries(task, given.retries)
        task.caching_options.enable_cache = pipeline.enable_cache and name not in always_run
    spec.deployment_spec.Clear()
    spec.deployment_spec.update(json_format.MessageToDict(executors))


def _components(pipeline: tfx_pipeline.Pipeline) -> list[base_component.BaseComponent]:
    """The pipeline's components, without resolvers, which run no container."""
    return [node for node in pipeline.components if isinstance(node, base_component.BaseComponent)]


def _evaluators(pipeline: tfx_pipeline.Pipeline) -> list[str]:
    key = standard_component_specs.EVALUATION_KEY
    return [component.id for component in _components(pipeline) if key in component.outputs]


def _task_names(pipeline: tfx_pipeline.Pipeline) -> list[str]:
    names = [component.id for component in _components(pipeline)]
    return names + ([visualization.NAME] if _evaluators(pipeline) else [])


def _read_files(pipeline: tfx_pipeline.Pipeline) -> list[str]:
    """Ids of components that read files instead of artifacts: raw data, or a given vocabulary.

    Before Vertex looks into its cache, it asks TFX's driver for a fingerprint of these files.
    Kubeflow Pipelines only compares their names, and would not notice new content.
    """
    return [component.id for component in _components(pipeline) if not component.inputs]


def _set_resources(
    container: pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec,
    resources: deployment.Resources,
) -> None:
    wanted = container.resources
    if resources.cpu is not None:
        wanted.cpu_request = wanted.cpu_limit = resources.cpu
    if resources.memory_gb is not None:
        wanted.memory_request = wanted.memory_limit = resources.memory_gb
    if resources.accelerator is not None:
        wanted.accelerator.type = resources.accelerator
        wanted.accelerator.count = resources.accelerator_count


def _set_retries(task: pipeline_spec_pb2.PipelineTaskSpec, retries: deployment.RetryConfig) -> None:
    if not retries.count:
        return
    policy = task.retry_policy
    policy.max_retry_count = retries.count
    policy.backoff_duration.seconds = retries.backoff_seconds
    policy.backoff_factor = retries.backoff_factor
    policy.backoff_max_duration.seconds = retries.max_backoff_seconds


def _set_training_job(components: list, config: PipelineConfig) -> None:
    given = config.deployment
    if given.training_job is None:
        return
    job = TrainingJob(
        project=given.project,
        region=given.region,
        service_account=given.service_account,
        root=f"{given.pipeline_root}/training-jobs/{config.name}",
        name=config.name,
        machine=given.training_job,
        labels=given.labels,
    )
    for component in components:
        spec = getattr(component, "spec", None)
        if spec is not None and "training_job" in spec.PARAMETERS:
            component.exec_properties["training_job"] = configuration.to_json(job)


def _check_ids(pipeline: tfx_pipeline.Pipeline, given: DeploymentConfig) -> None:
    known = set(_task_names(pipeline))
    named = {
        "images": set(given.images),
        "resources": set(given.resources) - {deployment.DEFAULT},
        "uncached": set(given.uncached),
        "kubernetes": given.kubernetes.component_ids() if given.kubernetes else set(),
    }
    for setting, ids in named.items():
        unknown = sorted(ids - known)
        if unknown:
            raise CompilationError(
                f"deployment.{setting} names {', '.join(unknown)}; the components of this pipeline "
                f"are {', '.join(sorted(known))}."
            )
