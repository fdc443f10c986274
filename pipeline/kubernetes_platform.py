"""The platform part of a specification: a second document, with what Kubernetes is asked for.

The SDK's own extension, kfp-kubernetes, fits no stack of ours: its only release that takes the
protobuf of TFX 1.16 (1.0) knows no tolerations, and all of them configure tasks of kfp's own
language, which TFX's compiler does not write. The part is a dozen fields of
kubernetes_platform/proto/kubernetes_executor_config.proto in kubeflow/pipelines; where one of them
has an older and a newer form, the older is written, which every backend from 2.0 on reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.kubernetes import KubernetesConfig


def executor_config(given: KubernetesConfig, component_id: str) -> dict[str, Any]:
    """A `KubernetesExecutorConfig` as JSON; empty if nothing is asked for."""
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
                # A pod whose secret is missing does not start, and says so.
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
    """The specification's platform part; None if nothing is asked for.

    Args:
        given: of the deployment.
        labels: label of the executor by component id.
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
