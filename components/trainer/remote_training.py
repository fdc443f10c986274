"""Runs the Trainer's work as a Vertex AI job: writes its configuration and finds its results."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from components import configuration, files, manifest
from components.checkpoint_conversion import checkpoint_path
from components.trainer import vertex_job
from components.trainer.training_job import TrainingJob


def train(
    job: TrainingJob, *, run_fn: str, config_text: str, records_dir: str, state_root: str | None
) -> str:
    """Trains in a job and returns the folder with the weights (under `xlnet/`) and the curves.

    Args:
        job: project, machines and folders of the job.
        run_fn: dotted path of the function that would do the training in this process. The package
            it belongs to determines the kind of training.
        config_text: configuration of the run, as JSON.
        records_dir: folder of the records and their manifest. It is part of the job's identity, so
            records in a new folder lead to a new training.
        state_root: folder in which every run keeps its state, where a training in this process can
            find the checkpoints again; None keeps them with the results.

    Raises:
        TrainingJobError: if the job does not succeed.
        ManifestError: if there are no records.
    """
    manifest.read(records_dir)
    digest = vertex_job.digest(config_text, configuration.to_json(job.machine), records_dir)
    folder = f"{job.root}/{digest}"
    config_path, model_dir = f"{folder}/config.json", f"{folder}/model_dir"
    files.write_bytes(config_path, config_text.encode())
    kind = importlib.import_module(f"{run_fn.rsplit('.', 2)[0]}.command").NAME
    command: Sequence[str] = [
        *("python", "-m", "components.trainer", kind),
        *("--config", config_path),
        *("--records", records_dir),
        *("--model-dir", model_dir),
        *("--strategy", job.machine.strategy),
        *(("--state-root", state_root) if state_root else ()),
    ]
    vertex_job.run(job, name=f"{job.name}-{digest}", command=command, output_dir=f"{folder}/logs")
    # This file is written last. If it is missing, the job has not really trained, even if it claims
    # to have succeeded.
    files.expand(
        files.escape(f"{model_dir}/xlnet/{checkpoint_path.CONFIG_NAME}"),
        purpose="weights of the training job",
    )
    return model_dir
