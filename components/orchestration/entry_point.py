r"""Starts one task inside its container; the command of every task of a compiled pipeline.

    python -m components.orchestration.entry_point --executor_class_path CLASS \
        --json_serialized_invocation_args '{{$}}' --json_serialized_inputs_spec_args JSON [BEAM …]

The arguments are those that TFX's compiler writes for TFX's own entry point, which cannot read what
Kubeflow Pipelines sends. This one works on both Kubeflow and Vertex AI, and with `--function` also
runs tasks that are not TFX components. A component gets folders and plain values wherever it runs.
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

from components import beam_workers, files
from components.orchestration import dataflow_error, executor_input, job_name, output_file

_RUNNER_FLAG = "--runner="
_TEMPORARY_FOLDER = ".temp"


class EntryPointError(RuntimeError):
    """A task cannot be started the way it was compiled."""


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser for all arguments except Beam's, which are passed on unchanged."""
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
    """Runs the task that the command line describes.

    Raises:
        ExecutorInputError, LocalCopyError: if the backend did not pass what the compiled pipeline
            specifies.
        EntryPointError: if Beam's workers would not be able to open the artifacts.
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
        if remote:
            name = job_name.of(options.executor_class_path, task.document)
            beam_arguments.append(f"--job_name={name}")
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
    # Imported late because it takes seconds; incomplete inputs have been found before.
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
    """Returns the folder of this attempt, which contains its outputs; local if they are local."""
    for value in task.document["outputs"].get("artifacts", {}).values():
        return os.path.dirname(value["artifacts"][0]["uri"].rstrip("/"))
    return os.path.dirname(task.output_file)


@contextlib.contextmanager
def _temporary_folder(task: executor_input.Task) -> Iterator[str]:
    """Provides a temporary folder, which is removed afterwards, unless workers still use it.

    It is next to the outputs, so that every worker that can write those can access it as well.
    """
    folder = f"{_task_folder(task)}/{_TEMPORARY_FOLDER}"
    is_in_use = False
    try:
        yield folder
    except BaseException as error:
        # A retry of this task has the same folder. It waits for the job, and then removes it.
        is_in_use = dataflow_error.leaves_a_job(error)
        raise
    finally:
        if not is_in_use:
            files.remove(folder)


def _has_remote_workers(beam_arguments: Sequence[str]) -> bool:
    given = [text for text in beam_arguments if text.startswith(_RUNNER_FLAG)]
    return bool(given) and given[-1][len(_RUNNER_FLAG) :] not in beam_workers.LOCAL_RUNNERS


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
    """Describes an error in one line, for the end of a pod's log."""
    text = " ".join(str(error).split())
    return f"error: {type(error).__name__}: {text}" if text else f"error: {type(error).__name__}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a task; returns the process's exit status."""
    # TFX and our components log through absl, whose level `tfx_task` sets. Everything else is
    # limited to warnings, because Beam logs too much.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        run(sys.argv[1:] if arguments is None else arguments)
    except Exception as error:
        traceback.print_exc()
        # User interfaces show the end of the log, so the error goes after TensorFlow's messages.
        print(last_line(error), file=sys.stderr)
        return 1
    return 0


def run_and_exit() -> None:
    """Entry point of the process."""
    # kfp's own containers set this too. It prevents the import of kfp's compiler and client, and of
    # the Kubernetes client that they depend on.
    os.environ.setdefault("_KFP_RUNTIME", "true")
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # A regular exit would let TensorFlow's functions raise in their destructors.
    os._exit(status)


if __name__ == "__main__":
    run_and_exit()
