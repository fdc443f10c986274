"""Texts that a model labelled wrongly, the surest first, for the report."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

# Registers the custom ops of the graph.
import tensorflow_text  # noqa: F401

from components import files, tf_examples, tfrecords
from components.evaluator.report_content import Part, WrongExample
from components.export.signatures import SERVING_TF_EXAMPLES

# The report shows a handful; looking at more of a large data set would repeat the evaluation.
MAX_EXAMINED = 2000
_MAX_EXAMPLES = 8
_MAX_CHARACTERS = 600
_BATCH_SIZE = 64


def find(
    model_path: str, example_pattern: str, *, labels: Sequence[str] | None
) -> dict[str, list[WrongExample]]:
    """Wrong predictions among the first examples of a split.

    Args:
        model_path: SavedModel of a classification, regression or multiple choice.
        example_pattern: files of raw examples.
        labels: in the order of their ids; None for regression.
    """
    predict = tf.saved_model.load(model_path).signatures[SERVING_TF_EXAMPLES]
    serialized = itertools.islice(_read(example_pattern), MAX_EXAMINED)
    wrong: list[tuple[float, WrongExample]] = []
    while batch := list(itertools.islice(serialized, _BATCH_SIZE)):
        scores = predict(examples=tf.constant(batch))["scores"].numpy()
        for example, score in zip(batch, scores, strict=True):
            wrong += _judge(example, score, labels)
    wrong.sort(key=lambda pair: -pair[0])
    heading = "Largest errors" if labels is None else "Most confident wrong predictions"
    return {
        f"{heading} (of the first {MAX_EXAMINED:,} examples)": [
            example for _, example in wrong[:_MAX_EXAMPLES]
        ]
    }


def _read(pattern: str) -> Iterator[bytes]:
    for path in files.expand(pattern, purpose="examples of the evaluation"):
        yield from tfrecords.read_records(path)


def _judge(
    serialized: bytes, score: np.ndarray, labels: Sequence[str] | None
) -> Iterator[tuple[float, WrongExample]]:
    """Nothing if the prediction is right; else how wrong it is, and the example."""
    features = tf_examples.decode(serialized)
    label = features["label"][0].decode()
    texts = [
        [Part(_shortened(features[name][0].decode(errors="replace")))]
        for name in ("text_a", "text_b")
        if features.get(name)
    ]
    if labels is None:
        error = abs(float(score) - float(label))
        yield error, WrongExample(texts, f"{float(score):.3f}", label, f"off by {error:.3f}")
        return
    best = int(np.argmax(score))
    if labels[best] != label:
        probability = float(score[best])
        options = [option.decode(errors="replace") for option in features.get("options", ())]
        named = dict(zip(labels, options, strict=True)) if options else {}
        given, expected = (
            f"{name}: {_shortened(named[name])}" if named else name
            for name in (labels[best], label)
        )
        yield probability, WrongExample(texts, given, expected, f"sure by {probability:.3f}")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + " …"
