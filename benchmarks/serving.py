"""Measures how `xlnet-pipeline serve` answers many clients on this machine.

    python -m benchmarks.serving MODEL [--requests 1000] [--clients 32]

It starts the server in a process of its own, sends requests of mixed lengths, and prints lost
requests, latencies and throughput. It also sends requests that a server should refuse, and checks
that the server is still running afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import numpy as np

from components.export.signatures import SERVING_IDS

_NAME = "benchmark"
_START_SECONDS = 180
_WORDS = ("house", "river", "doctor", "who", "reads", "maps", "the", "by", "in", "winter")
_BAD_BODIES = {
    "malformed JSON": b'{"instances": [',
    "body of 10 MB": b"x" * 10_000_000,
    "binary garbage": bytes(range(256)) * 100,
    "deep nesting": b"[" * 200_000,
    "nothing": b"",
}


def main() -> None:
    """Runs the benchmark and prints the results as JSON; status 1 if a request was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="folder that a run pushed to")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    with serving(options.model) as (process, address):
        result = asyncio.run(_measure(address, options.requests, options.clients))
        result["server lives"] = process.poll() is None
        began = time.monotonic()
        process.terminate()
        result["exit status"] = process.wait(timeout=60)
        result["shutdown seconds"] = round(time.monotonic() - began, 2)
    print(json.dumps(result, indent=2))
    sys.exit(int(bool(result["lost"]) or not result["server lives"]))


@contextlib.contextmanager
def serving(model: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """Starts the server on a free port, and yields its process and address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "serve", model, "--name", _NAME]
    process = subprocess.Popen([*command, "--port", str(port)])
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


async def _measure(address: str, num_requests: int, num_clients: int) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(address, timeout=timeout) as session:
        kind = await wait_until_ready(session)
        rng = random.Random(0)
        bodies = [make_body(kind, rng) for _ in range(num_requests)]
        # Warm up, because the first request in each bucket of lengths is slow.
        for body in bodies[:20]:
            await post(session, body)
        latencies: list[float] = []
        statuses: collections.Counter[int | str] = collections.Counter()
        waiting = iter(bodies)

        async def client() -> None:
            for body in waiting:
                began = time.perf_counter()
                try:
                    status, _ = await post(session, body)
                except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                    status = type(error).__name__
                latencies.append(time.perf_counter() - began)
                statuses[status] += 1

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(num_clients)))
        seconds = time.perf_counter() - began
        async with session.get(f"/v1/models/{_NAME}/metadata") as response:
            signatures = (await response.json())["metadata"]["signature_def"]["signature_def"]
        bad = {
            name: await _refused(session, body)
            for name, body in bad_bodies(kind, list(signatures[SERVING_IDS]["inputs"])).items()
        }
        status, _ = await post(session, bodies[0])
    p50, p99 = np.percentile(np.array(latencies) * 1000, [50, 99])
    return {
        "kind": kind,
        "requests": num_requests,
        "clients": num_clients,
        "statuses": {str(key): value for key, value in statuses.items()},
        "lost": num_requests - statuses[200],
        "p50 ms": round(float(p50), 1),
        "p99 ms": round(float(p99), 1),
        "requests per second": round(num_requests / seconds, 1),
        "refused": bad,
        "answers afterwards": status,
    }


async def wait_until_ready(session: aiohttp.ClientSession) -> str:
    """Waits for the server, and returns the kind of its model."""
    for _ in range(_START_SECONDS):
        try:
            async with session.get("/readyz") as response:
                return (await response.json())["kind"]
        except aiohttp.ClientError:
            await asyncio.sleep(1)
    raise TimeoutError(f"the server did not start within {_START_SECONDS} s")


async def post(session: aiohttp.ClientSession, body: bytes) -> tuple[int, dict[str, Any]]:
    """Asks for a prediction; returns the status and the answer."""
    async with session.post(f"/v1/models/{_NAME}:predict", data=body) as response:
        return response.status, await response.json()


async def _refused(session: aiohttp.ClientSession, body: bytes) -> str:
    status, content = await post(session, body)
    return f"{status} {content.get('error')}"


def _text(rng: random.Random, num_words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=num_words)) + "."


def _instance(kind: str, text: str) -> dict[str, str]:
    if kind == "question_answering":
        return {"question": "Who reads maps?", "context": text}
    return {"text_a": text, "text_b": ""}


def make_body(kind: str, rng: random.Random) -> bytes:
    """Makes a request that should be answered, with a text of random length."""
    instance = _instance(kind, _text(rng, rng.randint(3, 120)))
    return json.dumps({"instances": [instance]}).encode()


def bad_bodies(kind: str, ids: list[str]) -> dict[str, bytes]:
    """Makes requests that should be refused, by what is wrong with them.

    Args:
        kind: kind of the model.
        ids: names of the inputs of the signature that takes ids.
    """
    long = {"instances": [_instance(kind, "x" * 100_000)]}
    empty = {"instances": [_instance(kind, "")]}
    numbers = {"instances": [dict.fromkeys(_instance(kind, ""), 1)]}
    texts = {"signature_name": SERVING_IDS, "instances": [{name: ["text"] for name in ids}]}
    fractions = {"signature_name": SERVING_IDS, "instances": [{name: [0.5] for name in ids}]}
    return {
        **_BAD_BODIES,
        "text of 100 kB": json.dumps(long).encode(),
        "numbers for texts": json.dumps(numbers).encode(),
        "texts for ids": json.dumps(texts).encode(),
        "fractions for ids": json.dumps(fractions).encode(),
        "empty text": json.dumps(empty).encode(),
    }


if __name__ == "__main__":
    main()
