"""Converts what a backend passes to a task into what TFX and our components understand.

Kubeflow Pipelines and Vertex AI both send an `ExecutorInput` of the pipeline specification. The one
from Kubeflow lacks the types of inputs, and its metadata were stored in a database that only knows
strings, numbers and structures; this module repairs both. It works on plain JSON and has no side
effects.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from components.orchestration import local_copies

# Kubeflow's metadata client adds these to every artifact that it records.
_ADDED_BY_BACKEND = frozenset({"display_name", "store_session_info"})
# It wraps the two kinds of values that its database does not support in structures with these keys.
_WRAPPERS = frozenset({"list", "struct"})
# The type that the local runner of Kubeflow's SDK (`kfp.local`) gives to artifacts whose type it
# does not know, as it does none of TFX's.
_ANY_ARTIFACT = "system.Artifact"


class ExecutorInputError(ValueError):
    """An executor input that is invalid, or lacks what the component's specification promises."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One task, ready to be run.

    Attributes:
        document: the executor input, with types, plain metadata, and addresses that can be opened.
        uris: maps each local path in the document to the address that it stands for.
        output_file: path at which the backend expects the metadata of the outputs.
        root: root folder of the local copies: "/" in a container; tests use another one.
    """

    document: Mapping[str, Any]
    uris: Mapping[str, str]
    output_file: str
    root: str

    def restore(self, value: str) -> str:
        """Replaces the local path that a text begins with, if any, by the address it stands for."""
        for path, uri in self.uris.items():
            if value == path or value.startswith(f"{path}/"):
                return uri + value[len(path) :]
        return value


def parse(
    text: str,
    inputs_spec: Mapping[str, Any] | None,
    *,
    use_copies: bool = True,
    root: str = "/",
) -> Task:
    """Reads an executor input.

    Args:
        text: the JSON that the backend substitutes for `{{$}}`.
        inputs_spec: specification of the component's inputs; None if the backend sends their types,
            as Vertex AI does. Inputs without an artifact are then left out.
        use_copies: whether the task uses the launcher's local copies, which is not possible if it
            has workers on other machines.
        root: root folder of the local copies.

    Raises:
        ExecutorInputError: if something is missing.
        LocalCopyError: if the copy of an input is incomplete.
    """
    document = _load(text)
    if inputs_spec is None:
        _leave_out_empty_inputs(document)
    else:
        _check_promises(document, inputs_spec)
        _fill_types(document, inputs_spec)
    for artifact in _artifacts(document, "inputs").values():
        artifact["metadata"] = plain_metadata(artifact.get("metadata", {}))
    output_file = document["outputs"]["outputFile"]
    uris: dict[str, str] = {}
    # Vertex AI has no launcher that copies files; there, the output file is in the bucket as well.
    if "://" not in output_file:
        output_file = _below(root, output_file)
        _name_minio_as_beam_does(document)
        if use_copies:
            uris = _localize(document, root)
            document["outputs"]["outputFile"] = output_file
    return Task(document=document, uris=uris, output_file=output_file, root=root)


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Restores metadata as they were when a task wrote them, except that booleans stay 0 and 1."""
    return {
        name: _unwrap(value) for name, value in metadata.items() if name not in _ADDED_BY_BACKEND
    }


def _unwrap(value: Any) -> Any:
    # This is unambiguous, because a structure that a task wrote is itself always wrapped.
    if isinstance(value, dict) and len(value) == 1 and _WRAPPERS.issuperset(value):
        (value,) = value.values()
    return value


def _load(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ExecutorInputError(
            f"The executor input is not valid JSON ({error}). The backend puts it in place of "
            "{{$}} in the task's arguments; compile the pipeline again and see that {{$}} is "
            "still there."
        ) from error
    if not isinstance(document, dict) or "outputFile" not in document.get("outputs", {}):
        raise ExecutorInputError(
            "The executor input has no outputs.outputFile, without which nothing can be handed "
            "on. This backend does not run pipelines of schema 2; use Kubeflow Pipelines 2 or "
            "Vertex AI."
        )
    return copy.deepcopy(document)


def _artifacts(document: Mapping[str, Any], side: str) -> dict[str, dict[str, Any]]:
    """Returns the artifact of each key; there must be exactly one."""
    found = {}
    for key, value in document.get(side, {}).get("artifacts", {}).items():
        artifacts = value.get("artifacts", ())
        if len(artifacts) != 1:
            raise ExecutorInputError(
                f"{side}.{key} has {len(artifacts)} artifacts, where one is expected: the task "
                "that makes it has recorded none, or the specification collects several."
            )
        (found[key],) = artifacts
    return found


def _leave_out_empty_inputs(document: Mapping[str, Any]) -> None:
    """Removes inputs that have no artifact.

    On Vertex AI, a resolver that finds nothing hands on an empty list: before the first model is
    blessed, the Evaluator has no baseline model. Kubeflow's driver itself leaves out an optional
    input that has no artifact, so an empty one is an error there.
    """
    artifacts = document.get("inputs", {}).get("artifacts", {})
    for key in [key for key, value in artifacts.items() if not value.get("artifacts")]:
        del artifacts[key]


def _check_promises(document: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    inputs = document.get("inputs", {})
    given = {
        "artifact": set(inputs.get("artifacts", {})),
        "parameter": set(inputs.get("parameterValues", {})) | set(inputs.get("parameters", {})),
    }
    promised = {
        "artifact": set(spec.get("artifacts", {})),
        "parameter": set(spec.get("parameters", {})),
    }
    missing = [
        f"{kind} {name!r}" for kind in promised for name in sorted(promised[kind] - given[kind])
    ]
    if missing:
        raise ExecutorInputError(
            f"The executor input lacks {', '.join(missing)}, which the component's specification "
            "promises. Compile and upload the pipeline again, so that both are of one version."
        )


def _fill_types(document: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    for key, artifact in _artifacts(document, "inputs").items():
        sent = artifact.get("type", {})
        if any(sent.values()) and sent.get("schemaTitle") != _ANY_ARTIFACT:
            continue
        declared = spec.get("artifacts", {}).get(key, {}).get("artifactType")
        if not declared:
            raise ExecutorInputError(
                f"Input {key!r} comes without a type, and the component's specification does not "
                "know it. Compile and upload the pipeline again."
            )
        artifact["type"] = dict(declared)


def _localize(document: Mapping[str, Any], root: str) -> dict[str, str]:
    uris = {}
    for side in ("inputs", "outputs"):
        for key, artifact in _artifacts(document, side).items():
            uri = artifact["uri"]
            path = artifact.pop("customPath", None) or local_copies.path_of(uri, root=root)
            if path is None:
                continue
            if side == "inputs":
                local_copies.check(key, uri, path, artifact["metadata"])
            artifact["uri"] = path
            uris[path] = uri
    return uris


def _name_minio_as_beam_does(document: Mapping[str, Any]) -> None:
    """Replaces `minio://` by `s3://` in parameters.

    MinIO is an S3 service, and Beam and its libraries only know the latter scheme.
    """
    parameters = document.get("inputs", {}).get("parameterValues", {})
    for name, value in parameters.items():
        if isinstance(value, str):
            parameters[name] = value.replace("minio://", "s3://")


def _below(root: str, path: str) -> str:
    return root.rstrip("/") + path
