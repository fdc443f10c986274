"""Pushed models of ours, as `serve` and `predict` run them."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

import contestant
import numpy as np
import tensorflow as tf
from cases import N_TOKEN, SEQ_LEN, num_threads

from components.export.signatures import SERVING_IDS
from components.serving.pushed_model import PushedModel


def make(size: str, dtype: str, folder: str) -> Mapping[str, contestant.Prepare]:
    """Loads the models that `push.py` made for this size and dtype."""
    del size, dtype
    tf.config.threading.set_intra_op_parallelism_threads(num_threads())
    tf.config.threading.set_inter_op_parallelism_threads(num_threads())
    classification = PushedModel(os.path.join(folder, "classification"), 1)
    # Made only if there are questions.
    question_answering = functools.cache(
        lambda: PushedModel(os.path.join(folder, "question_answering"), 1)
    )

    def score_ids(rows: int, length: int) -> contestant.Answer:
        ids = np.random.default_rng(0).integers(9, N_TOKEN, (rows, SEQ_LEN))
        padding = np.broadcast_to(np.arange(SEQ_LEN) < SEQ_LEN - length, ids.shape)
        inputs = {
            "input_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "input_mask": padding.astype(np.float32),
        }
        return lambda: classification.run(SERVING_IDS, inputs)

    def label(texts: list[str]) -> contestant.Answer:
        return lambda: classification.predict(text_a=texts, text_b=[""] * len(texts))

    def find(questions: list[str], contexts: list[str]) -> contestant.Answer:
        model = question_answering()
        return lambda: model.predict(question=questions, context=contexts)

    return {"ids": score_ids, "texts": label, "questions": find}


if __name__ == "__main__":
    contestant.main(make)
