"""What went wrong with a job of Dataflow; imports no client, so that every task can ask."""

from __future__ import annotations

from components import plain_errors


class DataflowError(RuntimeError):
    """A job could not be sent to Dataflow, failed there, or is out of sight."""


class JobGoesOnError(DataflowError):
    """A component gives up, but its job goes on or may do so; a retry would wait for it."""


def leaves_a_job(error: BaseException) -> bool:
    """Whether a job may still run, and use its files, after the error that ended its component.

    Beam and TFX may have made another error of the one that says so.
    """
    return any(isinstance(origin, JobGoesOnError) for origin in plain_errors.origins(error))
