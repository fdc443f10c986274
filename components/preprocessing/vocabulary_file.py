"""The vocabulary that records were made with, kept beside them.

A model that is trained on them and serves text needs it, and a path of the vocabulary given anew
could lead to another one.
"""

from __future__ import annotations

from components import files, manifest
from components.tokenization import vocabulary as vocabulary_lib
from components.tokenization.vocabulary import Vocabulary
from components.vocabulary_file_name import MODEL_FILE_NAME


def write(vocabulary: Vocabulary, records_directory: str) -> None:
    """Copies the vocabulary beside records."""
    files.write_bytes(files.join(records_directory, MODEL_FILE_NAME), vocabulary.model)


def read(records_directory: str) -> Vocabulary:
    """The vocabulary of records.

    Raises:
        NoSuchFilesError: if it is missing.
        ManifestError: if it is not the one that the manifest tells of.
    """
    vocabulary = vocabulary_lib.load(files.join(records_directory, MODEL_FILE_NAME))
    manifest.read(records_directory).check_agrees({"vocabulary_sha256": vocabulary.sha256})
    return vocabulary
