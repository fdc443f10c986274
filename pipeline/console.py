"""Logging for the command line: one line per component, without the messages of libraries."""

from __future__ import annotations

import logging
import re
import sys
import time
import warnings

from absl import flags
from absl import logging as absl_logging

from components import plain_errors

_OURS = ("components", "pipeline")
# BeamDagRunner and TFX's launcher use these words when a node starts and ends.
_NODE_RUNS = re.compile(r"^node (\S+) is running")
_NODE_FINISHED = re.compile(r"^node (\S+) is finished")


class _Relevant(logging.Filter):
    """Keeps our own messages and the errors of libraries, and drops everything else.

    TFX's messages about the start and end of a node become one line with the node's duration.
    """

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
        if record.levelno < logging.ERROR:
            return False
        # The exception also reaches the command, which prints it once and without a traceback.
        if plain_errors.is_of_a_step(message):
            return False
        record.msg, record.args = message.partition("\n")[0], ()
        record.exc_info = record.exc_text = None
        return True


def set_up(*, verbose: bool) -> None:
    """Sets up logging for a command.

    Args:
        verbose: whether to show all messages of the libraries as well.
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
    # absl has a handler of its own; without it, its records go to the root logger's handler.
    absl_logger = logging.getLogger("absl")
    absl_logger.handlers[:] = []
    absl_logger.propagate = True
    # TFX parses absl's flags again in every Beam component, which resets the level to its default.
    flags.FLAGS.set_default("verbosity", absl_logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)
