"""Executor of QuestionAnsweringPusher: adds the threshold for leaving questions unanswered."""

from __future__ import annotations

import json
import os

from tfx import types
from tfx.types import artifact_utils

from components import files
from components.evaluator.names import NULL_THRESHOLD, RESULTS_NAME
from components.export import null_threshold
from components.pusher import object_store
from components.pusher.object_store import EVALUATION_KEY


class Executor(object_store.Executor):
    """Pushes a blessed model with the null-score threshold that its evaluation found best."""

    def GetModelPath(  # noqa: N802  (TFX's name)
        self, input_dict: dict[str, list[types.Artifact]]
    ) -> str:
        """Returns the path of a copy of the model that has the threshold.

        The Trainer's artifact is left unchanged.
        """
        model_path = super().GetModelPath(input_dict)
        evaluation = artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])
        results = json.loads(files.read_bytes(files.join(evaluation, RESULTS_NAME)))
        finished = os.path.join(self._get_tmp_dir(), "model")
        files.copy_tree(model_path, finished)
        if results[NULL_THRESHOLD] is not None:
            null_threshold.write(finished, results[NULL_THRESHOLD])
        return finished
