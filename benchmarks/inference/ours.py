"""Pushed models of ours, as `serve` and `predict` run them."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

import contestant
import numpy as np
import tensorflow as tf
from cases import N_TOKEN, QUESTIONS_MODEL, SEQ_LEN, num_threads

from components.export.signatures import SERVING_IDS
from components.serving.pushed_model import PushedModel


def make(size: str, dtype: str, folder: str) -> Mapping[str, contestant.Prepare]:
    """Loads the models that `push.py` made for this size and dtype."""
    del size, dtype
    tf.config.threading.set_intra_op_parallelism_threads(num_threads())
    tf.config.threading.set_inter_op_parallelism_threads(num_threads())
    loaded = functools.cache(lambda name: PushedModel(os.path.join(folder, name), 1))

    def score_ids(rows: int, length: int) -> contestant.Answer:
        name = "sentences" if length <= SEQ_LEN["sentences"] else "paragraphs"
        model, seq_len = loaded(name), SEQ_LEN[name]
        ids = np.random.default_rng(0).integers(9, N_TOKEN, (rows, seq_len))
        padding = np.broadcast_to(np.arange(seq_len) < seq_len - length, ids.shape)
        inputs = {
            "input_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "input_mask": padding.astype(np.float32),
        }
        return lambda: model.run(SERVING_IDS, inputs)

    def label(texts: list[str]) -> contestant.Answer:
        model = loaded("sentences")
        return lambda: model.predict(text_a=texts, text_b=[""] * len(texts))

    def find(questions: list[str], contexts: list[str]) -> contestant.Answer:
        model = loaded(QUESTIONS_MODEL)
        return lambda: model.predict(question=questions, context=contexts)

    return {"ids": score_ids, "texts": label, "questions": find}


if __name__ == "__main__":
    contestant.main(make)
