"""Executor of QuestionAnsweringPusher: one that ships a copy that knows when not to answer."""

from __future__ import annotations

import json
import os

from tfx import types
from tfx.types import artifact_utils

from components import files
from components.evaluator.names import RESULTS_NAME
from components.export import null_threshold
from components.pusher import object_store

EVALUATION_KEY = "evaluation"


class Executor(object_store.Executor):
    """Pushes a blessed model with the threshold that its evaluation found best."""

    def GetModelPath(  # noqa: N802  (TFX's name)
        self, input_dict: dict[str, list[types.Artifact]]
    ) -> str:
        """A copy of the model with the threshold; the Trainer's artifact stays as it is."""
        model_path = super().GetModelPath(input_dict)
        evaluation = artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])
        results = json.loads(files.read_bytes(files.join(evaluation, RESULTS_NAME)))
        finished = os.path.join(self._get_tmp_dir(), "model")
        files.copy_tree(model_path, finished)
        null_threshold.write(finished, threshold(results["metrics"]))
        return finished


def threshold(metrics: dict[str, float]) -> float:
    """The null score above which questions are left unanswered.

    Args:
        metrics: of a question answering evaluation (`SquadEvaluation.metrics`).

    Returns:
        The threshold of the best F1; `null_threshold.ALWAYS_ANSWER` if every question of the
        evaluation has an answer (SQuAD 1.1): nothing was learnt about those that have none.
    """
    if "NoAns_total" not in metrics:
        return null_threshold.ALWAYS_ANSWER
    return metrics["best_f1_thresh"]
