"""Executor of the BulkInferrer: TFX's own, with the custom ops of our models registered."""

from __future__ import annotations

# Registers the custom ops of the graph, which would otherwise fail with "Op type not registered".
import tensorflow_text  # noqa: F401
from tfx.components.bulk_inferrer import executor as tfx_executor


class Executor(tfx_executor.Executor):
    """TFX's executor, unchanged: importing this module is what registers the custom ops."""
