"""`xlnet-pipeline estimate`: what a training step needs and where it fits, or a corpus's cost."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from pipeline.commands import configuration_arguments, corpus_estimate
from pipeline.devices import DEVICES
from pipeline.tpu_compiler.topologies import GENERATIONS

if TYPE_CHECKING:
    from components.modeling.cost import Cost, Workload
    from pipeline.config import PipelineConfig

HELP = "print what a training step needs and where it fits, or what a corpus costs"
EXAMPLES = """\
  xlnet-pipeline estimate sst2_small              on every device that is known
  xlnet-pipeline estimate my.yaml --device v5e --replicas 8
  xlnet-pipeline estimate pretraining_large --corpus 126GB --workers 80
"""

# An exit status of its own distinguishes "does not fit" from a failure.
_DOES_NOT_FIT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, the device and the number of replicas."""
    configuration_arguments.add(parser)
    parser.add_argument(
        "--device",
        choices=tuple(DEVICES),
        help=f"exit status {_DOES_NOT_FIT} if a step does not fit there (default: list all)",
    )
    parser.add_argument(
        "--replicas",
        type=int,
        default=1,
        help="cores, chips or GPUs that share a batch (default: %(default)s)",
    )
    corpus_estimate.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the estimate; returns `_DOES_NOT_FIT` if a step does not fit on the named device."""
    config = configuration_arguments.load_without_data(options)
    if options.corpus is not None:
        corpus_estimate.print_for(config, size=options.corpus, workers=options.workers)
        return 0
    config = dataclasses.replace(config, model=config.sized_model())
    from pipeline import workloads

    workload = workloads.of(config, replicas=options.replicas)
    _print_cost(config, workload, _cost(config, workload, options.device), options.replicas)
    print()
    names = [options.device] if options.device else list(DEVICES)
    fits = [_print_fit(name, config, workload) for name in names]
    return _DOES_NOT_FIT if options.device and not all(fits) else 0


def _cost(config: PipelineConfig, workload: Workload, device: str | None) -> Cost:
    """Returns the cost of a step in the form that it has on a device."""
    from components.modeling.cost import training_cost
    from pipeline import workloads

    if device in GENERATIONS:
        config = workloads.for_accelerators(config)
    return training_cost(config.model, config.model_options, workload)


def _print_cost(config: PipelineConfig, workload: Workload, cost: Cost, replicas: int) -> None:
    model, run_options = config.model, config.model_options
    flops = cost.train_flops
    micro_batches = workload.micro_batches
    choices = f"{workload.num_choices} × " if workload.num_choices > 1 else ""
    rows = {
        "network": f"{model.n_layer} layers, d_model {model.d_model}, {model.n_head} heads of "
        f"{model.d_head}, d_inner {model.d_inner}, {model.n_token:,} pieces",
        "task": workload.task,
        "batch": f"{workload.batch_size} rows of {choices}{workload.seq_len} tokens per replica"
        + (f" and micro-batch, {micro_batches} of these" if micro_batches > 1 else "")
        + f", {replicas} of them",
        "compute": run_options.compute_dtype
        + (", layers rematerialised" if run_options.rematerialize else ""),
        "parameters": f"{cost.parameters:,}",
        "FLOPs": f"{flops / 1e9:,.1f} GFLOP per step and replica",
        "weights": _gigabytes(cost.weight_bytes),
        "gradients": _gigabytes(cost.gradient_bytes),
        "optimizer": _gigabytes(cost.optimizer_bytes),
        "activations": f"{_gigabytes(cost.activation_bytes)}, and "
        f"{_gigabytes(cost.working_bytes)} to compute with",
        "memory": f"{_gigabytes(cost.total_bytes)} per replica at the peak, when gradients have "
        "taken the place of activations",
    }
    for name, value in rows.items():
        print(f"{name:12} {value}")


def _print_fit(name: str, config: PipelineConfig, workload: Workload) -> bool:
    device = DEVICES[name]
    total = _cost(config, workload, name).total_bytes
    fits = total <= device.usable_bytes
    share = total / device.memory_bytes
    if fits:
        verdict = f"fits, {share:.0%} of the memory"
    else:
        rows = _largest_batch(config, workload, name)
        advice = f"at most {rows} rows per replica would" if rows else "not even one row would"
        verdict = f"does not fit, {share:.0%} of the memory; {advice}"
    print(f"{name:12} {device.description:29} {verdict}")
    return fits


def _largest_batch(config: PipelineConfig, workload: Workload, name: str) -> int:
    """Finds the largest number of rows per replica that fits; 0 if not even one row does."""
    usable_bytes = DEVICES[name].usable_bytes

    def total(rows: int) -> int:
        resized = dataclasses.replace(workload, batch_size=rows)
        return _cost(config, resized, name).total_bytes

    # Memory grows with the batch, so a binary search works.
    fitting, too_many = 0, workload.batch_size
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if total(middle) <= usable_bytes:
            fitting = middle
        else:
            too_many = middle
    return fitting


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):,.3f} GiB"
