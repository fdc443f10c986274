"""A small model with the signatures of a classification, whose scores can be told beforehand."""

import pathlib

import pytest
import tensorflow as tf


class LengthModel(tf.Module):
    """Scores are the share of `a` among the two letters `a` and `b` in text_a and text_b.

    A text with "nan" gets NaN, as from a model whose training diverged, and one with "boom" fails.
    """

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="text_a"),
            tf.TensorSpec([None], tf.string, name="text_b"),
        ]
    )
    def serve(self, text_a, text_b):
        joined = tf.strings.join([text_a, text_b])
        failing = tf.reduce_any(tf.strings.regex_full_match(joined, ".*boom.*"))
        with tf.control_dependencies([tf.debugging.Assert(~failing, ["boom was said"])]):
            without = tf.strings.regex_replace(joined, "a", "")
        others = tf.cast(tf.strings.length(without), tf.float32)
        share = 1 - others / tf.cast(tf.strings.length(joined), tf.float32)
        is_nan = tf.strings.regex_full_match(joined, ".*nan.*")
        share = tf.where(is_nan, float("nan"), share)
        labels = tf.repeat(tf.constant([["a", "b"]]), tf.size(text_a), axis=0)
        scores = tf.stack([share, 1 - share], 1)
        return {
            "scores": scores,
            "label": tf.gather(["a", "b"], tf.argmax(scores, 1)),
            "labels": labels,
        }

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.int32, name="ids")])
    def sum_ids(self, ids):
        return {"total": tf.reduce_sum(ids, 1)}


def save(directory: pathlib.Path, version: int) -> None:
    module = LengthModel()
    tf.saved_model.save(
        module,
        str(directory / str(version)),
        signatures={"serving_default": module.serve, "sum_ids": module.sum_ids},
    )


@pytest.fixture(scope="session")
def serving_dir(tmp_path_factory) -> pathlib.Path:
    """Versions 3 and 12, and what the Pusher leaves behind while it copies."""
    directory = tmp_path_factory.mktemp("serving")
    for version in (3, 12):
        save(directory, version)
    (directory / "13").mkdir()
    (directory / "notes").mkdir()
    return directory
