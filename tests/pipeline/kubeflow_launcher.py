"""Runs a compiled pipeline's tasks as the driver and the launcher of Kubeflow Pipelines do.

What those two do to a task was read and recorded from their source, 2.17 (../shared/kubeflow): the
driver keeps no types and wraps metadata, the launcher copies inputs into an empty tree and takes
outputs from it, each task is a process of its own under another user. The store is a folder, whose
subfolders are buckets.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.orchestration import entry_point

COMMAND = ["python", "-m", entry_point.__name__]
_LOCAL = {"gs://": "gcs/", "minio://": "minio/", "s3://": "s3/"}
_PROJECT_ROOT = pathlib.Path(__file__).resolve().parents[2]
_USER = 10001
# linux/capability.h
_CAP_DAC_READ_SEARCH = 1 << 2


class TaskFailedError(Exception):
    """A task whose process failed; the message is the log's last line."""


class Launcher:
    """The driver and the launcher, over a schema 2.1 specification."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        store: pathlib.Path,
        parameters: Mapping[str, Any],
        *,
        root: str = "minio://mlpipeline/v2/artifacts",
        run_id: str = "run1",
        platform: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
    ):
        declared = spec["root"]["inputDefinitions"]["parameters"]
        unknown = set(parameters) - set(declared)
        assert not unknown, unknown
        self._spec = spec
        self._store = store
        self._platform = platform or {}
        self._secrets = secrets or {}
        self._root = f"{root}/{run_id}"
        self._parameters = {
            name: parameters.get(name, declaration.get("defaultValue"))
            for name, declaration in declared.items()
        }
        # By task and key, as the metadata store keeps them.
        self.outputs: dict[str, dict[str, dict[str, Any]]] = {}
        self.logs: dict[str, str] = {}
        self.cache: dict[str, dict[str, dict[str, Any]]] = {}
        self.cached: list[str] = []

    def run(self) -> None:
        """Runs all tasks, each after those that it depends on."""
        waiting = dict(self._spec["root"]["dag"]["tasks"])
        while waiting:
            ready = [
                name
                for name, task in waiting.items()
                if all(other in self.outputs for other in task.get("dependentTasks", ()))
            ]
            assert ready, waiting
            for name in ready:
                self.run_task(name, waiting.pop(name))

    def run_task(self, name: str, task: Mapping[str, Any], *, salt: str = "salt") -> None:
        executor_input = self.executor_input(name, task, salt)
        fingerprint = self._fingerprint(name, executor_input)
        if task["cachingOptions"].get("enableCache") and fingerprint in self.cache:
            self.outputs[name] = self.cache[fingerprint]
            self.cached.append(name)
            return
        # As the volumes that a pod gets at /gcs, /s3 and /minio; what of it stays is lost.
        pod = pathlib.Path(tempfile.mkdtemp(prefix="pod-"))
        try:
            self._download(executor_input, pod)
            self._prepare(executor_input, pod)
            self._execute(name, executor_input, pod)
            self.outputs[name] = self._upload(executor_input, pod)
        finally:
            shutil.rmtree(pod)
        self.cache[fingerprint] = self.outputs[name]

    # The driver.

    def executor_input(self, name: str, task: Mapping[str, Any], salt: str) -> dict[str, Any]:
        inputs = task.get("inputs", {})
        given: dict[str, Any] = {}
        if inputs.get("artifacts"):
            given["artifacts"] = {
                key: {"artifacts": [self._recorded(source["taskOutputArtifact"])]}
                for key, source in inputs["artifacts"].items()
            }
        if inputs.get("parameters"):
            given["parameterValues"] = {
                key: self._value(value) for key, value in inputs["parameters"].items()
            }
        task_root = f"{self._root}/{name}/{salt}"
        definitions = self._component(name).get("outputDefinitions", {}).get("artifacts", {})
        return {
            "inputs": given,
            "outputs": {
                "artifacts": {
                    key: {
                        "artifacts": [
                            {
                                "name": key,
                                "type": definition["artifactType"],
                                "uri": f"{task_root}/{key}",
                            }
                        ]
                    }
                    for key, definition in definitions.items()
                },
                "outputFile": f"/{_local(task_root)}/output_metadata.json",
            },
        }

    def _recorded(self, source: Mapping[str, str]) -> dict[str, Any]:
        artifact = self.outputs[source["producerTask"]][source["outputArtifactKey"]]
        return {**artifact, "type": {"instanceSchema": ""}}

    def _value(self, source: Mapping[str, Any]) -> Any:
        if "componentInputParameter" in source:
            return self._parameters[source["componentInputParameter"]]
        return source["runtimeValue"]["constant"]

    def _fingerprint(self, name: str, executor_input: Mapping[str, Any]) -> str:
        """Component, command, image, parameters and the inputs' names: no content of any folder."""
        inputs = executor_input["inputs"]
        key = {
            "component": name,
            "container": self._container(name),
            "parameters": inputs.get("parameterValues", {}),
            "inputs": {
                key: value["artifacts"][0]["name"]
                for key, value in inputs.get("artifacts", {}).items()
            },
        }
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

    # The launcher.

    def _download(self, executor_input: Mapping[str, Any], pod: pathlib.Path) -> None:
        for value in executor_input["inputs"].get("artifacts", {}).values():
            for artifact in value["artifacts"]:
                source = self.stored(artifact["uri"])
                target = pod / _local(artifact["uri"])
                if source.is_dir():
                    # Object stores know no empty folders.
                    for path in filter(pathlib.Path.is_file, source.rglob("*")):
                        copy = target / path.relative_to(source)
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(path, copy)
                elif source.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)

    def _prepare(self, executor_input: Mapping[str, Any], pod: pathlib.Path) -> None:
        for value in executor_input["outputs"]["artifacts"].values():
            for artifact in value["artifacts"]:
                (pod / _local(artifact["uri"])).parent.mkdir(parents=True, exist_ok=True)
        for path in (pod, *pod.rglob("*")):
            # Copies are the launcher's, which runs as the same user as the task.
            if as_another_user():
                os.chown(path, _USER, 0)

    def _execute(self, name: str, executor_input: Mapping[str, Any], pod: pathlib.Path) -> None:
        container = self._container(name)
        assert container["command"] == COMMAND
        text = json.dumps(executor_input)
        arguments = [argument.replace("{{$}}", text) for argument in container["args"]]
        process = subprocess.run(
            [
                *as_another_user(),
                sys.executable,
                *container["command"][1:],
                # Of the pod; the rest is as it was compiled.
                f"--local_root={pod}",
                *arguments,
            ],
            cwd=_PROJECT_ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(_PROJECT_ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": "/nonexistent",
                **{v["name"]: v["value"] for v in container.get("env", ())},
                **self._secret_variables(name),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.logs[name] = process.stdout
        if process.returncode:
            raise TaskFailedError(f"{name}: {process.stdout.strip().splitlines()[-1]}")

    def _secret_variables(self, name: str) -> dict[str, str]:
        """As Kubernetes sets them; a pod whose secret is missing does not start."""
        parts = self._platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})
        config = parts.get("executors", {}).get(self._component(name)["executorLabel"], {})
        found = {}
        for secret in config.get("secretAsEnv", ()):
            if secret["secretName"] not in self._secrets:
                raise TaskFailedError(f'{name}: secret "{secret["secretName"]}" not found')
            values = self._secrets[secret["secretName"]]
            found |= {entry["envVar"]: values[entry["secretKey"]] for entry in secret["keyToEnv"]}
        return found

    def _upload(
        self, executor_input: Mapping[str, Any], pod: pathlib.Path
    ) -> dict[str, dict[str, Any]]:
        written = pipeline_spec_pb2.ExecutorOutput()
        output_file = pod / executor_input["outputs"]["outputFile"].lstrip("/")
        if output_file.exists():
            # Strictly: an unknown field fails the task.
            json_format.Parse(output_file.read_text(), written)
        given = json_format.MessageToDict(written).get("artifacts", {})
        recorded = {}
        for key, value in executor_input["outputs"]["artifacts"].items():
            (artifact,) = value["artifacts"]
            for described in given.get(key, {}).get("artifacts", ())[:1]:
                artifact = {
                    **artifact,
                    "uri": described.get("uri") or artifact["uri"],
                    "metadata": described.get("metadata", {}),
                }
            local = pod / _local(artifact["uri"])
            # What is not there is let pass.
            if local.is_dir():
                for path in filter(pathlib.Path.is_file, local.rglob("*")):
                    target = self.stored(artifact["uri"]) / path.relative_to(local)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
            elif local.is_file():
                self.stored(artifact["uri"]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(local, self.stored(artifact["uri"]))
            recorded[key] = self._record(key, artifact)
        return recorded

    def _record(self, key: str, artifact: Mapping[str, Any]) -> dict[str, Any]:
        """What comes back from the metadata store."""
        self._last_id = getattr(self, "_last_id", 0) + 1
        return {
            "name": str(self._last_id),
            "uri": artifact["uri"],
            "metadata": {
                "display_name": key,
                "store_session_info": "null",
                **{name: _stored_value(v) for name, v in artifact.get("metadata", {}).items()},
            },
        }

    def stored(self, uri: str) -> pathlib.Path:
        """Where the object or the folder is in the store."""
        return self._store / uri.partition("://")[2]

    def folder(self, task: str, key: str) -> pathlib.Path:
        """The stored folder of an output."""
        return self.stored(self.outputs[task][key]["uri"])

    def _component(self, name: str) -> Mapping[str, Any]:
        return self._spec["components"][name]

    def _container(self, name: str) -> Mapping[str, Any]:
        executors = self._spec["deploymentSpec"]["executors"]
        return executors[self._component(name)["executorLabel"]]["container"]


@contextlib.contextmanager
def claim() -> Iterator[pathlib.Path]:
    """The folder of a volume claim, which every user may write.

    It is not below pytest's folders, which are their owner's alone: the one right that is left to
    the tasks' user lets it open files in there, and yet access(2), by which TensorFlow tells
    whether there is a file, does not look at that right and says no.
    """
    with tempfile.TemporaryDirectory(prefix="claim-") as folder:
        pathlib.Path(folder).chmod(0o777)
        yield pathlib.Path(folder)


def as_another_user() -> list[str]:
    """Runs a command as a user without rights, where this one may choose.

    The one capability that is left lets it read this project and its Python, wherever they are.
    """
    if os.getuid() != 0 or not shutil.which("setpriv") or not _may_pass_on_reading():
        return []
    return [
        "setpriv",
        f"--reuid={_USER}",
        "--regid=0",
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=+dac_read_search",
    ]


def _may_pass_on_reading() -> bool:
    """Whether this process has CAP_DAC_READ_SEARCH; containers are mostly started without it."""
    status = pathlib.Path("/proc/self/status").read_text()
    (effective,) = (line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.partition(":")[2], 16) & _CAP_DAC_READ_SEARCH)


def _local(uri: str) -> str:
    for scheme, folder in _LOCAL.items():
        if uri.startswith(scheme):
            return folder + uri[len(scheme) :]
    raise AssertionError(f"no bucket: {uri}")


def _stored_value(value: Any) -> Any:
    """The metadata store knows strings, numbers and structures."""
    if value is None:
        raise TaskFailedError("unknown/unsupported value type null")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    return int(value) if isinstance(value, float) and value.is_integer() else value
