r"""Starts one task inside its container; the command of every task of a compiled pipeline.

    python -m components.orchestration.entry_point --executor_class_path CLASS \
        --json_serialized_invocation_args '{{$}}' --json_serialized_inputs_spec_args JSON [BEAM …]

The arguments are those that TFX's compiler writes, for TFX's own entry point. That one cannot read
what Kubeflow Pipelines sends; this one serves Kubeflow and Vertex AI alike, and with `--function`
also tasks that are no TFX components. A component sees folders and plain values, wherever it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence

from components import files
from components.orchestration import executor_input, output_file

# Runners that work in this process or beside it; all others have workers on other machines.
_LOCAL_RUNNERS = frozenset({"FnApiRunner", "DirectRunner", "BundleBasedDirectRunner"})
_RUNNER_FLAG = "--runner="
_TEMPORARY_FOLDER = ".temp"


class EntryPointError(RuntimeError):
    """A task that cannot be started as it was compiled."""


def make_parser() -> argparse.ArgumentParser:
    """The arguments, but for Beam's, which are passed on as they are."""
    parser = argparse.ArgumentParser(
        prog="python -m components.orchestration.entry_point", allow_abbrev=False
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--executor_class_path", metavar="CLASS", help="of a TFX executor")
    what.add_argument(
        "--function",
        metavar="PATH",
        help="of a function that takes the folders of the inputs and of the outputs by name, and "
        "returns the outputs' metadata",
    )
    parser.add_argument("--json_serialized_invocation_args", required=True, metavar="JSON")
    parser.add_argument("--json_serialized_inputs_spec_args", metavar="JSON")
    parser.add_argument(
        "--local_root",
        default="/",
        metavar="DIRECTORY",
        help="where the launcher's folders /gcs, /s3 and /minio are, for trying a task elsewhere",
    )
    return parser


def run(arguments: Sequence[str]) -> None:
    """Runs a task.

    Raises:
        ExecutorInputError, LocalCopyError: if the backend did not hand over what was compiled.
        EntryPointError: if Beam's workers could not open the artifacts.
    """
    options, beam_arguments = make_parser().parse_known_args(arguments)
    inputs_spec = options.json_serialized_inputs_spec_args
    remote = _has_remote_workers(beam_arguments)
    task = executor_input.parse(
        options.json_serialized_invocation_args,
        json.loads(inputs_spec) if inputs_spec else None,
        use_copies=not remote,
        root=options.local_root,
    )
    if remote:
        _check_reachable(task)
    if options.function:
        _run_function(options.function, task)
    else:
        _run_executor(options.executor_class_path, task, inputs_spec, beam_arguments)


def _run_function(path: str, task: executor_input.Task) -> None:
    module, _, name = path.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    folders = {
        side: {
            key: value["artifacts"][0]["uri"]
            for key, value in task.document.get(side, {}).get("artifacts", {}).items()
        }
        for side in ("inputs", "outputs")
    }
    output_file.write(task, function(folders["inputs"], folders["outputs"]))


def _run_executor(
    class_path: str, task: executor_input.Task, inputs_spec: str | None, beam_arguments: list[str]
) -> None:
    # Seconds to import; an input that lacks something is found before.
    from components.orchestration import tfx_task

    with _temporary_folder(task) as temporary:
        metadata = tfx_task.run(
            class_path,
            task.document,
            inputs_spec=inputs_spec,
            beam_arguments=beam_arguments,
            temporary_folder=temporary,
            task_folder=_task_folder(task),
        )
    output_file.write(task, metadata)


def _task_folder(task: executor_input.Task) -> str:
    """The folder of this attempt, where its outputs go; on the pod if they go there."""
    for value in task.document["outputs"].get("artifacts", {}).values():
        return os.path.dirname(value["artifacts"][0]["uri"].rstrip("/"))
    return os.path.dirname(task.output_file)


@contextlib.contextmanager
def _temporary_folder(task: executor_input.Task) -> Iterator[str]:
    """Beside the outputs, so that whoever can write those reaches it; gone afterwards."""
    folder = f"{_task_folder(task)}/{_TEMPORARY_FOLDER}"
    try:
        yield folder
    finally:
        files.remove(folder)


def _has_remote_workers(beam_arguments: Sequence[str]) -> bool:
    given = [text for text in beam_arguments if text.startswith(_RUNNER_FLAG)]
    return bool(given) and given[-1][len(_RUNNER_FLAG) :] not in _LOCAL_RUNNERS


def _check_reachable(task: executor_input.Task) -> None:
    for side in ("inputs", "outputs"):
        for key, value in task.document.get(side, {}).get("artifacts", {}).items():
            uri = value["artifacts"][0]["uri"]
            if uri.startswith(("minio://", "s3://")):
                raise EntryPointError(
                    f"{side}.{key} is at {uri}, which TensorFlow cannot open on Beam's workers. "
                    "Set deployment.pipeline_root to a gs:// folder, or deployment.beam.runner to "
                    "local."
                )


def last_line(error: BaseException) -> str:
    """What went wrong in one line, for the end of a pod's log."""
    text = " ".join(str(error).split())
    return f"error: {type(error).__name__}: {text}" if text else f"error: {type(error).__name__}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a task; returns the process's exit status."""
    # TFX and our components speak through absl, whose level `tfx_task` sets; Beam tells too much.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        run(sys.argv[1:] if arguments is None else arguments)
    except Exception as error:
        traceback.print_exc()
        # User interfaces show a log's end, and TensorFlow is never the last to speak.
        print(last_line(error), file=sys.stderr)
        return 1
    return 0


def run_and_exit() -> None:
    """Entry point of the process."""
    # As kfp's own containers have it: its compiler and its client, which brings in Kubernetes' own,
    # are not imported.
    os.environ.setdefault("_KFP_RUNTIME", "true")
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow's functions raise in their destructors when the interpreter takes itself apart.
    os._exit(status)


if __name__ == "__main__":
    run_and_exit()
