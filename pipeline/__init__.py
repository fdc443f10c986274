"""What runs, in which order, where. No machine-learning code lives here."""

import components  # noqa: F401  (sets the Keras version before TensorFlow is imported)
