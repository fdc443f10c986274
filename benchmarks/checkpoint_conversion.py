"""Measures time and memory of converting XLNet-Base, with exactly the published variables.

    python -m benchmarks.checkpoint_conversion

Each conversion is a run of `xlnet-pipeline convert` in a process of its own. Its time includes
starting Python and importing TensorFlow. It should take at most 60 s and 4 GB.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from components.checkpoint_conversion import named_checkpoint

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_VARIABLES = "xlnet_base_ckpt_vars.txt"
_CONFIG = "xlnet_config_base.json"

# The program of a small process between this one and the command. Linux counts what the parent has
# when it forks as part of the child's peak, and this process has made gigabytes of random numbers.
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def main() -> None:
    """Prints one line per conversion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_root = os.environ.get("XLNET_DATA_ROOT", str(_ROOT.parent / "shared" / "data"))
    parser.add_argument("--data-root", default=default_root)
    data = pathlib.Path(parser.parse_args().data_root) / "xlnet"
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        _write_published(root / "published", data)
        for source, target, name in (
            ("published", "xlnet", "xlnet"),
            ("published", "hf", "hf"),
            ("hf", "xlnet", "back"),
        ):
            seconds, cpu_seconds, gigabytes = _convert(root / source, target, root / name)
            print(
                f"{source} → {target}: {seconds:.1f} s ({cpu_seconds:.1f} s of CPU), "
                f"peak {gigabytes:.2f} GB",
                flush=True,
            )
        before = named_checkpoint.open_arrays(str(root / "published"))
        after = named_checkpoint.open_arrays(str(root / "back"))
        equal = set(before) == set(after) and all(
            np.array_equal(before[name], after[name]) for name in before
        )
        print(f"back again equal to the bit: {equal} ({before.num_parameters:,} parameters)")


def _write_published(folder: pathlib.Path, data: pathlib.Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    arrays = {}
    for line in (data / _VARIABLES).read_text().splitlines():
        name, _, shape = line.partition("\t")
        if shape:
            sizes = [int(size) for size in shape.strip("[]").split(",") if size]
            arrays[name] = rng.standard_normal(sizes, np.float32)
    arrays["global_step"] = np.int64(0)
    named_checkpoint.write_arrays(str(folder), arrays)
    (folder / "xlnet_config.json").write_bytes((data / _CONFIG).read_bytes())
    (folder / "spiece.model").write_bytes((data / "spiece.model").read_bytes())


def _convert(
    source: pathlib.Path, target_format: str, target: pathlib.Path
) -> tuple[float, float, float]:
    """Converts a checkpoint; returns seconds, seconds of CPU time, and peak memory in gigabytes."""
    command = [sys.executable, "-m", "pipeline.cli", "convert", str(source), str(target)]
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command, "--to", target_format],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    cpu_seconds, kilobytes = result.stdout.splitlines()[-1].split()
    return seconds, float(cpu_seconds), int(kilobytes) * 1024 / 1e9


if __name__ == "__main__":
    main()
