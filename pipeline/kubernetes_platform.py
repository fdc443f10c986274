"""Makes the platform part of a compiled pipeline: a second document with requests to Kubernetes.

The SDK's extension for this, kfp-kubernetes, fits none of our stacks: the only release that accepts
the protobuf of TFX 1.16 (release 1.0) knows no tolerations, and all releases configure tasks that
are written in kfp's own Python DSL, which TFX's compiler does not use. The part consists of a dozen
fields of kubernetes_platform/proto/kubernetes_executor_config.proto in kubeflow/pipelines. If a
field has an older and a newer form, we write the older one, which every backend from 2.0 on reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.kubernetes import KubernetesConfig


def executor_config(given: KubernetesConfig, component_id: str) -> dict[str, Any]:
    """Makes the `KubernetesExecutorConfig` of a component as JSON; empty if it has no requests."""
    pod = given.pod(component_id)
    fields: dict[str, Any] = {
        "pvcMount": [
            _filled(constant=volume.claim, mountPath=volume.path, subPath=volume.sub_path)
            for volume in given.volumes_of(component_id)
        ],
        "imagePullSecret": [{"secretName": name} for name in given.image_pull_secrets],
        "nodeSelector": {"labels": dict(pod.node_selector)} if pod.node_selector else {},
        "tolerations": [
            _filled(
                key=toleration.key,
                operator=toleration.operator,
                value=toleration.value,
                effect=toleration.effect,
                tolerationSeconds=toleration.seconds and str(toleration.seconds),
            )
            for toleration in pod.tolerations
        ],
        "secretAsEnv": [
            {
                "secretName": secret.secret,
                "keyToEnv": [
                    {"secretKey": key, "envVar": variable}
                    for variable, key in sorted(secret.variables.items())
                ],
                # If the secret is missing, the pod does not start, and Kubernetes says why.
                "optional": False,
            }
            for secret in pod.secret_variables
        ],
        "secretAsVolume": [
            {"secretName": secret.secret, "mountPath": secret.path, "optional": False}
            for secret in pod.secret_files
        ],
        "enabledSharedMemory": _filled(size=pod.shared_memory),
        "activeDeadlineSeconds": pod.timeout_seconds and str(pod.timeout_seconds),
    }
    if fields["enabledSharedMemory"]:
        fields["enabledSharedMemory"]["volumeName"] = "shared-memory"
    return _filled(**fields)


def platform(given: KubernetesConfig | None, labels: Mapping[str, str]) -> dict[str, Any] | None:
    """Makes the platform part of a specification; None if there are no requests to Kubernetes.

    Args:
        given: settings for Kubernetes in the deployment; None if there are none.
        labels: label of each component's executor, by component id.
    """
    if given is None:
        return None
    found = {label: executor_config(given, name) for name, label in labels.items()}
    executors = {label: config for label, config in found.items() if config}
    if not executors:
        return None
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
