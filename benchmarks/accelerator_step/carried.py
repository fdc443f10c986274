"""Runs the carried training step through JAX, beside Hugging Face's through PyTorch.

Each runs in a process of its own, one after the other. Needed are JAX for the device (the version
that docker/locks/preflight-tools.in names, with CUDA) and PyTorch with transformers, in one
environment or in two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import zipfile

import accelerator_peaks

_CONTESTANTS = ("jax", "torch", "torch-compiled")


def main() -> None:
    """Runs the contestants and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jax", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--steps", type=int, default=20, help="steps in each of three rounds")
    parser.add_argument("--peak", type=float, help="peak operations per second, if not known")
    parser.add_argument(
        "--contestant", choices=_CONTESTANTS, action="append", help="all by default"
    )
    # In a process of its own.
    parser.add_argument("--measure", choices=_CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with zipfile.ZipFile(sys.argv[0]) as archive:
        about = json.loads(archive.read("step.json"))
        hlo = archive.read("step.hlo.pb") if options.measure == "jax" else b""
    if options.measure == "jax":
        import step_jax

        step_jax.run(hlo, about, options.steps)
    elif options.measure:
        import step_torch

        step_torch.run(about, options.steps, compiled=options.measure == "torch-compiled")
    else:
        _compare(options, about)


def _compare(options: argparse.Namespace, about: dict) -> None:
    case = about["case"]
    print(
        f"{case['name']}, {case['batch_size']} × {case['seq_len']}, {case['n_layer']} layers of "
        f"{case['d_model']}, {about['dtype']}; {about['flops'] / 1e9:,.0f} GFLOP"
    )
    for name in options.contestant or _CONTESTANTS:
        python = options.jax if name == "jax" else options.torch
        process = subprocess.run(
            [python, sys.argv[0], "--measure", name, "--steps", str(options.steps)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in process.stdout.splitlines() if line.startswith('{"name"')]
        if process.returncode or not lines:
            said = process.stderr.strip().splitlines() or ["no message"]
            errors = [number for number, line in enumerate(said) if "Error: " in line]
            reason = " ".join(said[errors[-1] :][:3]) if errors else said[-1]
            print(f"{name:24} does not run: {reason}")
            continue
        result = json.loads(lines[0])
        seconds = statistics.median(result["step_seconds"])
        peak = options.peak or accelerator_peaks.of_name(result["device"])
        share = f"{about['flops'] / seconds / peak:.0%} of the peak" if peak else "peak unknown"
        losses = result["losses"]
        print(
            f"{result['name']:24} {seconds:.4f} s, {share}; "
            f"first {result['first_step_seconds']:.0f} s; "
            f"loss {losses[0]:.3f}, {losses[-1]:.3f}; {result['device']}"
        )


if __name__ == "__main__":
    main()
