"""The Trainer's work as a Vertex job: what is sent there, and where what it made lies."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from components import configuration, files, manifest
from components.checkpoint_conversion import named_checkpoint
from components.trainer import vertex_job
from components.trainer.training_job import TrainingJob


def train(
    job: TrainingJob, *, run_fn: str, config_text: str, records_dir: str, state_root: str | None
) -> str:
    """Trains in a job; returns the folder with the weights under `xlnet/` and the curves.

    Args:
        job: where it runs.
        run_fn: dotted path of the function that would train here, in the folder of its kind.
        config_text: its configuration as JSON.
        records_dir: records with their manifest; part of the job's identity, so that records made
            anew are trained on anew.
        state_root: of the checkpoints; a training here finds them there again.

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
    # Its marker: written last, so a job that says it succeeded without having trained is found out.
    files.expand(
        files.escape(f"{model_dir}/xlnet/{named_checkpoint.CONFIG_NAME}"),
        purpose="weights of the training job",
    )
    return model_dir
