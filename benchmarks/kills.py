"""Kills runs at random moments, and compares what they end in with a run that was left alone.

    python -m benchmarks.kills PRESET [--runs 50] [--seed 0] [--signal KILL] [--set KEY=VALUE …]

Every run is killed one to three times, each time the whole process group, at a moment drawn
uniformly from the time that an undisturbed run takes; then it is started once more and left alone.
Weights, records, metrics and the pushed folder must be the same bytes. Prints a line for each run;
the exit status is 1 if any run ended differently. All runs write to the same folder, one after the
other, so that paths in what they write are no difference.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from components import files

_SIGNALS = ("KILL", "TERM", "INT")
_MOST_KILLS = 3
# What differs between two undisturbed runs too: what holds the time of day or is a log; TFMA's
# files, whose maps have no order; and the graph of a SavedModel, whose functions TensorFlow numbers
# anew in each process (the variables beside it are compared).
_VOLATILE = (
    *("*.tfevents.*", "report.html", "README.md", "history.jsonl"),
    *("attributions-*", "metrics-*", "plots-*"),
    *("saved_model.pb", "fingerprint.pb"),
)
# TFMA's copy of its settings names the model that it judged by the number of an execution.
_NAMES_EXECUTIONS = "eval_config.json"
_EXECUTION = re.compile(rb"(?<=/)\d+(?=/)")


@dataclasses.dataclass(frozen=True)
class Runner:
    """Starts the command under test.

    Attributes:
        command: command line of a run.
        output: folder that the run writes to.
        log: file that takes what the runs print.
    """

    command: Sequence[str]
    output: pathlib.Path
    log: pathlib.Path

    def run(self, *, signal_after: float | None = None, number: int = signal.SIGKILL) -> int:
        """Runs the command, and sends its process group a signal after so many seconds.

        Returns:
            The exit status; negative if a signal ended the run.
        """
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                return process.wait(timeout=signal_after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, number)
                return process.wait()
            finally:
                # Workers of a process that was killed may outlive it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def contents(output: pathlib.Path) -> dict[str, str]:
    """Returns the digest of every file that a finished run leaves to a reader.

    The newest execution of each component counts; numbers of executions and versions, which grow
    with every attempt, are left out of the names.
    """
    folders = {
        f"{component.name}/{kind.name}": max(kind.iterdir(), key=lambda path: int(path.name))
        for component in (output / "artifacts").iterdir()
        for kind in component.iterdir()
        if kind.is_dir() and not kind.name.startswith(".")
    }
    folders["serving"] = max((output / "serving").iterdir(), key=lambda path: int(path.name))
    return {
        f"{name}/{path.relative_to(folder)}": _digest(path)
        for name, folder in sorted(folders.items())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in _VOLATILE)
    }


def _digest(path: pathlib.Path) -> str:
    content = path.read_bytes()
    if path.name == _NAMES_EXECUTIONS:
        content = _EXECUTION.sub(b"N", content)
    return files.sha256(content)


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Returns the names of the files that are missing, added or not the same."""
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=_SIGNALS, default="KILL")
    parser.add_argument("--set", dest="overrides", nargs="+", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    number = getattr(signal, f"SIG{options.signal}")
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "output"
        command = [sys.executable, "-m", "pipeline.cli", "run", options.preset]
        command += ["--output", str(output)]
        command += ["--set", *options.overrides] if options.overrides else []
        runner = Runner(command, output, pathlib.Path(folder) / "log")
        begin = time.monotonic()
        if runner.run():
            print(runner.log.read_text(errors="replace")[-3000:])
            return 1
        seconds = time.monotonic() - begin
        expected = contents(output)
        print(f"undisturbed: {seconds:.0f} s, {len(expected)} files", flush=True)
        different = kills = 0
        for run in range(options.runs):
            shutil.rmtree(output)
            moments = [rng.uniform(0, seconds) for _ in range(rng.randint(1, _MOST_KILLS))]
            ended = [runner.run(signal_after=moment, number=number) for moment in moments]
            # A run that was ready before its moment came was not killed.
            kills += sum(status != 0 for status in ended)
            status = runner.run()
            wrong = [f"exit status {status}"] if status else differences(expected, contents(output))
            different += bool(wrong)
            when = ", ".join(f"{moment:.1f} s" for moment in moments)
            verdict = "differs: " + ", ".join(wrong[:5]) if wrong else "the same"
            print(f"run {run + 1}: SIG{options.signal} after {when}: {verdict}", flush=True)
    print(f"{options.runs} runs, {kills} times killed, {different} ended differently")
    return 1 if different or not kills else 0


if __name__ == "__main__":
    sys.exit(main())
