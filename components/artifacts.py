"""Artifact types of this project's own, for ML Metadata."""

from __future__ import annotations

from tfx.types import artifact

from components import files
from components.vocabulary_file_name import MODEL_FILE_NAME


class SentencePieceModel(artifact.Artifact):
    """A SentencePiece model that was checked to be one for XLNet.

    File structure: `{uri}/spiece.model`.

    Custom properties: `sha256` (hexadecimal digest of the file) and `vocabulary_size` (number of
    pieces). Declared ones the compilers for Kubeflow and Vertex would refuse.
    """

    # Kubeflow and Vertex take <package>.<class> only, and their containers import the class by it.
    TYPE_NAME = "components.SentencePieceModel"


def sentencepiece_model_path(uri: str) -> str:
    """Path of the model file in an artifact of type `SentencePieceModel`."""
    return files.join(uri, MODEL_FILE_NAME)
