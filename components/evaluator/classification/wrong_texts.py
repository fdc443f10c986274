"""Finds texts that a model labelled wrongly, for the report; the most confident come first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

# This import registers the custom ops that the graph uses.
import tensorflow_text  # noqa: F401

from components import files, tf_examples, tfrecords
from components.evaluator.report_content import Part, WrongExample
from components.export.signatures import SERVING_TF_EXAMPLES

# The report shows only a few, and running the model on all of a large data set would take as long
# as the evaluation itself.
MAX_EXAMINED = 2000
_MAX_EXAMPLES = 8
_MAX_CHARACTERS = 600
_BATCH_SIZE = 64


def find(
    model_path: str, example_pattern: str, *, labels: Sequence[str] | None
) -> dict[str, list[WrongExample]]:
    """Finds the worst predictions among the first `MAX_EXAMINED` examples of a split.

    Args:
        model_path: path of a SavedModel for classification, regression or multiple choice.
        example_pattern: glob pattern of the files with raw examples.
        labels: labels in the order of their ids; None for regression.

    Returns:
        The wrong examples under their heading, the worst first.
    """
    predict = tf.saved_model.load(model_path).signatures[SERVING_TF_EXAMPLES]
    serialized = itertools.islice(_read(example_pattern), MAX_EXAMINED)
    scored: list[tuple[bytes, np.ndarray]] = []
    while batch := list(itertools.islice(serialized, _BATCH_SIZE)):
        scores = predict(examples=tf.constant(batch))["scores"].numpy()
        scored += zip(batch, scores, strict=True)
    return worst(scored, labels=labels)


def worst(
    scored: Iterable[tuple[bytes, np.ndarray]], *, labels: Sequence[str] | None
) -> dict[str, list[WrongExample]]:
    """Finds the worst predictions among the first examples of a split.

    Args:
        scored: serialized raw examples, at most `MAX_EXAMINED`, with the scores that the model
            gave.
        labels: labels in the order of their ids; None for regression.

    Returns:
        The wrong examples under their heading, the worst first.
    """
    wrong = [found for example, score in scored for found in _judge(example, score, labels)]
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
    """Yields how wrong a prediction is, together with the example, unless it is right."""
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
