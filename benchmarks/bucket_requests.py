"""Requests of each component to a bucket, for samples with everything under `gs://`.

    python -m benchmarks.bucket_requests [PRESET …]

Needs root and fake-gcs-server, or a Go to make it with; see `tests/e2e/buckets/cloud.py`. Each part
of a batch counts as one, as it is billed.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

from tests.e2e.buckets import cloud as cloud_lib
from tests.e2e.buckets.front import per_task

_PRESETS = ("sample", "sample_question_answering", "sample_pretraining")
# Twenty updates with a checkpoint after every tenth: three checkpoints.
_SETTINGS = ("training.train_steps=20", "training.warmup_steps=4", "training.save_steps=10")
_KINDS = ("look", "list", "read", "write", "copy", "delete")


def measure(preset: str) -> None:
    """Runs a sample and prints a table."""
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
    """Runs the command."""
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
