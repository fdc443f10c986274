"""The pipeline's components: libraries that do not depend on TFX, and thin TFX wrappers.

Importing this package sets environment variables for TensorFlow, and keeps its import quiet.
"""

import os
import warnings

from components import quiet_tensorflow

# TPUStrategy, TFT and TFMA only support tf_keras (Keras 2). TensorFlow chooses its Keras when it is
# first imported, so this must be set before any import of TensorFlow.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# On a machine without a GPU, TensorFlow's C++ code logs the missing CUDA as errors. Anything that
# really matters is also raised as an exception, so the log is turned off. To debug, set this
# variable to 0 in the environment.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
    quiet_tensorflow.install()
# Each Google library warns once per start that the Python in use is old.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core\..*")

__version__ = "0.1.0"

# Can also be imported from here (see `SentencePieceModel.TYPE_NAME` for why). `__getattr__` imports
# them on first use, so that `import components` alone does not import TFX.
_ARTIFACT_TYPES = ("SentencePieceModel",)


def __getattr__(name: str) -> object:
    if name not in _ARTIFACT_TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from components import artifacts

    return getattr(artifacts, name)
