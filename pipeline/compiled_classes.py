"""Imports all that a compiled preset names: `python -m pipeline.compiled_classes PRESET`.

Run inside an image, it shows that the image holds the code that a cluster will ask it for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pipeline import compilation, preset_loader

# Nothing is fetched: only the names of the classes matter.
_DEPLOYMENT = (
    "deployment={pipeline_root: gs://bucket/root, "
    f"image: 'registry.example/image@sha256:{'0' * 64}'}}"
)


def class_paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """Dotted paths of executors, of functions they call, and of our artifact types."""
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
    """Imports them; returns what was imported.

    Raises:
        ImportError, AttributeError: naming what is not there.
    """
    found = sorted(set(class_paths(spec)))
    for path in found:
        module, _, name = path.rpartition(".")
        getattr(importlib.import_module(module), name)
    return found


def main() -> None:
    """Compiles a preset and imports what it names."""
    config = preset_loader.load(sys.argv[1], [_DEPLOYMENT])
    for path in import_all(compilation.compile_pipeline(config, "kfp")):
        print(path)


if __name__ == "__main__":
    main()
