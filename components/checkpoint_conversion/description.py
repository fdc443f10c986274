"""Reads and writes `xlnet_weights.json`, which says what weights themselves do not.

The file lies beside all weights that this project writes, and holds the digest of their vocabulary,
how texts were normalised for it, and the labels of their head. Two vocabularies of the same size
both fit the weights, but with the wrong one each piece gets the embedding of another piece. The
digest tells them apart even if `spiece.model` is not there. This module does not import TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from components import files
from components.checkpoint_conversion.errors import WeightsError
from components.vocabulary_file_name import MODEL_FILE_NAME

FILE_NAME = "xlnet_weights.json"

_MAX_BYTES = 4 << 20  # enough for the labels of very many classes
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Description:
    """The contents of `xlnet_weights.json`.

    Attributes:
        vocabulary_sha256: hexadecimal SHA-256 digest of the SentencePiece model; None if it is not
            known.
        labels: labels of a head that chooses among classes, in the order of its outputs; empty if
            they are not known.
        uncased: whether the texts were lower-cased; None if it is not known.
        keep_accents: whether the texts kept their accents; None if it is not known.
    """

    vocabulary_sha256: str | None = None
    labels: tuple[str, ...] = ()
    uncased: bool | None = None
    keep_accents: bool | None = None


def write(folder: str, description: Description) -> None:
    """Writes `xlnet_weights.json` into a folder atomically."""
    fields = {
        "vocabulary_sha256": description.vocabulary_sha256,
        "labels": list(description.labels),
        "uncased": description.uncased,
        "keep_accents": description.keep_accents,
    }
    content = json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    # Labels from JSON can hold half a surrogate pair; the escape is that of JSON, too.
    files.write_bytes(files.join(folder, FILE_NAME), content.encode("utf-8", "backslashreplace"))


def read(folder: str) -> Description:
    """Returns what is known about the weights in a folder.

    This comes from `xlnet_weights.json` and from the vocabulary in the folder; both may be missing.

    Raises:
        WeightsError: if the file is damaged, or names a vocabulary other than the one beside it.
    """
    path = files.join(folder, FILE_NAME)
    found = Description()
    if files.exists(path):
        found = _read_file(path)
    vocabulary = files.join(folder, MODEL_FILE_NAME)
    if files.exists(vocabulary):
        digest = files.sha256(files.read_bytes(vocabulary))
        if found.vocabulary_sha256 not in (None, digest):
            raise WeightsError(
                f"{vocabulary} (sha256 {digest}) is not the vocabulary of the weights beside it: "
                f"{path} names {found.vocabulary_sha256}. Put that one there, or remove this one."
            )
        found = dataclasses.replace(found, vocabulary_sha256=digest)
    return found


def _read_file(path: str) -> Description:
    try:
        fields = json.loads(files.read_bytes(path, max_bytes=_MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not readable as JSON: {error}") from error
    digest, labels = (_get(fields, name, path) for name in ("vocabulary_sha256", "labels"))
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise WeightsError(f"{path} has a vocabulary_sha256 that is no SHA-256 in hexadecimal.")
    labels = [] if labels is None else labels
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise WeightsError(f"{path} has labels that are no list of texts.")
    normalised = {name: _get(fields, name, path) for name in ("uncased", "keep_accents")}
    for name, value in normalised.items():
        if value is not None and not isinstance(value, bool):
            raise WeightsError(f"{path} has {name} that is neither true nor false.")
    return Description(digest, tuple(labels), **normalised)


def _get(fields: Any, name: str, path: str) -> Any:
    if not isinstance(fields, Mapping):
        raise WeightsError(f"{path} should hold a JSON object.")
    return fields.get(name)
