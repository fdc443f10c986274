"""Executor of the BulkInferrer: TFX's, where the operations of our graphs are known."""

from __future__ import annotations

# Registers the custom ops of the graph; without it: "Op type not registered".
import tensorflow_text  # noqa: F401
from tfx.components.bulk_inferrer import executor as tfx_executor


class Executor(tfx_executor.Executor):
    """Infers as TFX does; importing this module has made that possible."""
