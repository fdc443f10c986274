"""TFX executor of the Tuner: applies the values given at the start of a run, then searches."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.tuner import executor as tfx_executor

from components.trainer.executor import with_runtime_values


class Executor(tfx_executor.Executor):
    """Searches as TFX's Tuner does, but applies the values given when the run started."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the search.

        Args:
            input_dict: the same inputs as for TFX's Tuner.
            output_dict: the artifacts "best_hyperparameters" and "tuner_results".
            exec_properties: those of TFX's Tuner and those named in
                `runtime_values.TRAINING_PLACES`.

        Raises:
            RuntimeValueError: if the configuration has no place for one of them.
        """
        super().Do(input_dict, output_dict, with_runtime_values(exec_properties))
