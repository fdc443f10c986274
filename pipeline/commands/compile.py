"""`xlnet-pipeline compile`: writes the file that Kubeflow Pipelines or Vertex AI runs."""

from __future__ import annotations

import argparse

from pipeline.commands import configuration_arguments

HELP = "compile a pipeline for Kubeflow Pipelines or Vertex AI"
EXAMPLES = """\
  xlnet-pipeline compile mine.yaml --target kfp --to pipeline.yaml
  xlnet-pipeline compile mine.yaml --target vertex --to pipeline.json --check-access
"""

# The same as `pipeline.compilation.TARGETS`, repeated because that module takes seconds to import.
TARGETS = ("kfp", "vertex")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, the target and the output file."""
    configuration_arguments.add(parser)
    parser.add_argument("--target", choices=TARGETS, required=True, help="what to compile for")
    parser.add_argument("--to", required=True, metavar="FILE", help="file to write")
    parser.add_argument(
        "--check-access",
        action="store_true",
        help="also look for the inputs, and try to write where a run would (needs credentials)",
    )


def run(options: argparse.Namespace) -> int:
    """Compiles, writes the file, and prints warnings; returns the exit status."""
    config = configuration_arguments.load(options)
    from components import files
    from pipeline import compilation, deployment_checks

    document = compilation.compile_pipeline(config, options.target)
    if options.check_access:
        deployment_checks.check_access(config)
    platform = compilation.platform_of(document, config) if options.target == "kfp" else None
    text = compilation.to_text(document, options.target, platform)
    files.write_bytes(options.to, text.encode())
    for warning in deployment_checks.warnings(config, options.target):
        print(f"note: {warning}")
    print(f"written to {options.to}")
    return 0
