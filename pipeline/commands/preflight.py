"""`xlnet-pipeline preflight`: checks, without a TPU, whether a training step compiles for one."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from pipeline.commands import configuration_arguments

if TYPE_CHECKING:
    from pipeline.tpu_compiler.training_step import CompiledStep

HELP = "compile a training step, without data and without a TPU, and say what it takes"
EXAMPLES = """\
  xlnet-pipeline preflight squad2_large --replicas 8
  xlnet-pipeline preflight squad2_large --replicas 8 --set model.n_layer=2 --optimize
  xlnet-pipeline preflight squad2_large --compile v3 --replicas 8
  xlnet-pipeline preflight mine.yaml --compile v5e:2x4 --json --text step.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the configuration, the number of replicas and how far to compile."""
    configuration_arguments.add(parser)
    parser.add_argument(
        "--replicas",
        type=int,
        help="cores, chips or GPUs that share a batch; by default 1, or those of the topology",
    )
    parser.add_argument(
        "--optimize",
        action="store_true",
        help="let XLA optimize the step for this machine, too: minutes for a large model",
    )
    parser.add_argument(
        "--compile",
        metavar="DEVICE",
        help="compile with the TPU's own compiler (`make preflight-tools`) for v2, v3, v4, v5e, "
        "v5p or v6e, or for a topology such as v5e:2x4: minutes for a large model",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--text", metavar="FILE", help="write the optimized program to a file")


def run(options: argparse.Namespace) -> int:
    """Compiles a training step and prints what it takes; returns the exit status.

    Raises:
        PreflightError: if something has a dynamic shape; the message says what.
        NotLoweredError: if XLA does not support an operation.
        TopologyError: if there is no such device.
        CompilerError: if the TPU's compiler is not there, or refuses the step.
    """
    if options.compile:
        return _compile_for_tpu(options)
    if options.json or options.text:
        raise ValueError("--json and --text say what the TPU's compiler did: add --compile DEVICE.")
    config = configuration_arguments.load_without_data(options)
    from components.trainer import preflight
    from pipeline import workloads

    replicas = 1 if options.replicas is None else options.replicas
    started = time.monotonic()
    task, features = workloads.training_step(config, replicas=replicas)
    lowered = preflight.lower(task, config.training, features, compiled=options.optimize)
    rows = next(iter(features.values())).shape[0]
    print(f"{'batch':12} {rows} rows per replica, {replicas} of them")
    print(f"{'compiled':12} {lowered.instructions:,} instructions, all of static shapes")
    print(f"{'time':12} {time.monotonic() - started:.1f} s")
    return 0


def _compile_for_tpu(options: argparse.Namespace) -> int:
    from pipeline.tpu_compiler import topologies, training_step

    target = topologies.parse(options.compile, options.replicas)
    config = configuration_arguments.load_without_data(options)
    step = training_step.compile_step(config, target, text=options.text)
    if options.json:
        print(json.dumps({"preset": options.preset, **step.to_plain()}, indent=2))
    else:
        _print_step(step)
    return 0


def _print_step(step: CompiledStep) -> None:
    target, compiled, program = step.target, step.compiled, step.program
    workload = step.workload
    micro_batches = workload.micro_batches
    allowed = target.properties.allowed_bytes
    estimate_off = step.estimated_bytes / compiled.total_bytes - 1
    rows = {
        "device": f"{target.properties.description}, {target.replicas} of {target.topology}",
        "batch": f"{workload.batch_size * micro_batches} rows of {workload.seq_len} tokens per "
        "replica" + (f", in {micro_batches} micro-batches" if micro_batches > 1 else ""),
        "arguments": _gigabytes(compiled.argument_bytes),
        "results": _gigabytes(compiled.result_bytes),
        "temporaries": _gigabytes(compiled.temporary_bytes),
        "code": _gigabytes(compiled.code_bytes),
        "memory": f"{_gigabytes(compiled.total_bytes)} of {_gigabytes(allowed)}, "
        f"{compiled.total_bytes / allowed:.0%}; `estimate` says {estimate_off:+.0%}",
        "operations": f"{compiled.flops / 1e9:,.0f} GFLOP, of which the model needs "
        f"{step.model_flops / 1e9:,.0f}",
        "traffic": f"{compiled.accessed_bytes / 1e9:,.1f} GB read and written",
        "cycles": f"{program.cycles / 1e6:,.1f} million, with {program.loops} loops",
        "step": f"at least {step.seconds:.4f} s, at most {step.utilization:.0%} of the peak",
        "program": f"{step.exported_bytes / 1e6:,.1f} MB, optimized to {program.instructions:,} "
        "instructions",
        "compile": f"{compiled.seconds:.0f} s, {compiled.cpu_seconds:.0f} s of the processors, "
        f"{_gigabytes(compiled.host_bytes)} of this machine; libtpu {compiled.versions['libtpu']}",
    }
    for name, value in rows.items():
        print(f"{name:12} {value}")
    print("\nmost expensive, layers added up")
    for name, cycles in program.places[:10]:
        share = cycles / max(program.cycles, 1)
        print(f"{share:6.1%} {cycles / 1e6:8.1f} M  {name}")


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):,.3f} GiB"
