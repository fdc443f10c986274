"""A clock for code that waits for minutes."""

import time
from collections.abc import Callable


class Clock:
    """Stands in for the module `time`; only sleeping makes time pass.

    Attributes:
        meanwhile: what others do during each sleep.
    """

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self._begun = self._now = time.time()

    @property
    def passed(self) -> float:
        """Seconds since this clock was made."""
        return self._now - self._begun

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self.meanwhile()
