"""The code that all contestants share: runs a step, times it, and prints a line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

from cases import CASES, Case


def main(make_step: Callable[[Case, str], Callable[[], float]]) -> None:
    """Runs a contestant's script, whose arguments are `CASE DTYPE STEPS`.

    Args:
        make_step: takes a case and a dtype ("float32" or "bfloat16"), and returns a function that
            makes one update and returns its loss.
    """
    name, dtype, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    started = time.perf_counter()
    step = make_step(CASES[name], dtype)
    build_seconds = time.perf_counter() - started
    seconds, losses = [], []
    for _ in range(steps + 1):
        started = time.perf_counter()
        losses.append(step())
        seconds.append(time.perf_counter() - started)
    print(
        json.dumps(
            {
                "build_seconds": build_seconds,
                "first_step_seconds": seconds[0],
                "step_seconds": seconds[1:],
                "losses": losses,
                # On Linux this is in KiB.
                "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            }
        )
    )
