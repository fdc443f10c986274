"""Defines what runs, in which order, and where. There is no machine-learning code in this package.

Look here for configuration and presets, the graph of components, the runners, and the
`xlnet-pipeline` command. The steps themselves are in `components`.
"""

import components  # noqa: F401  (selects the Keras version before TensorFlow is imported)
