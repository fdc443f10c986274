"""Which records a SavedModel can be given: written beside it, checked before they are.

A model that gets records of another vocabulary answers without complaint, and wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components import files, plain_json
from components.manifest import Manifest, ManifestError

# TF Serving leaves this folder of a SavedModel alone.
_PATH = ("assets.extra", "records.json")
_VOCABULARY = "vocabulary_sha256"


def write(directory: str, manifest: Manifest, names: tuple[str, ...]) -> None:
    """Records what the training records were made with.

    Args:
        directory: of the SavedModel.
        manifest: of the training records.
        names: parameters that other records must share.
    """
    # Manifests from before this parameter lack it.
    parameters = {"keep_accents": False, **manifest.parameters}
    made_with: Mapping[str, Any] = {
        "record_type": manifest.record_type,
        _VOCABULARY: manifest.vocabulary_sha256,
        **{name: parameters[name] for name in names},
    }
    text = json.dumps(made_with, indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, *_PATH), text.encode())


def check(directory: str, manifest: Manifest) -> None:
    """Compares records with those that a model was trained on.

    Args:
        directory: of the SavedModel.
        manifest: of the records.

    Raises:
        ManifestError: naming what differs, or if the model does not say what it was trained on.
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
    # Models of before the setting existed do not name it.
    manifest.check_agrees({"keep_accents": False, **expected})
