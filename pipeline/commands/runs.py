"""`xlnet-pipeline runs`: lists the runs of an output folder, compares them, and tidies up."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.shown_number import shown

if TYPE_CHECKING:
    from pipeline.run_records import Run

HELP = "list the runs of an output folder, compare two, or remove what no blessed model needs"
EXAMPLES = """\
  xlnet-pipeline runs runs/tickets                metrics, size, and what was changed
  xlnet-pipeline runs runs/tickets 2 5            how run 5 differs from run 2
  xlnet-pipeline runs runs/tickets --remove       asks before it removes anything
"""

_MAX_METRICS = 3
_MAX_CHANGES = 3
_MAX_VALUE = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments for the folder, the runs to compare, and the removal."""
    parser.add_argument(
        "output", help="folder that runs wrote to (run.output_root), such as runs/sample"
    )
    # Without a default, argparse would call it required.
    parser.add_argument(
        "compared", nargs="*", type=int, default=[], metavar="RUN", help="two runs to compare"
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="remove artifacts that no blessed model depends on, after asking",
    )
    parser.add_argument("--yes", action="store_true", help="remove without asking")


def run(options: argparse.Namespace) -> int:
    """Prints runs, or their differences, or removes artifacts; returns the exit status.

    Raises:
        NoRunsError: if there are no runs in the folder.
        OutputInUseError: if artifacts are to be removed while a run works in the folder.
        ValueError: if the options contradict each other.
    """
    from pipeline import output_folder, run_records

    if len(options.compared) not in (0, 2) or (options.compared and options.remove):
        raise ValueError("Give two numbers of runs to compare, or none; --remove takes none.")
    store = run_records.connect(options.output, writes=options.remove)
    if options.remove:
        with output_folder.reserved(options.output):
            return _remove(store, run_records.read(store), options)
    runs = run_records.read(store)
    if options.compared:
        first, second = (_numbered(runs, number) for number in options.compared)
        print("\n".join(_comparison(first, second)))
    else:
        print("\n".join(_listing(runs, options.output)))
    return 0


def _numbered(runs: Sequence[Run], number: int) -> Run:
    if not 1 <= number <= len(runs):
        raise ValueError(f"There is no run {number}; the folder has the runs 1 to {len(runs)}.")
    return runs[number - 1]


def _listing(runs: Sequence[Run], output: str) -> Iterator[str]:
    from pipeline import run_records

    names = _metric_names(runs)
    header = " ".join(f"{name:>20}" for name in names)
    yield f"{'run':>3}  {'started':16}  {'result':24} {header} {'size':>9}  changed since"
    known: Run | None = None
    for one in runs:
        metrics = " ".join(f"{shown(one.metrics.get(name)):>20}" for name in names)
        changes = ""
        if one.configuration is not None:
            if known is not None:
                found = run_records.differences(known, one)
                changes = f"{known.number}: {_changes(found)}" if found else f"{known.number}: –"
            known = one
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started))
        yield (
            f"{one.number:>3}  {when}  {one.state:24} {metrics} {_size(one.size):>9}  {changes}"
        ).rstrip()
    training = run_records.size_of(f"{output.rstrip('/')}/training")
    if training:
        yield (
            f"{output.rstrip('/')}/training holds the checkpoints of trainings, {_size(training)}; "
            "a training whose folder is removed starts again from the beginning."
        )


def _changes(found: Sequence[tuple[str, Any, Any]]) -> str:
    shown = [f"{key}={_short(new)}" for key, _, new in found[:_MAX_CHANGES]]
    more = len(found) - _MAX_CHANGES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _comparison(first: Run, second: Run) -> Iterator[str]:
    from pipeline import run_records

    yield f"{'':40} {f'run {first.number}':>20} {f'run {second.number}':>20}"
    yield f"{'result':40} {first.state:>20} {second.state:>20}"
    yield f"{'size':40} {_size(first.size):>20} {_size(second.size):>20}"
    for name in dict.fromkeys((*first.metrics, *second.metrics)):
        old, new = first.metrics.get(name), second.metrics.get(name)
        change = f"  {new - old:+.4f}" if _is_number(old) and _is_number(new) else ""
        yield f"{name:40} {shown(old):>20} {shown(new):>20}{change}"
    unknown = [one for one in (first, second) if one.configuration is None]
    for one in unknown:
        yield f"The configuration of run {one.number} is not known; it ended before its evaluation."
    if unknown:
        return
    found = run_records.differences(first, second)
    yield "settings that differ:" if found else "All settings are the same."
    for key, old, new in found:
        yield f"  {key:38} {_short(old):>20} {_short(new):>20}"


def _remove(store: Any, runs: Sequence[Run], options: argparse.Namespace) -> int:
    from pipeline import run_records, unneeded_artifacts

    owner = "a blessed model"
    if runs and not runs[-1].is_finished:
        print(f"Run {runs[-1].number} is not finished; what it uses is kept.")
        owner += " or to that run"
    found = unneeded_artifacts.find(store, runs, options.output)
    if not found:
        print(f"Every artifact belongs to {owner}; nothing to remove.")
        return 0
    sizes = {artifact.uri: run_records.size_of(artifact.uri) for artifact in found}
    for uri, size in sizes.items():
        print(f"{_size(size):>9}  {uri}")
    print(f"{_size(sum(sizes.values())):>9}  in {len(sizes):,} artifacts of no blessed model")
    if not options.yes and not _is_agreed():
        print("Nothing was removed.")
        return 1
    unneeded_artifacts.remove(store, found)
    print("Removed. A run that needs one of them makes it again.")
    return 0


def _is_agreed() -> bool:
    if not sys.stdin.isatty():
        raise ValueError("There is no terminal to ask on; add --yes to remove without asking.")
    return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")


def _metric_names(runs: Sequence[Run]) -> list[str]:
    """Chooses the metrics to list: those with thresholds first, in the latest run with metrics."""
    for one in reversed(runs):
        if one.metrics:
            settings: Mapping[str, Any] = one.configuration or {}
            bounded = [n for n in one.metrics if any(f".{n}." in f"{k}." for k in settings)]
            return list(dict.fromkeys((*bounded, *one.metrics)))[:_MAX_METRICS]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"
