"""Runs a sample with everything in a bucket: data, artifacts, checkpoints, the pushed model.

`python -m tests.e2e.buckets.sample PRESET FOLDER [--set NAME=VALUE …] [--twice]`, in a process of
`cloud.Cloud`. Only the metadata, which TFX keeps in SQLite here, lie on the disk.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import pathlib
import sys
import urllib.parse

import requests

from tests.e2e.buckets.front import TASK_PATH


def announce(task: str) -> None:
    """Tells the front whose requests come now."""
    address = os.environ["STORAGE_EMULATOR_HOST"]
    requests.get(f"{address}{TASK_PATH}{urllib.parse.quote(task)}", timeout=60).raise_for_status()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("preset")
    parser.add_argument("folder")
    parser.add_argument("--metadata", required=True)
    parser.add_argument("--set", nargs="*", default=[])
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    sys.argv = sys.argv[:1]

    from tfx.orchestration import metadata
    from tfx.orchestration.beam import beam_dag_runner
    from tfx.orchestration.portable import python_executor_operator

    from components import files
    from pipeline import baseline, graph, preset_loader

    announce("set-up")
    config = preset_loader.load(options.preset, options.set)
    data = f"{options.folder}/data"
    local = pathlib.Path(config.data.root)
    for path in sorted(local.iterdir()):
        if path.is_file():
            files.write_bytes(f"{data}/{path.name}", path.read_bytes())
    files.write_bytes(f"{data}/", b"")
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, root=data),
        run=dataclasses.replace(config.run, output_root=options.folder),
    )
    pipeline = graph.create_pipeline(
        config,
        pipeline_root=f"{options.folder}/artifacts",
        resolve_baseline=baseline.blessed_before,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(options.metadata),
    )
    run_with_executor = python_executor_operator.run_with_executor

    def run_announced(execution_info, executor):
        announce(execution_info.pipeline_node.node_info.id)
        try:
            return run_with_executor(execution_info, executor)
        finally:
            announce("orchestration")

    python_executor_operator.run_with_executor = run_announced
    announce("orchestration")
    beam_dag_runner.BeamDagRunner().run(pipeline)


if __name__ == "__main__":
    main()
