"""Shows every promise of this project by its tests and commands, and writes docs/proof.md.

    python -m benchmarks.prove [--quick] [--only TEXT] [--page docs/proof.md]

The promises stand in benchmarks/promises.yaml. The page is written anew after each of them, so that
what is done is there if the rest is interrupted. The exit status is 1 if a promise did not hold.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from components import configuration, files, plain_yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROMISES = ROOT / "benchmarks" / "promises.yaml"
# pytest's last line, without the time, which stands in a column of its own.
_TESTS_FIGURE = r"(\d+ (?:passed|failed)[^\n]*?) in [\d.]+s"


@dataclasses.dataclass(frozen=True)
class Promise:
    """A promise and how it is shown: by tests, or by a command.

    Attributes:
        promise: what is promised, in a sentence.
        tests: files, folders or single tests below tests/, in pytest's spelling.
        command: module and arguments of a command that ends with status 0 if the promise holds.
        quick: the same with less work.
        figure: regular expression whose first group, in what the command prints, is shown; None
            shows the last line.
        minutes: about how long it takes if that is more than a few; quick proofs leave it out.
    """

    promise: str
    tests: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    figure: str | None = None
    minutes: configuration.PositiveInt | None = None

    def __post_init__(self) -> None:
        if bool(self.tests) == bool(self.command):
            raise ValueError("give either tests or a command.")

    def arguments(self, *, quick: bool) -> list[str]:
        """Returns the arguments for Python."""
        if self.tests:
            return ["-m", "pytest", "-q", *(f"tests/{test}" for test in self.tests)]
        return ["-m", *(self.quick if quick and self.quick else self.command)]

    def is_shown(self, *, quick: bool) -> bool:
        """Whether a proof, quick or whole, shows this promise."""
        return not quick or self.minutes is None or bool(self.quick)


@dataclasses.dataclass(frozen=True)
class Proof:
    """What came of showing a promise.

    Attributes:
        promise: the promise.
        command: the command that was run.
        verdict: whether it held.
        figure: the figure, or the last line of what was printed.
        seconds: how long it took.
    """

    promise: Promise
    command: str
    verdict: Literal["holds", "BROKEN"]
    figure: str
    seconds: float


def promises(path: pathlib.Path = PROMISES) -> list[Promise]:
    """Reads the promises.

    Raises:
        ConfigurationError: if an entry is not as `Promise` says.
    """
    document = plain_yaml.load(path.read_bytes(), where=str(path))
    return [
        configuration.build(Promise, entry, where=f"{path}[{index}]")
        for index, entry in enumerate(document)
    ]


def show(promise: Promise, *, quick: bool) -> Proof:
    """Runs what shows a promise."""
    arguments = promise.arguments(quick=quick)
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    printed = done.stdout.strip() or done.stderr.strip()
    pattern = _TESTS_FIGURE if promise.tests else promise.figure
    found = re.findall(pattern, printed) if pattern else printed.splitlines()
    return Proof(
        promise=promise,
        command=f"python {' '.join(arguments)}",
        verdict="BROKEN" if done.returncode else "holds",
        figure=found[-1].strip() if found else f"exit status {done.returncode}",
        seconds=time.monotonic() - begin,
    )


def page(proofs: Sequence[Proof], *, quick: bool, left_out: Sequence[Promise], commit: str) -> str:
    """Returns the page as Markdown."""
    lines = [
        "# Proof",
        "",
        f"Written by `make prove{' QUICK=1' if quick else ''}` on "
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}: commit {commit}, "
        f"Python {platform.python_version()}, TensorFlow {tf.__version__}, {os.cpu_count()} cores "
        f"({platform.machine()}). Repeat a line by its command, from this folder.",
        "",
        "| promise | verdict | figure | time | command |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {proof.promise.promise} | {proof.verdict} | {_cell(proof.figure)} "
        f"| {proof.seconds:.0f} s | `{_cell(proof.command)}` |"
        for proof in proofs
    ]
    if left_out:
        lines += ["", "Not shown here, because they take long:", ""]
        lines += [
            f"- {promise.promise}: `python {' '.join(promise.arguments(quick=False))}`"
            for promise in left_out
        ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours")
    parser.add_argument("--only", default="", help="part of the promises to show")
    parser.add_argument("--page", default=str(ROOT / "docs" / "proof.md"))
    options = parser.parse_args(arguments)
    chosen = [p for p in promises() if options.only.lower() in p.promise.lower()]
    shown = [p for p in chosen if p.is_shown(quick=options.quick)]
    left_out = [p for p in chosen if p not in shown]
    # Asked before the page is written, which would itself make the checkout differ from its commit.
    commit = _commit()
    proofs: list[Proof] = []
    for number, promise in enumerate(shown, start=1):
        proof = show(promise, quick=options.quick)
        proofs.append(proof)
        print(
            f"{number} of {len(shown)}: {proof.verdict} ({proof.figure}, {proof.seconds:.0f} s): "
            f"{promise.promise}",
            flush=True,
        )
        text = page(proofs, quick=options.quick, left_out=left_out, commit=commit)
        files.write_bytes(options.page, text.encode())
    return int(any(proof.verdict == "BROKEN" for proof in proofs))


def _commit() -> str:
    if shutil.which("git") is None:
        return "unknown"
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
