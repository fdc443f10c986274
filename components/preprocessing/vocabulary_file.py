"""Keeps a copy of the vocabulary beside the records that were made with it.

A model that is trained on the records needs the vocabulary to serve text. If its path were
configured separately, it could refer to a different vocabulary.
"""

from __future__ import annotations

from components import files, manifest
from components.tokenization import vocabulary as vocabulary_lib
from components.tokenization.vocabulary import Vocabulary
from components.vocabulary_file_name import MODEL_FILE_NAME


def write(vocabulary: Vocabulary, records_directory: str) -> None:
    """Writes the vocabulary into the directory of the records."""
    files.write_bytes(files.join(records_directory, MODEL_FILE_NAME), vocabulary.model)


def read(records_directory: str) -> Vocabulary:
    """Reads the vocabulary in the directory of the records.

    Raises:
        NoSuchFilesError: if it is missing.
        ManifestError: if it is not the one that the manifest names.
    """
    vocabulary = vocabulary_lib.load(files.join(records_directory, MODEL_FILE_NAME))
    manifest.read(records_directory).check_agrees({"vocabulary_sha256": vocabulary.sha256})
    return vocabulary
