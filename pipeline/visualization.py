"""Adds the task Visualization to a compiled pipeline, after the Evaluator.

It makes the artifacts that the user interfaces of Kubeflow Pipelines and Vertex AI can draw; see
`components.evaluator.visualization`.
"""

from __future__ import annotations

import json

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.evaluator import visualization

NAME = "Visualization"


def add(
    spec: pipeline_spec_pb2.PipelineSpec,
    executors: pipeline_spec_pb2.PipelineDeploymentConfig,
    *,
    evaluator_id: str,
    image: str,
) -> None:
    """Adds the task to a compiled pipeline.

    Args:
        spec: specification of the pipeline; changed in place.
        executors: executors of the pipeline; changed in place.
        evaluator_id: id of the evaluator whose evaluation is shown.
        image: container image for the task.
    """
    evaluation = spec.components[evaluator_id].output_definitions.artifacts["evaluation"]
    component = spec.components[NAME]
    component.executor_label = f"{NAME}_executor"
    given = component.input_definitions.artifacts[visualization.EVALUATION_KEY]
    given.artifact_type.CopyFrom(evaluation.artifact_type)
    for name, title in visualization.OUTPUTS.items():
        artifact_type = component.output_definitions.artifacts[name].artifact_type
        artifact_type.schema_title = title
        artifact_type.schema_version = "0.0.1"
    container = executors.executors[component.executor_label].container
    container.image = image
    container.args.extend(
        [
            "--function",
            f"{visualization.__name__}.{visualization.run.__name__}",
            "--json_serialized_invocation_args",
            "{{$}}",
            "--json_serialized_inputs_spec_args",
            json.dumps(json_format.MessageToDict(component.input_definitions), sort_keys=True),
        ]
    )
    task = spec.root.dag.tasks[NAME]
    task.task_info.name = NAME
    task.component_ref.name = NAME
    task.dependent_tasks.append(evaluator_id)
    source = task.inputs.artifacts[visualization.EVALUATION_KEY].task_output_artifact
    source.producer_task = evaluator_id
    source.output_artifact_key = "evaluation"
