"""The file that benchmarks/accelerator_step packs, run with JAX on this machine's processors."""

import math
import os
import pathlib
import re
import subprocess
import sys

import pytest

from benchmarks.accelerator_step.__main__ import pack
from benchmarks.train_step.cases import Case
from pipeline.tpu_compiler import compiler

PEER = pathlib.Path(__file__).resolve().parents[1] / ".peer/bin/python"
TINY = Case("classification", 2, 16, 0, 0, 0, n_layer=1, d_model=64)


def test_the_packed_step_trains_wherever_jax_is(tmp_path):
    try:
        jax = compiler.interpreter()
    except compiler.CompilerError as error:
        pytest.skip(str(error))
    path = tmp_path / "step.pyz"
    pack(TINY, "float32", path)
    torch = str(PEER) if PEER.exists() else sys.executable
    process = subprocess.run(
        [
            *(jax, str(path), "--jax", jax, "--torch", torch, "--steps", "2", "--peak", "1e12"),
            # Compiling the other one takes minutes on a CPU.
            *("--contestant", "jax", "--contestant", "torch"),
        ],
        capture_output=True,
        text=True,
        # Away from the project, whose modules it must not need.
        cwd=tmp_path,
        env={"JAX_PLATFORMS": "cpu", "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[0].startswith("classification, 2 × 16, 1 layers of 64, float32")
    for name in ["ours, JAX", *(["Hugging Face, eager"] if PEER.exists() else [])]:
        (line,) = [line for line in lines if line.startswith(name)]
        losses = re.search(r"loss ([\d.]+), ([\d.]+); cpu", line)
        # Small random weights make both classes about equally likely.
        assert float(losses[1]) == pytest.approx(math.log(2), abs=0.1), line
        assert "of the peak" in line
