"""`xlnet-pipeline preflight`: checks, without a TPU, whether a training step compiles for one."""

from __future__ import annotations

import argparse
import time

from pipeline.commands import configuration_arguments

HELP = "compile a training step with XLA on the CPU, without data, and look for dynamic shapes"
EXAMPLES = """\
  xlnet-pipeline preflight squad2_large --replicas 8
  xlnet-pipeline preflight squad2_large --replicas 8 --set model.n_layer=2 --optimize
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, the number of replicas and how far to compile."""
    configuration_arguments.add(parser)
    parser.add_argument(
        "--replicas", type=int, default=1, help="cores, chips or GPUs that share a batch"
    )
    parser.add_argument(
        "--optimize",
        action="store_true",
        help="let XLA optimize the step for this machine, too: minutes for a large model",
    )


def run(options: argparse.Namespace) -> int:
    """Compiles a training step and prints its size; returns the exit status.

    Raises:
        PreflightError: if something cannot be compiled or has a dynamic shape; the message says
            what.
    """
    config = configuration_arguments.load_without_data(options)
    from components.trainer import preflight
    from pipeline import workloads

    started = time.monotonic()
    task, features = workloads.training_step(config, replicas=options.replicas)
    lowered = preflight.lower(task, config.training, features, compiled=options.optimize)
    rows = next(iter(features.values())).shape[0]
    print(f"{'batch':12} {rows} rows per replica, {options.replicas} of them")
    print(f"{'compiled':12} {lowered.instructions:,} instructions, all of static shapes")
    print(f"{'time':12} {time.monotonic() - started:.1f} s")
    return 0
