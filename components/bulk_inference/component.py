"""TFX component of the BulkInferrer: TFX's own, with an executor that knows our operations."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import components as tfx_components
from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.proto import bulk_inferrer_pb2

from components.bulk_inference import executor


class BulkInferrer(tfx_components.BulkInferrer):
    """Predicts splits of raw examples with a blessed model.

    Component `outputs` contains:
     - `inference_result`: Channel of type `InferenceResult`, PredictionLogs with each example and
       what the signature `serving_tf_examples` says of it.
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
    ):
        """Sets up the component.

        Args:
            examples: raw Examples.
            model: exported model.
            model_blessing: of the Evaluator; without a blessing nothing is inferred.
            splits: of the examples.
            signature_name: that takes serialized tf.Examples.
        """
        super().__init__(
            examples=examples,
            model=model,
            model_blessing=model_blessing,
            data_spec=bulk_inferrer_pb2.DataSpec(example_splits=list(splits)),
            model_spec=bulk_inferrer_pb2.ModelSpec(model_signature_name=[signature_name]),
        )
