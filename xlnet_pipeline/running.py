"""Runs a pipeline in this process."""

from __future__ import annotations

from pipeline import console, local_runner
from pipeline.config import PipelineConfig
from pipeline.local_runner import RunSummary


def run(config: PipelineConfig, *, quiet: bool = False) -> RunSummary:
    """Runs a whole pipeline, from raw files to a pushed model, in this process.

    Components whose inputs have not changed since an earlier run into the same folder are taken
    from its cache, and an interrupted training continues where it stopped.

    Args:
        config: configuration of the pipeline.
        quiet: whether to show only warnings on standard error, rather than a line per component
            and the progress of the training.

    Returns:
        Whether the model was blessed and where it was pushed to, metrics, and paths of the report
        and the learning curves.

    Raises:
        ConfigurationError: if the output folder is not on a local disk.
        NoSuchFilesError: if an input is missing; the message names the pattern. Like the error
            above, this is raised before anything is computed.
        ValueError: if the data are unusable; the message says why.
    """
    with console.shown(quiet=quiet):
        return local_runner.run(config)
