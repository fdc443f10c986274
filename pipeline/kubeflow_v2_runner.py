"""Entry point for the `tfx` command, which takes the path of this file.

    export XLNET_CONFIG=mine.yaml
    tfx pipeline create --engine=vertex --pipeline-path=pipeline/kubeflow_v2_runner.py

The command passes no arguments to this file, so the configuration comes from the environment:
`XLNET_CONFIG` names a preset or a YAML file, and `XLNET_SET` holds overrides of the form
"key=value", one per line.
"""

from __future__ import annotations

import os

from pipeline import compilation, preset_loader

CONFIG_VARIABLE = "XLNET_CONFIG"
OVERRIDES_VARIABLE = "XLNET_SET"


def main() -> None:
    """Compiles for Vertex, the only engine to which the `tfx` command still submits.

    Raises:
        ConfigurationError: if the environment names no configuration, or one with mistakes.
    """
    preset = os.environ.get(CONFIG_VARIABLE)
    if not preset:
        raise preset_loader.ConfigurationError(
            f"{CONFIG_VARIABLE} is not set; it should name a preset or a YAML file."
        )
    overrides = os.environ.get(OVERRIDES_VARIABLE, "").splitlines()
    config = preset_loader.load(preset, [line for line in overrides if line.strip()])
    pipeline = compilation.create_pipeline(config, "vertex")
    compilation.Runner(config, "vertex").run(pipeline)


if __name__ == "__main__":
    main()
