"""Runs a sample with everything in a bucket: data, artifacts, checkpoints, the pushed model.

`python -m tests.e2e.buckets.sample PRESET FOLDER --metadata FILE [--again] [--set NAME=VALUE …]`,
in a process of `cloud.Cloud`. Only the metadata, which TFX keeps in SQLite here, lie on the disk.

With `--again` every task that makes records is run twice with the same output folders, in which the
first attempt's files lie, cut, and things that a killed one leaves; training is interrupted and
goes on; and at the end the pipeline runs once more, from the cache.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import logging
import os
import pathlib
import sys
import urllib.parse
from collections.abc import Callable

import requests

from tests.e2e.buckets.front import TASK_PATH

# Their outputs are the same bytes, whoever left what in the folders.
_REPEATED = ("ExampleGen", "SentencePieceGen", "Preprocessor")
_INTERRUPTED = "Trainer"
# No task; what TFX does between them.
ORCHESTRATION = "orchestration"
SECOND_RUN = "second run"


class InterruptedTrainingError(Exception):
    """Stands for the end of the Trainer's machine."""


def announce(task: str) -> None:
    """Tells the front whose requests come now."""
    address = os.environ["STORAGE_EMULATOR_HOST"]
    requests.get(f"{address}{TASK_PATH}{urllib.parse.quote(task)}", timeout=60).raise_for_status()


def digest(path: str) -> str:
    """Of a file's bytes, but where TensorFlow writes equal things in another way each time."""
    from components import files, tf_examples, tfrecords

    if "/transform_fn/" in path and path.endswith(("/saved_model.pb", "/fingerprint.pb")):
        # Functions of a graph are numbered through the process.
        return ""
    if "/transformed_examples/" in path and "/Split-" in path:
        # The order of a record's features is the encoder's whim.
        records = [tf_examples.decode(record) for record in tfrecords.read_records(path)]
        return hashlib.sha256(repr(records).encode()).hexdigest()
    return hashlib.sha256(files.read_bytes(path)).hexdigest()


def repeat(attempt: Callable[[], object], folders: list[str]) -> object:
    """Makes an attempt, spoils what it left, makes it again, and compares.

    Raises:
        AssertionError: naming the files that differ.
    """
    from components import files

    def contents() -> dict[str, str]:
        return {path: digest(path) for folder in folders for path in files.expand(f"{folder}/**")}

    attempt()
    announce(ORCHESTRATION)
    first = contents()
    assert first
    for path in first:
        content = files.read_bytes(path)
        files.write_bytes(path, content[: len(content) // 2])
        if "/Split-" in path:
            files.write_bytes(f"{path}.0123.partial", content[:9])
            files.write_bytes(f"{path.rpartition('/')[0]}/", b"")
    result = attempt()
    second = contents()
    differing = sorted(path for path in {*first, *second} if first.get(path) != second.get(path))
    assert not differing, f"A second attempt left something else: {differing}"
    return result


def interrupt(attempt: Callable[[], object], *, after: int) -> object:
    """Makes an attempt at training that ends in its middle, and another one.

    Raises:
        AssertionError: if the second one does not go on where a checkpoint was.
    """
    from components.trainer import history

    record, steps = history.History.record_training, []

    def noted(self, progress):
        steps.append(progress.step)
        if len(steps) < 100 and progress.step > after and not any(s > after for s in steps[:-1]):
            raise InterruptedTrainingError
        record(self, progress)

    history.History.record_training = noted
    try:
        attempt()
    except InterruptedTrainingError:
        first = len(steps)
        result = attempt()
        assert steps[first] > after, f"It did not go on: {steps}"
        return result
    finally:
        history.History.record_training = record
    raise AssertionError("It was not interrupted.")


def main() -> None:
    """Runs the sample."""
    parser = argparse.ArgumentParser()
    parser.add_argument("preset")
    parser.add_argument("folder")
    parser.add_argument("--metadata", required=True)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--set", nargs="*", default=[])
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    sys.argv = sys.argv[:1]

    from tfx.orchestration import metadata
    from tfx.orchestration.beam import beam_dag_runner
    from tfx.orchestration.portable import python_executor_operator

    from components import files
    from pipeline import baseline, graph, local_runner, preset_loader

    announce("set-up")
    config = preset_loader.load(options.preset, options.set)
    data = f"{options.folder}/data"
    for path in sorted(pathlib.Path(config.data.root).iterdir()):
        if path.is_file():
            files.write_bytes(f"{data}/{path.name}", path.read_bytes())
    # As a folder that was made in Google's console.
    files.write_bytes(f"{data}/", b"")
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, root=data),
        run=dataclasses.replace(config.run, output_root=options.folder),
    )
    connection = metadata.sqlite_metadata_connection_config(options.metadata)
    pipeline = graph.create_pipeline(
        config,
        pipeline_root=f"{options.folder}/artifacts",
        resolve_baseline=baseline.blessed_before,
        metadata_connection_config=connection,
    )
    run_with_executor = python_executor_operator.run_with_executor
    runs = 0

    def run_task(execution_info, executor):
        task = execution_info.pipeline_node.node_info.id
        folders = [
            artifact.uri for given in execution_info.output_dict.values() for artifact in given
        ]

        def attempt() -> object:
            announce(task if runs == 1 else f"{SECOND_RUN}: {task}")
            return run_with_executor(execution_info, executor)

        try:
            if not options.again or runs > 1:
                return attempt()
            if task.endswith(_REPEATED):
                return repeat(attempt, folders)
            if task == _INTERRUPTED:
                return interrupt(attempt, after=config.training.save_steps)
            return attempt()
        finally:
            announce(ORCHESTRATION)

    python_executor_operator.run_with_executor = run_task
    for runs in range(1, 3 if options.again else 2):  # noqa: B007 (read by `run_task`)
        announce(ORCHESTRATION)
        with local_runner.orchestration_without_download():
            beam_dag_runner.BeamDagRunner().run(pipeline)


if __name__ == "__main__":
    main()
