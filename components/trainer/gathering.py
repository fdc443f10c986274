"""What TensorFlow writes in several steps, gathered on disk before it goes to a bucket."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from components import files


@contextlib.contextmanager
def gathered(folder: str) -> Iterator[str]:
    """A folder for TensorFlow to write into; its files stand in `folder` when the block has ended.

    TensorFlow writes checkpoints and models under other names, renames, and asks for each folder:
    some 25 requests for two files in a bucket. Copied from a disk they are one each, in the order
    of their names, so that a checkpoint's index comes after its data. On a disk, and for workers
    of a TPU elsewhere, who see no disk of this machine, it is `folder` itself.
    """
    elsewhere = any(
        "/job:localhost/" not in device.name for device in tf.config.list_logical_devices("TPU")
    )
    if "://" not in folder or elsewhere:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="xlnet-") as local:
        yield local
        files.copy_tree(local, folder)
