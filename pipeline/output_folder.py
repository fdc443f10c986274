"""The folder that runs write to (`run.output_root`): only one process changes it at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from components import file_lock

_LOCK_NAME = "run.lock"


class OutputInUseError(RuntimeError):
    """Another run or removal works in the folder."""


@contextlib.contextmanager
def reserved(output_root: str) -> Iterator[None]:
    """Reserves a local folder while the block runs.

    Two runs in one folder would take each other's results for their own.

    Raises:
        OutputInUseError: if another run, or a removal, works there.
        OSError: if the folder cannot be written to.
    """
    try:
        with file_lock.held(os.path.join(output_root, _LOCK_NAME)):
            yield
    except file_lock.HeldError as error:
        raise OutputInUseError(
            f"Another run works in {output_root} ({error}). Wait until it has ended, or give "
            "another folder (--output, run.output_root)."
        ) from error
