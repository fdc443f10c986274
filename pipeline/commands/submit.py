"""`xlnet-pipeline submit`: compiles, checks, and starts a run on Kubeflow or Vertex AI."""

from __future__ import annotations

import argparse
import sys

from pipeline.commands import configuration_arguments
from pipeline.commands.compile import TARGETS

HELP = "start a run on Kubeflow Pipelines or Vertex AI"
EXAMPLES = """\
  xlnet-pipeline submit mine.yaml --target vertex --parameter train_steps=8000
  xlnet-pipeline submit mine.yaml --target kfp --endpoint https://kubeflow.example
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, the target and the runtime parameters."""
    configuration_arguments.add(parser)
    parser.add_argument("--target", choices=TARGETS, required=True, help="where to run")
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help="address of Kubeflow Pipelines; required with --target kfp",
    )
    parser.add_argument(
        "--parameter",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="runtime parameter; may be repeated",
    )
    parser.add_argument(
        "--skip-access-check",
        action="store_true",
        help="do not look for the inputs or try to write where the run will: this machine may not",
    )


def run(options: argparse.Namespace) -> int:
    """Starts the run and prints its name or id; returns the exit status."""
    config = configuration_arguments.load(options)
    from pipeline import deployment_checks, runtime_parameters

    parameters = runtime_parameters.parse(options.parameters)
    if options.target == "kfp" and not options.endpoint:
        raise deployment_checks.DeploymentError("--target kfp needs --endpoint.")
    deployment_checks.check(config, options.target)
    asked = runtime_parameters.apply(config, parameters)
    deployment_checks.check(asked, options.target)
    if not options.skip_access_check:
        deployment_checks.check_access(asked)
    for warning in deployment_checks.warnings(asked, options.target):
        print(f"note: {warning}", file=sys.stderr)
    from pipeline import compilation, submission

    # Building the graph with the parameters applied lets the components check their settings.
    compilation.create_pipeline(asked, options.target)
    if options.target == "vertex":
        print(submission.to_vertex(config, parameters))
    else:
        print(submission.to_kubeflow(config, parameters, endpoint=options.endpoint))
    return 0
