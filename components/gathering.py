"""Gathers files that TensorFlow writes in several steps on disk, before they go to a bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from components import files


@contextlib.contextmanager
def gathered(folder: str) -> Iterator[str]:
    """Yields a folder to write into, as `files.gathered` does.

    With a remote TPU, it yields `folder` itself: there the TPU's workers write the files, and they
    cannot see this machine's disk.
    """
    elsewhere = any(
        "/job:localhost/" not in device.name for device in tf.config.list_logical_devices("TPU")
    )
    with contextlib.nullcontext(folder) if elsewhere else files.gathered(folder) as given:
        yield given
