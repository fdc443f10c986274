"""What a person sees while a pipeline runs: a line per component, and no library chatter."""

from __future__ import annotations

import logging
import re
import sys
import time
import warnings

_OURS = ("components", "pipeline")
# BeamDagRunner and TFX's launcher announce nodes in these words.
_NODE_RUNS = re.compile(r"^node (\S+) is running")
_NODE_FINISHED = re.compile(r"^node (\S+) is finished")


class _Relevant(logging.Filter):
    """Lets through our own lines, others' errors, and turns TFX's node messages into ours."""

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".")[0] in _OURS:
            return True
        message = record.getMessage()
        if match := _NODE_RUNS.match(message):
            self._started[match[1]] = time.monotonic()
            return False
        if match := _NODE_FINISHED.match(message):
            seconds = time.monotonic() - self._started.get(match[1], time.monotonic())
            record.msg, record.args = f"{match[1]} done in {seconds:.1f} s", ()
            return True
        return record.levelno >= logging.ERROR


def set_up(*, verbose: bool) -> None:
    """Prepares logging for a command.

    Args:
        verbose: shows everything that the libraries have to say.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    if verbose:
        return
    handler.addFilter(_Relevant())
    warnings.filterwarnings("ignore")
    # absl logs through a handler of its own; with none, its records reach the root's.
    absl_logger = logging.getLogger("absl")
    absl_logger.handlers[:] = []
    absl_logger.propagate = True
    absl_logger.setLevel(logging.INFO)
