"""Counts the requests that each component sends to a bucket when everything is under `gs://`.

    python -m benchmarks.bucket_requests [PRESET …]

This needs root, and fake-gcs-server or a Go compiler to build it; see `tests/e2e/buckets/cloud.py`.
Each part of a batch request counts as one request, because that is how it is billed.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

from tests.e2e.buckets import cloud as cloud_lib
from tests.e2e.buckets.front import per_task

_PRESETS = ("sample", "sample_question_answering", "sample_pretraining")
# Twenty updates with a checkpoint after every tenth, which makes three checkpoints.
_SETTINGS = ("training.train_steps=20", "training.warmup_steps=4", "training.save_steps=10")
_KINDS = ("look", "list", "read", "write", "copy", "delete")


def measure(preset: str) -> None:
    """Runs the pipeline of a preset and prints a table of its requests."""
    with (
        tempfile.TemporaryDirectory() as folder,
        cloud_lib.started(pathlib.Path(folder)) as cloud,
    ):
        done = cloud.run(
            *("tests.e2e.buckets.sample", preset, f"{cloud_lib.BUCKET}/run"),
            *("--metadata", f"{folder}/metadata.sqlite", "--set", *_SETTINGS),
            timeout=3600,
        )
        if done.returncode:
            sys.exit(done.stderr)
        print(f"\n| {preset} | all | {' | '.join(_KINDS)} |")
        print("|---" * (2 + len(_KINDS)) + "|")
        for task, counts in per_task(cloud.front.requests):
            numbers = " | ".join(str(counts[kind]) for kind in _KINDS)
            print(f"| {task} | {sum(counts.values())} | {numbers} |", flush=True)


def main() -> None:
    """Parses the command line and measures the presets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("presets", nargs="*", default=_PRESETS, metavar="PRESET")
    options = parser.parse_args()
    reason = cloud_lib.why_not()
    if reason is not None:
        sys.exit(f"This cannot run here: it {reason}.")
    for preset in options.presets:
        measure(preset)


if __name__ == "__main__":
    main()
