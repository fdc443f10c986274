"""The Trainer's work as a Vertex job: what is sent there, and what is brought back."""

from __future__ import annotations

import logging
import os

from apache_beam.io.filesystems import FileSystems

from components import configuration, files, manifest
from components.trainer import vertex_job
from components.trainer.training_job import TrainingJob

_logger = logging.getLogger(__name__)

# What to ask `python -m components.trainer` for, by the run_fn that would train here.
_KINDS = {
    "components.trainer.run_fn.run_fn": "classification",
    "components.trainer.question_answering_run_fn.run_fn": "question_answering",
    "components.trainer.pretraining_run_fn.run_fn": "pretraining",
}


def train(
    job: TrainingJob, *, run_fn: str, config_text: str, records_dir: str, target: str
) -> None:
    """Trains in a job and copies what it made.

    Args:
        job: where it runs.
        run_fn: dotted path of the function that would train here.
        config_text: its configuration as JSON.
        records_dir: records with their manifest; part of the job's identity, so that records made
            anew are trained on anew.
        target: gets checkpoints, curves and weights, as if the training had run here.

    Raises:
        TrainingJobError: if the job does not succeed.
        ManifestError: if there are no records.
    """
    manifest.read(records_dir)
    digest = vertex_job.digest(config_text, configuration.to_json(job.machine), records_dir)
    folders = vertex_job.Folders(f"{job.checkpoint_root}/{digest}")
    files.write_bytes(folders.config, config_text.encode())
    vertex_job.run(
        job,
        name=f"{job.name}-{digest}",
        command=command(
            kind=_KINDS[run_fn],
            folders=folders,
            records_dir=records_dir,
            strategy=job.machine.strategy,
        ),
        output_dir=folders.logs,
    )
    copied = copy_tree(folders.model_dir, target)
    _logger.info("%d files from %s", copied, folders.model_dir)


def command(
    *, kind: str, folders: vertex_job.Folders, records_dir: str, strategy: str
) -> list[str]:
    """What the job's container runs."""
    return [
        *("python", "-m", "components.trainer", kind),
        *("--config", folders.config),
        *("--records", records_dir),
        *("--model-dir", folders.model_dir),
        *("--strategy", strategy),
    ]


def copy_tree(source: str, target: str) -> int:
    """Copies all files below a folder; returns their number."""
    pattern = files.join(source, "**")
    paths = [metadata.path for metadata in FileSystems.match([pattern])[0].metadata_list]
    prefix = source.rstrip("/") + "/"
    for path in paths:
        copy = files.join(target, path.removeprefix(prefix))
        files.make_directory(os.path.dirname(copy))
        FileSystems.copy([path], [copy])
    return len(paths)
