"""The error for what a person has to decide, because the data do not say it clearly."""

from __future__ import annotations


class UndecidedError(ValueError):
    """What cannot be chosen without a person, or data that nothing can be learnt from.

    Attributes:
        option: option with which a person can choose a column, such as "--label"; None otherwise.
    """

    def __init__(self, message: str, *, option: str | None = None):
        super().__init__(message)
        self.option = option
