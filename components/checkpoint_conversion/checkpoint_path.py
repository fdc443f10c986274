"""Finds the TensorFlow checkpoint that a path refers to, and the files that describe it.

A path may be that of a folder in the published layout, the prefix of a checkpoint, or its `.index`
file. This module does not import TensorFlow, so that a configuration can be checked before anything
runs.
"""

from __future__ import annotations

from components import files, git_lfs
from components.checkpoint_conversion.errors import WeightsError

CHECKPOINT_NAME = "xlnet_model.ckpt"
# The network's configuration, which lies beside the checkpoint.
CONFIG_NAME = "xlnet_config.json"
_INDEX = ".index"
# Where a local run keeps the results of its trainings, in a folder for each.
_IN_A_RUN = "artifacts/Trainer/model_run"


def prefix_of(path: str) -> str:
    """Returns the prefix that a checkpoint at this path has, whether there is one or not."""
    if files.is_folder(path):
        return f"{path.rstrip('/')}/{CHECKPOINT_NAME}"
    return path.removesuffix(_INDEX)


def find_prefix(path: str) -> str | None:
    """Finds the checkpoint that a path refers to.

    Returns:
        The prefix of the checkpoint; None if there is none.

    Raises:
        WeightsError: if the folder contains several checkpoints, none of which has the published
            name or is marked as the latest.
    """
    prefix = prefix_of(path)
    if files.exists(f"{prefix}{_INDEX}"):
        return prefix
    names = sorted(name for name in files.names(path) if name.endswith(_INDEX))
    found = [f"{path.rstrip('/')}/{name.removesuffix(_INDEX)}" for name in names]
    if len(found) > 1:
        import tensorflow as tf  # Only to read which one is marked.

        latest = tf.train.latest_checkpoint(path)
        if latest is None:
            raise WeightsError(
                f"{path} holds several checkpoints; give one of them: {', '.join(found)}"
            )
        return latest
    return found[0] if found else None


def folder_of(path: str) -> str:
    """Returns the folder with the files that describe a checkpoint: network and vocabulary."""
    if files.is_folder(path):
        return path
    return path.rpartition("/")[0] or "."


def unfetched(prefix: str) -> str | None:
    """Returns the path of a file of the checkpoint that is a Git LFS pointer; None if none is."""
    folder, _, name = prefix.rpartition("/")
    folder = folder or "."
    for file in sorted(files.names(folder)):
        if file.startswith(f"{name}."):
            with files.open_to_read(f"{folder}/{file}") as opened:
                if git_lfs.is_pointer(opened.read(git_lfs.START_BYTES)):
                    return f"{folder}/{file}"
    return None


def advice(prefix: str) -> str:
    """Says what to do about a missing or unreadable checkpoint, judging by the files there.

    Returns "" if they give no clue.
    """
    if pointer := unfetched(prefix):
        return f" {pointer}: {git_lfs.HINT}"
    folder = prefix.rpartition("/")[0] or "."
    if files.exists(files.join(folder, "config.json")):
        return (
            f" {folder} is a Hugging Face folder: `xlnet-pipeline convert {folder} TARGET --to "
            "xlnet` makes a checkpoint of it."
        )
    return advice_about_runs(folder)


def advice_about_runs(folder: str) -> str:
    """Says where the weights are, if a folder is that of a run, or of a model that it exported.

    Returns "" if it is neither.
    """
    for below in ("xlnet", f"{_IN_A_RUN}/*/xlnet"):
        pattern = f"{files.escape(folder.rstrip('/'))}/{below}/{CHECKPOINT_NAME}{_INDEX}"
        found = [file.path for file in files.match(pattern)]
        if found:
            # The numbers of runs have no leading zeros.
            latest = max(found, key=lambda path: (len(path), path))
            return f" The weights of this run are in {latest.rpartition('/')[0]}."
    if files.exists(files.join(folder, "saved_model.pb")):
        return (
            f" {folder} is an exported model. The weights of its run are in "
            f"<run.output_root>/{_IN_A_RUN}/<number>/xlnet."
        )
    return ""
