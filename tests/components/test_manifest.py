import json

import pytest

from components import files, manifest

EXAMPLE = manifest.Manifest(
    record_type="classification",
    parameters={"seq_len": 128, "uncased": False},
    vocabulary_sha256="ab" * 32,
    shards={"train": ["Split-train/a"]},
    counts={"train/records": 3},
)


def test_round_trip(tmp_path):
    EXAMPLE.write(str(tmp_path))
    assert manifest.read(str(tmp_path)) == EXAMPLE


def test_every_difference_is_listed_with_both_values():
    EXAMPLE.check_agrees({"seq_len": 128, "record_type": "classification"})
    with pytest.raises(
        manifest.ManifestError,
        match=r"seq_len: the records have 128, the configuration asks for 64; "
        r"uncased: the records have False, the configuration asks for True",
    ):
        EXAMPLE.check_agrees({"seq_len": 64, "uncased": True})


def test_records_of_before_the_setting_have_no_accents():
    EXAMPLE.check_agrees({"keep_accents": False})
    with pytest.raises(manifest.ManifestError, match="keep_accents: the records have False"):
        EXAMPLE.check_agrees({"keep_accents": True})


def test_no_manifest_means_incomplete_records(tmp_path):
    with pytest.raises(manifest.ManifestError, match="preprocessing did not finish"):
        manifest.read(str(tmp_path))


def test_damaged_and_foreign_manifests_are_refused(tmp_path):
    path = f"{tmp_path}/{manifest.MANIFEST_FILE_NAME}"
    files.write_bytes(path, b"{")
    with pytest.raises(manifest.ManifestError, match="not valid JSON"):
        manifest.read(str(tmp_path))
    files.write_bytes(path, json.dumps({"format_version": 99}).encode())
    with pytest.raises(manifest.ManifestError, match="format version 99"):
        manifest.read(str(tmp_path))
    files.write_bytes(path, json.dumps({"format_version": 1, "x": 1}).encode())
    with pytest.raises(manifest.ManifestError, match="should have the fields"):
        manifest.read(str(tmp_path))
