"""What a command shows while it works: one line per component, without the messages of libraries.

Everything is a log record, most of them events (`components.events`). They go to the terminal as
lines and a progress bar, or to standard output as JSON; and to a file, if one is given.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from absl import flags
from absl import logging as absl_logging

from components import events, plain_errors
from components.terminal_log import TerminalHandler

_OURS = ("components", "pipeline", "xlnet_pipeline")
# Loggers of libraries that print by themselves. TensorFlow's does so where a program imports it
# before anything has set up logging.
_WITH_HANDLERS = ("absl", "tensorflow")
# BeamDagRunner and TFX's launcher use these words when a node starts and ends, and for a node whose
# results are there already.
_NODE_RUNS = re.compile(r"^node (\S+) is running")
_NODE_FINISHED = re.compile(r"^node (\S+) is finished")
_NODE_IS_CACHED = re.compile(r"^A cached execution \d+ is used")


class _Node:
    """A component that is running, in a thread of its own."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.is_cached = False
        self.amount: Mapping[str, Any] | None = None
        self.training: Mapping[str, Any] | None = None


class _Relevant(logging.Filter):
    """Keeps our own messages and the errors of libraries, and drops everything else.

    TFX's messages about the start and end of a node, and what the component says it has read,
    become one line. They come from the thread in which the node runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[int | None, _Node] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        event = events.of(record)
        node = self._running.get(record.thread)
        if event is not None and event["event"] == events.AMOUNT and node is not None:
            node.amount = event
            return False
        if event is not None and event["event"] == events.TRAINING and node is not None:
            node.training = event
        if record.name.split(".")[0] in _OURS:
            return True
        message = record.getMessage()
        if _NODE_RUNS.match(message):
            self._running[record.thread] = _Node()
            return False
        if _NODE_IS_CACHED.match(message) and node is not None:
            node.is_cached = True
            return False
        if match := _NODE_FINISHED.match(message):
            _describe(record, match[1], self._running.pop(record.thread, _Node()))
            return True
        if record.levelno < logging.ERROR:
            return False
        # The exception also reaches the command, which prints it once and without a traceback.
        if plain_errors.is_of_a_step(message):
            return False
        record.msg, record.args = message.partition("\n")[0], ()
        record.exc_info = record.exc_text = None
        return True


def _describe(record: logging.LogRecord, name: str, node: _Node) -> None:
    """Turns TFX's message that a node is finished into the component's line and event."""
    seconds = time.monotonic() - node.started
    values: dict[str, Any] = {"component": name, "seconds": round(seconds, 3)}
    if node.is_cached:
        text = f"{name} taken from the cache"
    else:
        text = f"{name} done in {seconds:.1f} s"
    if node.amount is not None:
        given = {key: value for key, value in node.amount.items() if key != "event"}
        text += f": {events.Amount(**given).described(seconds)}"
        values |= given
    if node.training is not None:
        speed = node.training["examples_per_second"]
        text += f": {node.training['step']:,} steps, {speed:,.0f} examples/s at the end"
        values |= {"steps": node.training["step"], "examples_per_second": speed}
    record.msg, record.args = text, ()
    events.attach(record, "component", cached=node.is_cached, **values)


class _JsonHandler(logging.Handler):
    """Writes an object per record to standard output, one on each line."""

    def emit(self, record: logging.LogRecord) -> None:
        event = events.of(record)
        if event is None:
            event = {"event": "log", "level": record.levelname.lower()}
        line = {"time": round(record.created, 3), **event, "message": record.getMessage()}
        # JSON has no NaN, which a loss may be; programs would stumble over it.
        print(json.dumps(_finite(line), ensure_ascii=False, default=str), flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


class _Console(logging.Handler):
    """Filters each record once, and passes it on to all places where it should appear."""

    def __init__(self, *targets: logging.Handler) -> None:
        super().__init__()
        self.targets = targets

    def emit(self, record: logging.LogRecord) -> None:
        for target in self.targets:
            if record.levelno >= target.level:
                target.handle(record)

    def close(self) -> None:
        for target in self.targets:
            target.close()
        super().close()


def set_up(
    *,
    verbose: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    log_file: str | None = None,
) -> None:
    """Sets up logging for a command.

    Args:
        verbose: whether to show all messages of the libraries as well.
        quiet: whether to show warnings and errors only; a log file still gets everything.
        as_json: whether to write records to standard output, as an object on each line, instead of
            the lines on standard error.
        log_file: file to which everything is also written, at its end.

    Raises:
        OSError: if the log file cannot be opened.
    """
    shown: logging.Handler = _JsonHandler(logging.INFO) if as_json else TerminalHandler()
    if quiet:
        shown.setLevel(logging.WARNING)
    targets = [shown]
    if log_file is not None:
        os.makedirs(os.path.dirname(log_file) or ".", exist_ok=True)
        file = logging.FileHandler(log_file, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s  %(levelname)s  %(message)s"))
        file.setLevel(logging.INFO)
        targets.append(file)
    console = _Console(*targets)
    root = logging.getLogger()
    root.handlers[:] = [console]
    root.setLevel(logging.INFO)
    if verbose:
        return
    console.addFilter(_Relevant())
    warnings.filterwarnings("ignore")
    # Without handlers of their own, the records of these go to the root logger's handler.
    for name in _WITH_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # TFX parses absl's flags again in every Beam component, which resets the level to its default.
    flags.FLAGS.set_default("verbosity", absl_logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)


@contextlib.contextmanager
def shown(*, quiet: bool) -> Iterator[None]:
    """Shows what happens in the block as a command would; afterwards, logging is as before.

    Args:
        quiet: whether to show warnings and errors only.
    """
    loggers = [logging.getLogger(), *map(logging.getLogger, _WITH_HANDLERS)]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    with warnings.catch_warnings():
        set_up(quiet=quiet)
        console = logging.getLogger().handlers[0]
        try:
            yield
        finally:
            for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
                logger.handlers[:], logger.propagate = handlers, propagate
                logger.setLevel(level)
            console.close()
