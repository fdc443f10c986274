"""Shows log records on a terminal, with a progress bar below them while a model is trained."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components import events

if TYPE_CHECKING:
    import tqdm

FORMAT = "%(asctime)s  %(message)s"
TIME_FORMAT = "%H:%M:%S"
# Trainings report their progress more often than a log should, at this logger's level DEBUG.
_TRAINING_LOGGER = "components.trainer.progress_report"


class TerminalHandler(logging.StreamHandler):
    """Writes records to standard error; draws a training's progress as a bar if it is a terminal.

    The bar is as wide as the terminal at that moment. It is removed while a line is written, and
    drawn again below it.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter(FORMAT, datefmt=TIME_FORMAT))
        self.setLevel(logging.INFO)
        self._bar: tqdm.tqdm | None = None
        self._draws = self.stream.isatty()
        if self._draws:
            self.setLevel(logging.DEBUG)
            logging.getLogger(_TRAINING_LOGGER).setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Draws the bar for a training's progress, and writes a line for anything else."""
        event = events.of(record) or {}
        if self._draws and event.get("event") == events.TRAINING:
            self._draw(event)
        elif record.levelno < logging.INFO:
            return
        elif self._bar is None:
            super().emit(record)
        else:
            with self._bar.external_write_mode(file=self.stream):
                super().emit(record)

    def _draw(self, progress: Mapping[str, Any]) -> None:
        # Imported here because the image that only serves does not have it.
        import tqdm

        step, total = progress["step"], progress["total_steps"]
        if self._bar is None or self._bar.total != total or step < self._bar.n:
            self.close_bar()
            self._bar = tqdm.tqdm(
                total=total,
                initial=progress["start_step"],
                unit="step",
                desc="training",
                dynamic_ncols=True,
                file=self.stream,
            )
        self._bar.set_postfix_str(
            f"loss {progress['loss']:.4f}, {progress['examples_per_second']:.1f} examples/s",
            refresh=False,
        )
        self._bar.update(step - self._bar.n)
        if step == total:
            self.close_bar()

    def close_bar(self) -> None:
        """Leaves the bar as it is, so that lines follow it; does nothing if there is none."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
            self._bar = None

    def close(self) -> None:
        """Ends the handler, and its bar."""
        self.close_bar()
        if self._draws:
            logging.getLogger(_TRAINING_LOGGER).setLevel(logging.NOTSET)
        super().close()
