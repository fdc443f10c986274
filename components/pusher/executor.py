"""Executor of QuestionAnsweringPusher: adds the threshold for leaving questions unanswered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

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
        null_threshold.write(finished, threshold(results))
        return finished


def threshold(results: Mapping[str, Any]) -> float:
    """Returns the null score above which questions are left unanswered.

    Args:
        results: results of a question-answering evaluation (`results.json`).

    Returns:
        The threshold that gives the best F1. If every question of the evaluation has an answer, as
        in SQuAD 1.1, nothing is known about unanswerable questions, and this is
        `null_threshold.ALWAYS_ANSWER`.
    """
    if "NoAns_total" not in results["metrics"]:
        return null_threshold.ALWAYS_ANSWER
    return results[NULL_THRESHOLD]
