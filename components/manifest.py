"""The manifest: a file beside a set of records that says what they were made with.

Training reads it and compares it with its own configuration, so nothing downstream has to parse a
file name to learn a parameter. It is written last, so its presence also means that the records are
complete.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Mapping
from typing import Any

from components import __version__, configuration, files, plain_json

MANIFEST_FILE_NAME = "manifest.json"
FORMAT_VERSION = 1


class ManifestError(ValueError):
    """A manifest that is missing, damaged, or disagrees with the configuration."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Description of a set of records.

    Attributes:
        record_type: name of the `components.records.RecordType`.
        parameters: every setting that shaped the records (`seq_len`, `uncased`, `reuse_len`, …).
        vocabulary_sha256: hexadecimal SHA-256 digest of the SentencePiece model file.
        shards: names of the record files, relative to the manifest, by split.
        counts: counters by name, such as "train/records" or "train/dead_letters/too few columns".
        code_version: version of this package that wrote the records.
        digests: `RecordWriter.sha256` of the record files, by name. It is empty for records that
            were written before this field existed; they can still be trained on.
    """

    record_type: str
    parameters: Mapping[str, Any]
    vocabulary_sha256: str
    shards: Mapping[str, list[str]]
    counts: Mapping[str, int]
    code_version: str = __version__
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def write(self, directory: str) -> None:
        """Writes `manifest.json` into `directory` atomically."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        files.write_bytes(files.join(directory, MANIFEST_FILE_NAME), text.encode())

    def check_agrees(self, expected: Mapping[str, Any]) -> None:
        """Checks that the records were made with the settings that their reader is configured for.

        Args:
            expected: the reader's values by parameter name; may include `record_type` and
                `vocabulary_sha256`. Only the names that it contains are compared.

        Raises:
            ManifestError: if any value differs; the message lists each with both values.
        """
        actual = {
            # Records that were written before this setting existed do not name it.
            "keep_accents": False,
            **self.parameters,
            "record_type": self.record_type,
            "vocabulary_sha256": self.vocabulary_sha256,
        }
        missing = object()
        differences = [
            f"{name}: the records have {actual.get(name, '(nothing)')!r}, "
            f"the configuration asks for {value!r}"
            for name, value in sorted(expected.items())
            if actual.get(name, missing) != value
        ]
        if differences:
            raise ManifestError(
                "The records were made with other settings than training is configured for. "
                + "; ".join(differences)
                + ". Preprocess again with these settings, or change the configuration."
            )


def read(directory: str) -> Manifest:
    """Reads the manifest of the records in `directory`.

    Raises:
        ManifestError: if there is no manifest, so that the records are missing or incomplete, or if
            it is damaged or of another format version.
    """
    path = files.join(directory, MANIFEST_FILE_NAME)
    try:
        content = plain_json.mapping(files.read_bytes(path), where=path)
    except FileNotFoundError as error:
        raise ManifestError(
            f"{directory} has no {MANIFEST_FILE_NAME}: it holds no records, or their "
            "preprocessing did not finish."
        ) from error
    except plain_json.JsonError as error:
        raise ManifestError(str(error)) from error
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise ManifestError(
            f"{path} has format version {version!r}; this code reads {FORMAT_VERSION}."
        )
    names = {field.name for field in dataclasses.fields(Manifest)}
    # Records of earlier versions have no digests.
    if set(content) | {"digests"} != names:
        raise ManifestError(
            f"{path} should have the fields {sorted(names)}, but has {sorted(content)}."
        )
    try:
        manifest = configuration.build(Manifest, content, where=path)
    except configuration.ConfigurationError as error:
        raise ManifestError(str(error)) from error
    for name in (name for names in manifest.shards.values() for name in names):
        if posixpath.normpath(name) != name or name.startswith(("/", "..", ".")):
            raise ManifestError(f"{path}: {name!r} is no file of these records.")
    return manifest
