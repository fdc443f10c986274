"""Pipeline components: libraries that know nothing of TFX, and thin TFX wrappers around them."""

import os
import warnings

from components import quiet_tensorflow

# tf_keras (Keras 2) is the Keras that TPUStrategy, TFT and TFMA support; TensorFlow decides at its
# first import, so this stands before any import of it.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# Without a GPU the C++ side logs the absence of CUDA as errors; what matters is raised as an
# exception as well. A user who debugs sets this to 0 in the environment.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
    quiet_tensorflow.install()
# One line per Google library at every start, about the age of the Python in use.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core\..*")

__version__ = "0.1.0"

# Importable from here as well (`components.artifacts` says why), without importing TFX until then.
_ARTIFACT_TYPES = ("SentencePieceModel",)


def __getattr__(name: str) -> object:
    if name not in _ARTIFACT_TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from components import artifacts

    return getattr(artifacts, name)
