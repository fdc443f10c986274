"""Loads an exported model and asks its default signature: smoke-test MODEL_FOLDER [TEXT …].

Needs TensorFlow and TensorFlow Text only, which is what a server needs too.
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Prints what the model says about each text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="folder with saved_model.pb")
    parser.add_argument("texts", nargs="*", default=["A fine film.", ""], help="texts to ask about")
    options = parser.parse_args()

    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers the operations that the model uses)

    signature = tf.saved_model.load(options.model).signatures["serving_default"]
    _, arguments = signature.structured_input_signature
    unknown = [name for name, spec in arguments.items() if spec.dtype != tf.string]
    if unknown:
        print(f"error: the signature takes more than texts: {unknown}", file=sys.stderr)
        return 1
    texts = tf.constant(options.texts)
    given = {
        name: texts if position == 0 else tf.fill(tf.shape(texts), "")
        for position, name in enumerate(sorted(arguments))
    }
    for name, values in signature(**given).items():
        print(f"{name}: {values.numpy().tolist()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
