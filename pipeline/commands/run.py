"""`xlnet-pipeline run`: runs a whole pipeline in this process."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline import programs
from pipeline.commands import configuration_arguments

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig
    from pipeline.local_runner import RunSummary

HELP = "run a pipeline in this process"
EXAMPLES = """\
  xlnet-pipeline run sample                       the bundled sample, in a few minutes
  xlnet-pipeline run sst2_small --data GLUE/SST-2 --vocabulary spiece.model
  xlnet-pipeline run my.yaml --set seq_len=64     your own file, one value changed
  xlnet-pipeline run my.yaml --json --log-file run.log     for programs, and for later
  xlnet-pipeline run sample --set 'repeats={metric: accuracy, seeds: [0, 1, 2]}'
                                                  the median of three seeds (docs/training.md)
"""

# An exit status of its own distinguishes "ran, but the model is not good enough" from a failure.
_NOT_BLESSED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, and for what is shown."""
    configuration_arguments.add(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="show warnings and the results only")
    shown.add_argument(
        "--json",
        action="store_true",
        help="write what happens to standard output, an object on each line (docs/python.md)",
    )
    parser.add_argument(
        "--log-file", metavar="FILE", help="also write what happens to the end of this file"
    )


def run(options: argparse.Namespace) -> int:
    """Runs the pipeline, and prints the metrics and where to find the model and the report.

    Returns:
        0 if the model is blessed, `_NOT_BLESSED` if it is not.
    """
    config = configuration_arguments.load(options)
    from pipeline import kinds, local_runner, result_lines

    summary = local_runner.run(config)
    if options.json:
        return 0 if summary.blessed else _NOT_BLESSED
    print()
    _print_trainings(config, summary)
    for line in (
        *result_lines.metrics(summary.metrics),
        *result_lines.classes(summary.classes),
    ):
        print(line)
    if summary.data:
        print(f"{'data':24} {summary.data}")
    if summary.blessed:
        print(f"{'blessed, pushed to':24} {summary.pushed_model}")
    else:
        print("not blessed, nothing pushed:")
        for failure in summary.failures:
            print(f"  {failure}")
    print(f"{'report':24} {summary.report}")
    if summary.curves:
        tensorboard = programs.beside_this_command("tensorboard")
        print(f"{'learning curves':24} {tensorboard} --logdir {summary.curves}")
    if summary.blessed and kinds.of(config).serves:
        print(f"{'try it':24} {programs.this_command()} serve {config.run.serving_dir}")
    return 0 if summary.blessed else _NOT_BLESSED


def _print_trainings(config: PipelineConfig, summary: RunSummary) -> None:
    """Prints the trials of a search and the results of all seeds, if there were any."""
    for trial in summary.trials:
        settings = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in trial.items()
            if name not in ("trial_id", "score")
        )
        label = f"trial {trial['trial_id']}"
        print(f"{label:24} {config.search.metric} {trial['score']:.4f} with {settings}")
    if summary.repeats is None:
        return
    metric, chosen = summary.repeats["metric"], summary.repeats["median_seed"]
    for run in summary.repeats["runs"]:
        label = f"seed {run['seed']}"
        note = ", the median, which is evaluated" if run["seed"] == chosen else ""
        print(f"{label:24} {metric} {run['metrics'][metric]:.4f}{note}")
