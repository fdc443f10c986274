"""Events of a run: log records that programs can read as well as people.

An event has a name and values beside its message. `xlnet-pipeline run --json` prints them; wherever
else logs go, the message is all that is seen. The names and their values are listed in
docs/python.md.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

_ATTRIBUTE = "xlnet_event"

# How much a component has read and dropped; the console adds it to the component's line.
AMOUNT = "amount"
TRAINING = "training"
# Reasons that a line names; the most frequent ones.
_MAX_REASONS = 3


def log(
    logger: logging.Logger,
    name: str,
    message: str,
    /,
    *arguments: object,
    level: int = logging.INFO,
    **values: Any,
) -> None:
    """Logs an event.

    Args:
        logger: logger of the module that reports it.
        name: name of the event.
        message: what people read, with the placeholders of `logging`.
        *arguments: values of the placeholders.
        level: level of the record.
        **values: what programs read: numbers, texts, and lists and mappings of them.
    """
    logger.log(
        level, message, *arguments, extra={_ATTRIBUTE: {"event": name, **values}}, stacklevel=2
    )


def attach(record: logging.LogRecord, name: str, /, **values: Any) -> None:
    """Makes a record, which somebody else has logged, an event."""
    setattr(record, _ATTRIBUTE, {"event": name, **values})


def of(record: logging.LogRecord) -> Mapping[str, Any] | None:
    """Returns the name (under "event") and the values of a record's event; None if it has none."""
    return getattr(record, _ATTRIBUTE, None)


@dataclasses.dataclass(frozen=True)
class Amount:
    """How much a component has read.

    Attributes:
        number: how many units were read and kept.
        unit: what is counted, such as "rows".
        dropped: how many inputs were dropped, by reason.
    """

    number: int
    unit: str
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def log(self, logger: logging.Logger) -> None:
        """Logs the amount as an event."""
        values = {**dataclasses.asdict(self), "dropped": dict(self.dropped)}
        log(logger, AMOUNT, "%s", self.described(), **values)

    def described(self, seconds: float | None = None) -> str:
        """Returns the amount in words, such as "997 rows (120/s), 3 left out: 3 unknown label".

        Args:
            seconds: how long it took, if that is known.
        """
        text = f"{self.number:,} {self.unit}"
        if seconds:
            text += f" ({self.number / seconds:,.0f}/s)"
        if self.dropped:
            reasons = sorted(self.dropped.items(), key=lambda item: (-item[1], item[0]))
            why = ", ".join(f"{count:,} {reason}" for reason, count in reasons[:_MAX_REASONS])
            text += f", {sum(self.dropped.values()):,} left out: {why}"
        return text
