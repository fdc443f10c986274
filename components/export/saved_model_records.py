"""Describes, beside a SavedModel, which records it accepts, and checks records against that.

Without this check, a model would process records of another vocabulary without any error and give
wrong answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components import files, plain_json
from components.manifest import Manifest, ManifestError

# TF Serving ignores unknown files in this folder of a SavedModel.
_PATH = ("assets.extra", "records.json")
_VOCABULARY = "vocabulary_sha256"


def write(directory: str, manifest: Manifest, names: tuple[str, ...]) -> None:
    """Stores the settings that the training records were made with.

    Args:
        directory: folder of the SavedModel.
        manifest: manifest of the training records.
        names: names of the parameters that other records must share.
    """
    # Manifests that are older than this parameter do not have it.
    parameters = {"keep_accents": False, **manifest.parameters}
    made_with: Mapping[str, Any] = {
        "record_type": manifest.record_type,
        _VOCABULARY: manifest.vocabulary_sha256,
        **{name: parameters[name] for name in names},
    }
    text = json.dumps(made_with, indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, *_PATH), text.encode())


def check(directory: str, manifest: Manifest) -> None:
    """Checks that records were made with the same settings as those that a model was trained on.

    Args:
        directory: folder of the SavedModel.
        manifest: manifest of the records.

    Raises:
        ManifestError: if settings differ, in which case the message names them, or if the model
            does not say what it was trained on.
    """
    path = files.join(directory, *_PATH)
    try:
        expected = plain_json.mapping(files.read_bytes(path), where=path)
    except plain_json.JsonError as error:
        raise ManifestError(str(error)) from error
    except files.NoSuchFilesError as error:
        raise ManifestError(
            f"{directory} does not say which records it was trained on ({'/'.join(_PATH)} is "
            "missing): it was not exported for this kind of pipeline."
        ) from error
    # Models that are older than this setting do not name it.
    manifest.check_agrees({"keep_accents": False, **expected})
