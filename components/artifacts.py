"""Artifact types of this project's own, for ML Metadata."""

from __future__ import annotations

from tfx.types import artifact

from components import files
from components.tokenization.vocabulary import MODEL_FILE_NAME


class SentencePieceModel(artifact.Artifact):
    """A SentencePiece model that was checked to be one for XLNet.

    File structure: `{uri}/spiece.model`.

    Properties: `sha256` (hexadecimal digest of the file) and `vocabulary_size` (number of pieces).
    """

    TYPE_NAME = "SentencePieceModel"
    PROPERTIES = {
        "sha256": artifact.Property(type=artifact.PropertyType.STRING),
        "vocabulary_size": artifact.Property(type=artifact.PropertyType.INT),
    }


def sentencepiece_model_path(uri: str) -> str:
    """Path of the model file in an artifact of type `SentencePieceModel`."""
    return files.join(uri, MODEL_FILE_NAME)
