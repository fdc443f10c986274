"""Finds the pushed models of a run from the folder that the run wrote to."""

from __future__ import annotations

from components import files, plain_yaml
from components.configuration import ConfigurationError

# Written by `local_runner` to the folder of every run.
CONFIG_NAME = "config.yaml"
_MAX_BYTES = 1 << 20


class NothingPushedError(FileNotFoundError):
    """A run that has pushed no model; the message says where it would be."""


def of(path: str) -> str:
    """Returns the folder with the models: that of a run, or the path itself if it is not a run's.

    Args:
        path: what a user gave: a SavedModel, a folder with numbered versions, or the output folder
            of a run (`run.output_root`).

    Raises:
        NothingPushedError: if it is the output folder of a run that has pushed nothing.
    """
    config_path = files.join(path, CONFIG_NAME)
    if not files.exists(config_path):
        return path
    document = plain_yaml.load(
        files.read_bytes(config_path, max_bytes=_MAX_BYTES), where=config_path
    )
    run = document.get("run") if isinstance(document, dict) else None
    if not isinstance(run, dict):
        raise ConfigurationError(f"{config_path} is not the configuration of a run.")
    # `run.output_root` may be relative to wherever the run was started.
    folder = run.get("push_to") or files.join(path, "serving")
    if not files.is_folder(folder):
        raise NothingPushedError(
            f"{path} is the output of a run that has pushed no model to {folder}: it did not end, "
            "or its model did not reach its thresholds. Its report says why "
            f"({files.join(path, 'artifacts/Evaluator/evaluation')})."
        )
    return folder
