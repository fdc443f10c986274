"""Runs the contestants in turn for several rounds, and prints medians and ratios."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from benchmarks import peers
from benchmarks.train_step.cases import CASES, THREADS

_FOLDER = pathlib.Path(__file__).parent
# Our own step runs in this interpreter, and in one that has the other stack of versions.
_OURS = ("ours", "other_stack")
_PEERS = ("hugging_face", "model_garden", "keras_hub", "reference", "other_stack")
_REFERENCE_ROOT = "XLNET_REFERENCE_ROOT"


def main() -> None:
    """Parses the command line and compares the contestants on each case."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=(
            "A peer's interpreter belongs to an environment of its own; benchmarks/README.md says "
            "how each is made. The peer 'reference' is the TF2 port that this project took over "
            "from: its interpreter needs TensorFlow and tf_keras only (this project's own will "
            "do), and --reference-root the folder that holds its official/nlp/."
        ),
    )
    peers.add_option(parser, _PEERS)
    parser.add_argument(
        "--reference-root",
        metavar="FOLDER",
        default=os.environ.get(_REFERENCE_ROOT),
        help=f"that holds the reference's official/nlp/; {_REFERENCE_ROOT} by default",
    )
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--steps", type=int, default=5, help="timed steps per round")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    interpreters = {"ours": sys.executable, **peers.interpreters(parser, options.peer, _PEERS)}
    if "reference" in interpreters and not options.reference_root:
        parser.error("--peer reference=… needs --reference-root FOLDER")
    for name in options.case or sorted(CASES):
        _compare(name, interpreters, options)


def matmul_peak(dtype: str, repeats: int = 20) -> float:
    """Measures the best GFLOP/s of a matrix product, on as many threads as the contestants have.

    It tries several shapes, including those of the network's own products, because no single shape
    is the fastest on every machine.

    Args:
        dtype: dtype of the matrices.
        repeats: number of products of each shape.
    """
    # Imported here to keep --help quick.
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    best = 0.0
    for rows, inner, columns in ((1024,) * 3, (2048,) * 3, (1024, 768, 3072), (2048, 3072, 768)):
        left, right = tf.ones([rows, inner], dtype), tf.ones([inner, columns], dtype)
        product = tf.function(lambda left=left, right=right: tf.matmul(left, right)[:1])
        for _ in range(repeats):
            started = time.perf_counter()
            product().numpy()
            seconds = time.perf_counter() - started
            best = max(best, 2 * rows * inner * columns / seconds / 1e9)
    return best


def _compare(case: str, interpreters: dict[str, str], options: argparse.Namespace) -> None:
    results: dict[str, list[dict]] = {}
    peak = 0.0
    for _ in range(options.rounds):
        peak = max(peak, matmul_peak(options.dtype))
        for name, python in interpreters.items():
            result = _run(name, python, case, options)
            if result is not None:
                results.setdefault(name, []).append(result)
    print(f"\n{case}, {options.dtype}; {THREADS} threads multiply {peak:.0f} GFLOP/s at best")
    print(f"{'':14}{'step':>9}{'best':>9}{'first':>9}{'peak GB':>9}{'of peak':>9}{'ours is':>10}")
    if "ours" not in results:
        return
    ours = _median(results["ours"])
    for name, rounds in results.items():
        step = _median(rounds)
        best = min(min(result["step_seconds"]) for result in rounds)
        first = max(result["first_step_seconds"] for result in rounds)
        memory = max(result["peak_gigabytes"] for result in rounds)
        share = CASES[case].gigaflop / step / peak
        print(
            f"{name:14}{step:8.2f}s{best:8.2f}s{first:8.1f}s{memory:9.2f}{share:9.0%}"
            f"{step / ours:9.2f}×"
        )


def _median(rounds: list[dict]) -> float:
    return statistics.median(seconds for result in rounds for seconds in result["step_seconds"])


def _run(name: str, python: str, case: str, options: argparse.Namespace) -> dict | None:
    # The prefix is needed because a script must not have the name of the package that it imports.
    script = "ours.py" if name in _OURS else f"peer_{name}.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if options.reference_root:
        environment[_REFERENCE_ROOT] = options.reference_root
    process = subprocess.run(
        [python, str(_FOLDER / script), case, options.dtype, str(options.steps)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if process.returncode:
        reason = process.stderr.strip().splitlines()[-1:] or ["no message"]
        print(f"{name} does not run {case} in {options.dtype}: {reason[0]}", file=sys.stderr)
        return None
    result = json.loads(process.stdout.strip().splitlines()[-1])
    steps = ", ".join(f"{seconds:.2f}" for seconds in result["step_seconds"])
    print(f"{name}: steps of {steps} s", file=sys.stderr)
    return result


if __name__ == "__main__":
    main()
