"""Runs a compiled pipeline's tasks with the commands in it, as Kubeflow's launcher would.

Every task goes through TFX's own entry point with the arguments that the specification holds;
inputs and outputs are passed as JSON and nothing else.
"""

import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as entry_point

ENTRY_POINT = ["python", "-m", entry_point.__name__]


class Launcher:
    """Executes the tasks of a schema 2.1 specification in this process."""

    def __init__(self, spec: Mapping[str, Any], root: pathlib.Path, parameters: Mapping[str, Any]):
        declared = spec["root"]["inputDefinitions"]["parameters"]
        unknown = set(parameters) - set(declared)
        assert not unknown, unknown
        self._spec = spec
        self._root = root
        self._parameters = {
            name: parameters.get(name, declaration.get("defaultValue"))
            for name, declaration in declared.items()
        }
        self.outputs: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Runs all tasks, each after those that it depends on."""
        tasks = self._spec["root"]["dag"]["tasks"]
        waiting = dict(tasks)
        while waiting:
            ready = [
                name
                for name, task in waiting.items()
                if all(other in self.outputs for other in task.get("dependentTasks", ()))
            ]
            for name in ready:
                self.run_task(name, waiting.pop(name))

    def run_task(self, name: str, task: Mapping[str, Any]) -> None:
        command, arguments = self.command(name, self.executor_input(name, task))
        if command == ENTRY_POINT:
            entry_point.main(entry_point._parse_flags(arguments))
        else:
            assert command[:2] == ["python", "-m"]
            importlib.import_module(command[2]).main(arguments)
        written = json.loads(self._output_file(name).read_text())
        definitions = self._definition(task).get("outputDefinitions", {}).get("artifacts", {})
        self.outputs[name] = {
            key: written["artifacts"][key]["artifacts"][0] | {"type": definition["artifactType"]}
            for key, definition in definitions.items()
        }

    def command(self, name: str, executor_input: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """The container's command, and its arguments with the placeholder filled in."""
        executors = self._spec["deploymentSpec"]["executors"]
        container = executors[self._spec["components"][name]["executorLabel"]]["container"]
        text = json.dumps(executor_input)
        arguments = [text if argument == "{{$}}" else argument for argument in container["args"]]
        return container["command"], arguments

    def executor_input(self, name: str, task: Mapping[str, Any]) -> dict[str, Any]:
        inputs = task.get("inputs", {})
        artifacts = {
            key: {"artifacts": [self._output(source["taskOutputArtifact"])]}
            for key, source in inputs.get("artifacts", {}).items()
        }
        outputs = {}
        definitions = self._definition(task).get("outputDefinitions", {}).get("artifacts", {})
        for key, definition in definitions.items():
            folder = self._root / name / key
            folder.parent.mkdir(parents=True, exist_ok=True)
            if "instanceSchema" in definition["artifactType"]:
                folder.mkdir()  # of TFX's artifacts; KFP's own are files
            artifact = {
                "name": f"projects/1/locations/l/metadataStores/m/artifacts/{name}-{key}",
                "uri": str(folder),
                "type": definition["artifactType"],
            }
            outputs[key] = {"artifacts": [artifact]}
        return {
            "inputs": {
                "parameterValues": {
                    key: self._value(value) for key, value in inputs.get("parameters", {}).items()
                },
                "artifacts": artifacts,
            },
            "outputs": {"artifacts": outputs, "outputFile": str(self._output_file(name))},
        }

    def _value(self, source: Mapping[str, Any]) -> Any:
        if "componentInputParameter" in source:
            return self._parameters[source["componentInputParameter"]]
        return source["runtimeValue"]["constant"]

    def _output(self, source: Mapping[str, str]) -> dict[str, Any]:
        return self.outputs[source["producerTask"]][source["outputArtifactKey"]]

    def _definition(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._spec["components"][task["componentRef"]["name"]]

    def _output_file(self, name: str) -> pathlib.Path:
        return self._root / name / "executor_output.json"
