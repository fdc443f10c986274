"""Asks the contestants in turn, and prints latencies, throughput and ratios."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import benchmarks.inference
from benchmarks import peers
from benchmarks.inference.cases import (
    CELLS,
    QUESTIONS,
    QUESTIONS_MODEL,
    QUICK_CELLS,
    SENTENCES,
    SIZES,
    THREADS_VARIABLE,
)

_FOLDER = pathlib.Path(__file__).parent
_PEERS = ("hugging_face", "hugging_face_compiled")
# Threads of the contestant that has just answered go on waiting for work for some milliseconds.
_PAUSE_SECONDS = 0.05
_COLUMNS = ("p50", "p99", "rows/s", "ours is", "CPU", "ours is")


class Contestant:
    """A process that answers requests.

    Args:
        python: its interpreter.
        script: its script in this folder.
        arguments: arguments of the script.
        threads: number of its threads.
    """

    def __init__(self, python: str, script: str, *arguments: str, threads: int) -> None:
        self._process = subprocess.Popen(
            [python, str(_FOLDER / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(threads),
        )

    def answer(self, request: dict[str, Any]) -> tuple[float, float]:
        """Returns the seconds that it takes to answer, and those on the processors.

        Raises:
            RuntimeError: if the process has ended.
        """
        time.sleep(_PAUSE_SECONDS)
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args[1]} ended; its reason is above")
        return tuple(json.loads(line))

    def end(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Parses the command line and compares the contestants for each size and dtype."""
    parser = argparse.ArgumentParser(
        description=benchmarks.inference.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--vocabulary", required=True, help="SentencePiece model of 32,000 pieces")
    parser.add_argument("--sst2", help="sentences, in the layout of SST-2's dev.tsv")
    parser.add_argument("--squad", help="questions, in the layout of SQuAD")
    peers.add_option(parser, _PEERS)
    parser.add_argument("--size", choices=sorted(SIZES), action="append")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), action="append")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--pairs", type=int, default=100, help="of answers to a request")
    parser.add_argument("--quick", action="store_true", help="few requests, ten pairs at most")
    options = parser.parse_args()
    interpreters = peers.interpreters(parser, options.peer, _PEERS)
    for size in options.size or ("base",):
        for dtype in options.dtype or ("float32", "bfloat16"):
            _compare(size, dtype, interpreters, options)


def _compare(
    size: str, dtype: str, interpreters: dict[str, str], options: argparse.Namespace
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arguments = (size, dtype, folder)
        names = ["sentences"] if options.quick else ["sentences", "paragraphs"]
        if options.squad:
            names.append(QUESTIONS_MODEL)
        subprocess.run(
            [sys.executable, str(_FOLDER / "push.py"), *arguments, options.vocabulary, *names],
            check=True,
            env=_environment(options.threads),
        )
        scripts = {"ours": (sys.executable, "ours.py")} | {
            name: (python, f"peer_{name}.py") for name, python in interpreters.items()
        }
        contestants = {
            name: Contestant(*script, *arguments, threads=options.threads)
            for name, script in scripts.items()
        }
        print(f"\nXLNet-{size.capitalize()}, {dtype}, {options.threads} threads; milliseconds")
        columns = "".join(f"{column:>10}" for column in _COLUMNS)
        pairs = min(options.pairs, 10) if options.quick else options.pairs
        for name, rows, request in _requests(options):
            print(f"{name:30}{columns}")
            _report(rows, _measure(contestants, request, pairs))
        for contestant in contestants.values():
            contestant.end()


def _requests(options: argparse.Namespace) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yields name, number of rows, and content of each request."""
    for rows, length in QUICK_CELLS if options.quick else CELLS:
        request = {"work": "ids", "rows": rows, "length": length}
        yield f"ids, {rows} × {length}", rows, request
    draw = random.Random(0)
    if options.sst2:
        with open(options.sst2, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for number in SENTENCES:
            texts = [row["sentence"] for row in draw.sample(rows, number)]
            yield f"SST-2, {number} in a request", number, {"work": "texts", "texts": texts}
    if options.squad:
        with open(options.squad, encoding="utf-8") as file:
            articles = json.load(file)["data"]
        asked = [
            (question["question"], paragraph["context"])
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
        for number in QUESTIONS[:1] if options.quick else QUESTIONS:
            questions, contexts = zip(*draw.sample(asked, number), strict=True)
            request = {"work": "questions", "questions": questions, "contexts": contexts}
            yield f"SQuAD, {number} in a request", number, request


def _measure(
    contestants: dict[str, Contestant], request: dict[str, Any], pairs: int
) -> dict[str, list[tuple[float, float]]]:
    """Returns the seconds of each contestant's answers, in the order of the pairs."""
    # The first calls make plans and compile.
    for contestant in contestants.values():
        contestant.answer(request)
        contestant.answer(request)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    order = list(contestants.items())
    for _ in range(pairs):
        for name, contestant in order:
            seconds[name].append(contestant.answer(request))
        # Nobody is always the one that comes after the other.
        order.reverse()
    return seconds


def _report(rows: int, seconds: dict[str, list[tuple[float, float]]]) -> None:
    our_passed, our_used = zip(*seconds["ours"], strict=True)
    for name, times in seconds.items():
        passed, used = zip(*times, strict=True)
        p50 = statistics.median(passed)
        p99 = sorted(passed)[min(len(passed) - 1, round(0.99 * len(passed)))]
        print(
            f"  {name:28}{1000 * p50:10.1f}{1000 * p99:10.1f}{rows / p50:10.1f}"
            f"{_ratio(passed, our_passed):9.2f}×"
            f"{1000 * statistics.median(used):10.1f}{_ratio(used, our_used):9.2f}×",
            flush=True,
        )


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))


def _environment(threads: int) -> dict[str, str]:
    # TensorFlow chooses its Keras when it is first imported, and Transform must get ours.
    ours = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **ours, THREADS_VARIABLE: str(threads)}


if __name__ == "__main__":
    main()
