"""Keeps `xlnet-pipeline serve` busy for a long time, under everything that a service meets.

    python -m benchmarks.soak MODEL [--minutes 60] [--clients 32]

Clients ask without a pause, one request in ten hostile, while new versions of the model appear,
whole and damaged, and old ones go. Every valid request must get its answer, the same each time,
and every hostile one a 4xx; the peak of the server's memory, two versions at a time, must not be
higher by more than a tenth in the second half of the time than in the first; and SIGTERM must end
it with status 0. The exit status is 1 if any of this did
not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import itertools
import pathlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from benchmarks import serving
from components.export.signatures import SERVING_IDS

_BODIES = 200
_HOSTILE_SHARE = 0.1
_SECONDS_BETWEEN_VERSIONS = 15.0
_KEPT_VERSIONS = 3
_GROWTH = 1.1


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=pathlib.Path, help="folder that a run pushed to")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    newest = max(options.model.iterdir(), key=lambda path: int(path.name))
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since versions come and go here.
        versions = pathlib.Path(folder) / "model"
        shutil.copytree(newest, versions / "1")
        with serving.serving(str(versions)) as (process, address):
            counts, memory = asyncio.run(
                _soak(address, versions, process.pid, options.minutes * 60, options.clients)
            )
            process.terminate()
            status = process.wait(timeout=60)
    half = len(memory) // 2
    peak, grown = max(memory[:half]), max(memory[half:]) / max(memory[:half])
    print(
        f"{counts['right']:,} answers, {counts['wrong']} wrong, {counts['lost']} lost; "
        f"{counts['refused']:,} hostile requests refused, {counts['let pass']} not; "
        f"{counts['versions']} versions; at most {peak >> 20} MiB in the first half, "
        f"{grown:.2f} times that in the second; ended with status {status}"
    )
    bad = counts["wrong"] + counts["lost"] + counts["let pass"]
    sys.exit(int(bool(bad or status or grown > _GROWTH or not counts["right"])))


async def _soak(
    address: str, versions: pathlib.Path, pid: int, seconds: float, num_clients: int
) -> tuple[Mapping[str, int], Sequence[int]]:
    """Returns counts by outcome, and the server's memory in bytes once a second."""
    counts: collections.Counter[str] = collections.Counter()
    memory: list[int] = []
    async with aiohttp.ClientSession(address, timeout=aiohttp.ClientTimeout(total=120)) as session:
        kind = await serving.wait_until_ready(session)
        async with session.get("/v1/models/benchmark/metadata") as response:
            signatures = (await response.json())["metadata"]["signature_def"]["signature_def"]
        hostile = list(serving.bad_bodies(kind, list(signatures[SERVING_IDS]["inputs"])).values())
        rng = random.Random(0)
        bodies = [serving.make_body(kind, rng) for _ in range(_BODIES)]
        expected = [(await serving.post(session, body))[1] for body in bodies]
        end = time.monotonic() + seconds

        async def client(number: int) -> None:
            rng = random.Random(number)
            while time.monotonic() < end:
                is_hostile = rng.random() < _HOSTILE_SHARE
                index = rng.randrange(len(hostile if is_hostile else bodies))
                try:
                    status, answer = await serving.post(
                        session, hostile[index] if is_hostile else bodies[index]
                    )
                except (aiohttp.ClientError, asyncio.TimeoutError):
                    # A server may close the connection on a body that it refuses.
                    counts["refused" if is_hostile else "lost"] += 1
                    continue
                if is_hostile:
                    counts["refused" if status < 500 else "let pass"] += 1
                elif status != 200:
                    counts["lost"] += 1
                else:
                    counts["right" if _equal(answer, expected[index]) else "wrong"] += 1

        async def watch() -> None:
            while time.monotonic() < end:
                memory.append(_memory(pid))
                await asyncio.sleep(1)

        async def publish() -> None:
            for number in itertools.count(2):
                await asyncio.sleep(_SECONDS_BETWEEN_VERSIONS)
                if time.monotonic() > end:
                    return
                await asyncio.to_thread(_publish, versions, number)
                counts["versions"] += 1

        await asyncio.gather(watch(), publish(), *map(client, range(num_clients)))
    return counts, memory


def _publish(versions: pathlib.Path, number: int) -> None:
    """Adds a version, every second time a damaged one, and removes what is long superseded."""
    copy = versions / f".{number}"
    shutil.copytree(versions / "1", copy)
    if number % 2:
        for path in copy.glob("variables/variables.data-*"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    copy.rename(versions / str(number))
    for path in sorted(versions.glob("[0-9]*"), key=lambda path: int(path.name))[1:-_KEPT_VERSIONS]:
        shutil.rmtree(path)


def _equal(one: Any, other: Any) -> bool:
    """Whether two answers agree; batches of other sizes may differ in the last digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-4
    return one == other


def _memory(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line[:5] == "VmRSS") << 10


if __name__ == "__main__":
    main()
