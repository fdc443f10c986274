"""The BulkInferrer: TFX's own component, with an executor that can run our models."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import components as tfx_components
from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.proto import bulk_inferrer_pb2

from components.bulk_inference import executor

# The feature that each output of the signature is stored in. Raw examples have no such features.
_COLUMNS = {"label": "predicted_label", "scores": "predicted_scores"}


class BulkInferrer(tfx_components.BulkInferrer):
    """Predicts splits of raw examples with a blessed model.

    Component `outputs` contains:
     - `output_examples`: Channel of type `Examples`. It holds the raw examples of each split with
       their `predicted_scores` and, for classification, their `predicted_label`. It is empty if the
       model is not blessed.
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
            examples: the raw examples to predict.
            model: the exported model.
            model_blessing: blessing by the Evaluator; without it, nothing is predicted.
            splits: names of the splits to predict.
            signature_name: name of the signature that takes serialized tf.Examples.
            is_regression: whether the model predicts a number, and so has no output `label`.
        """
        # TFX could write PredictionLogs instead, but those mix the splits and hide each example in
        # a tensor.
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
