"""Specifications that were looked at once, and what two of them may differ in."""

import copy
import json


def without_versions(spec: dict) -> dict:
    """A specification of either target, without what changes with the versions of the libraries.

    Those are TFX's own name and the options of TFDV that nobody sets: each version knows others.
    """
    spec = copy.deepcopy(spec)
    spec.pop("sdkVersion", None)
    for task in spec["root"]["dag"]["tasks"].values():
        value = task.get("inputs", {}).get("parameters", {}).get("stats_options_json")
        if value:
            constant = value["runtimeValue"]
            # A PipelineJob wraps its values once more.
            holder, key = (
                (constant, "constant")
                if "constant" in constant
                else (constant["constantValue"], "stringValue")
            )
            options = holder[key]
            if isinstance(options, str):  # a renewed document holds them without
                options = json.loads(options)
            holder[key] = {k: v for k, v in options.items() if v is not None}
    return spec
