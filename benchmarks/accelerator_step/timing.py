"""Times steps that run in the background of a device."""

from __future__ import annotations

import json
import time
from collections.abc import Callable


def report(
    name: str, device: str, step: Callable[[], object], wait: Callable[[object], float], steps: int
) -> None:
    """Runs a step, and prints what it takes as a line of JSON.

    Args:
        name: name of the contestant.
        device: the device as its driver calls it.
        step: starts one update, and returns its loss.
        wait: waits for a loss, and with it for all updates before, and returns its value.
        steps: number of steps in each of three rounds.
    """
    started = time.perf_counter()
    losses = [wait(step())]
    first = time.perf_counter() - started
    wait(step())
    rounds = []
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(steps):
            loss = step()
        # Waiting for each would leave the device idle in between.
        losses.append(wait(loss))
        rounds.append((time.perf_counter() - started) / steps)
    print(
        json.dumps(
            {
                "name": name,
                "device": device,
                "first_step_seconds": first,
                "step_seconds": rounds,
                "losses": losses,
            }
        )
    )
