"""Says whether the latest blessed model can be measured on the same task as a new one.

TFMA asks each model for the ids of the labels and compares them with that model's scores. A model
of other labels, or in another order, would be measured on ids that mean something else, or that the
metrics do not have.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# This import registers the custom ops that the graph uses.
import tensorflow_text  # noqa: F401

from components.export.signatures import SERVING_DEFAULT


def obstacle(path: str, *, kind: str, labels: Sequence[str] | None) -> str | None:
    """Looks for a difference between the task of an exported model and the one to measure.

    The model itself says what its task is, so this also works for models that were exported before
    anything compared them.

    Args:
        path: folder of the SavedModel.
        kind: "classification", "regression" or "multiple_choice".
        labels: labels of the task in the order of their ids; None for regression.

    Returns:
        The difference, in a sentence; None if the model can be measured.
    """
    serve = tf.saved_model.load(path).signatures.get(SERVING_DEFAULT)
    inputs = serve.structured_input_signature[1] if serve else {}
    outputs = serve.structured_outputs if serve else {}
    needed = {"text_a", "text_b"} | ({"options"} if kind == "multiple_choice" else set())
    if set(inputs) != needed or ("label" in outputs) != (labels is not None):
        return f"It is no model for {kind.replace('_', ' ')}."
    # The first models that were exported did not name their labels.
    if labels is None or "labels" not in outputs:
        return None
    # One row. The options of a multiple choice are as many texts as there are labels.
    row = {name: tf.fill([1, *spec.shape[1:]], "word") for name, spec in inputs.items()}
    its_labels = [label.decode() for label in serve(**row)["labels"][0].numpy()]
    if its_labels == list(labels):
        return None
    return f"Its labels are {', '.join(its_labels)}, and those of the new one {', '.join(labels)}."
