"""TFX component of the BulkInferrer: TFX's own, with an executor that knows our operations."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import components as tfx_components
from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.proto import bulk_inferrer_pb2

from components.bulk_inference import executor

# Columns that predictions are added in, by output of the signature. Raw examples have no such.
_COLUMNS = {"label": "predicted_label", "scores": "predicted_scores"}


class BulkInferrer(tfx_components.BulkInferrer):
    """Predicts splits of raw examples with a blessed model.

    Component `outputs` contains:
     - `output_examples`: Channel of type `Examples`, the raw examples split by split, with their
       `predicted_scores`, and for classification their `predicted_label`. Of a model that is not
       blessed there are none.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        splits: Sequence[str],
        signature_name: str,
        is_regression: bool,
    ):
        """Sets up the component.

        Args:
            examples: raw Examples.
            model: exported model.
            model_blessing: of the Evaluator; without a blessing nothing is inferred.
            splits: of the examples.
            signature_name: that takes serialized tf.Examples.
            is_regression: whether the model gives no label.
        """
        # Not TFX's PredictionLogs, which mix the splits and hide each example in a tensor.
        predicted = bulk_inferrer_pb2.PredictOutput()
        for name in ["scores"] if is_regression else ["label", "scores"]:
            predicted.output_columns.add(output_key=name, output_column=_COLUMNS[name])
        columns = bulk_inferrer_pb2.OutputColumnsSpec(predict_output=predicted)
        super().__init__(
            examples=examples,
            model=model,
            model_blessing=model_blessing,
            data_spec=bulk_inferrer_pb2.DataSpec(example_splits=list(splits)),
            model_spec=bulk_inferrer_pb2.ModelSpec(model_signature_name=[signature_name]),
            output_example_spec=bulk_inferrer_pb2.OutputExampleSpec(output_columns_spec=[columns]),
        )
