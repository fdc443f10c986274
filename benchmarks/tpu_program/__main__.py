"""Compiles the same step of ours and of a peer for a TPU, and prints what each takes there."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks.case_configuration import of_case
from benchmarks.train_step.cases import LARGE_CASES, Case
from pipeline.tpu_compiler import compiler, optimized_program, topologies, training_step
from pipeline.tpu_compiler.compiler import Compiled
from pipeline.tpu_compiler.optimized_program import OptimizedProgram
from pipeline.tpu_compiler.topologies import Target

_PEER_SCRIPT = pathlib.Path(__file__).with_name("peer_model_garden.py")
_HEADINGS = (
    "million cycles",
    "loops",
    "GB accessed",
    "GFLOP",
    "GiB temp",
    "GiB all",
    "MB",
    "CPU s",
)


def main() -> None:
    """Parses the command line, compiles, and prints a table for each case."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="benchmarks/README.md says how a peer's interpreter is made."
    )
    parser.add_argument("--peer", metavar="model_garden=PYTHON", help="interpreter that has it")
    parser.add_argument("--case", choices=sorted(LARGE_CASES), action="append")
    parser.add_argument("--layers", type=int, default=2, help="number of layers")
    parser.add_argument("--device", default="v5e", help="such as v3 or v5e")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), action="append", help="of ours; both by default"
    )
    options = parser.parse_args()
    name, _, python = (options.peer or "").partition("=")
    if options.peer and (name != "model_garden" or not python):
        parser.error(f"--peer {options.peer!r} should be model_garden=PYTHON")
    target = topologies.parse(options.device, 1)
    for name in options.case or sorted(LARGE_CASES):
        case = dataclasses.replace(LARGE_CASES[name], n_layer=options.layers)
        print(
            f"\n{name}, {case.batch_size} × {case.seq_len}, {case.n_layer} layers of "
            f"{case.d_model}, {target.device}"
        )
        print(f"{'':22}" + "".join(f"{heading:>12}" for heading in _HEADINGS))
        for dtype in options.dtype or ("bfloat16", "float32"):
            step = training_step.compile_step(of_case(case, dtype), target)
            _print(f"ours, {dtype}", step.compiled, step.program, step.exported_bytes)
        if python:
            _print("Model Garden, float32", *_compile_peer(python, case, target))


def _compile_peer(
    python: str, case: Case, target: Target
) -> tuple[Compiled, OptimizedProgram, int]:
    with tempfile.TemporaryDirectory() as folder, compiler.only_one():
        program, text = pathlib.Path(folder, "step.hlo.pb"), pathlib.Path(folder, "step.txt")
        process = subprocess.run(
            [python, str(_PEER_SCRIPT), json.dumps(dataclasses.asdict(case)), str(program)],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if process.returncode:
            reason = process.stderr.strip().splitlines()[-1:] or ["no message"]
            sys.exit(f"model_garden does not export {case.name}: {reason[0]}")
        compiled = compiler.compile_program(program, target, text=text)
        return compiled, optimized_program.read(text), program.stat().st_size


def _print(name: str, compiled: Compiled, program: OptimizedProgram, exported_bytes: int) -> None:
    values = (
        program.cycles / 1e6,
        program.loops,
        compiled.accessed_bytes / 1e9,
        compiled.flops / 1e9,
        compiled.temporary_bytes / 2**30,
        compiled.total_bytes / 2**30,
        exported_bytes / 1e6,
        compiled.cpu_seconds,
    )
    cells = (f"{value:12,}" if isinstance(value, int) else f"{value:12,.2f}" for value in values)
    print(f"{name:22}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
