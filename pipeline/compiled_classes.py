"""Imports everything that a compiled preset names: `python -m pipeline.compiled_classes PRESET`.

When run inside an image, this shows that the image contains the code that a cluster will run in it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pipeline import compilation, preset_loader

# A placeholder deployment. Only the names of the classes matter, so nothing here has to exist.
_DEPLOYMENT = (
    "deployment={pipeline_root: gs://bucket/root, "
    f"image: 'registry.example/image@sha256:{'0' * 64}'}}"
)


def class_paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yields the dotted paths of executors, of the functions they call, and of our artifact types.

    Args:
        spec: a PipelineSpec as JSON.
    """
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor["container"].get("args", [])
        if "--executor_class_path" in arguments:
            yield arguments[arguments.index("--executor_class_path") + 1]
    for task in spec["root"]["dag"]["tasks"].values():
        run_fn = task.get("inputs", {}).get("parameters", {}).get("run_fn")
        if run_fn:
            yield run_fn["runtimeValue"]["constant"]
    for component in spec["components"].values():
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        for output in outputs.values():
            schema = output["artifactType"].get("instanceSchema")
            title = yaml.safe_load(schema)["title"] if schema else "system."
            if not title.startswith(("tfx.", "system.")):
                yield title


def import_all(spec: Mapping[str, Any]) -> list[str]:
    """Imports everything that a PipelineSpec names.

    Returns:
        The dotted paths of what was imported, sorted.

    Raises:
        ImportError, AttributeError: if a module or a name does not exist.
    """
    found = sorted(set(class_paths(spec)))
    for path in found:
        module, _, name = path.rpartition(".")
        getattr(importlib.import_module(module), name)
    return found


def main() -> None:
    """Compiles the preset named on the command line, imports what it names, and prints that."""
    # Nothing is read there; a deployment cannot read the data that come with this package.
    config = preset_loader.load(sys.argv[1], [_DEPLOYMENT, "data.root=gs://bucket/data"])
    for path in import_all(compilation.compile_pipeline(config, "kfp")):
        print(path)


if __name__ == "__main__":
    main()
