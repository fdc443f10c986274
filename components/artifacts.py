"""The artifact types that this project adds to those of TFX, as recorded in ML Metadata."""

from __future__ import annotations

from tfx.types import artifact

from components import files
from components.vocabulary_file_name import MODEL_FILE_NAME


class SentencePieceModel(artifact.Artifact):
    """A SentencePiece model that has been checked to be suitable for XLNet.

    File structure: `{uri}/spiece.model`.

    Custom properties: `sha256` (hexadecimal digest of the file) and `vocabulary_size` (number of
    pieces). They are not declared as properties of the type, because the compilers for Kubeflow and
    Vertex would refuse declared ones.
    """

    # Kubeflow and Vertex only accept names of the form <package>.<class>, and their containers
    # import the class by this name. That is why `components` exports it.
    TYPE_NAME = "components.SentencePieceModel"


def sentencepiece_model_path(uri: str) -> str:
    """Returns the path of the model file in a `SentencePieceModel` artifact with this URI."""
    return files.join(uri, MODEL_FILE_NAME)
