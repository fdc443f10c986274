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


def test_records_of_before_the_digests_can_be_read(tmp_path):
    EXAMPLE.write(str(tmp_path))
    path = tmp_path / manifest.MANIFEST_FILE_NAME
    content = json.loads(path.read_bytes())
    del content["digests"]
    path.write_text(json.dumps(content))
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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "should hold a mapping, but holds list"),
        (b"\xff{}", "not valid JSON"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b"[" * 100 + b"]" * 100, "nested more than 64 deep"),
        (b"9" * 100_000, "an integer of 100,000 digits"),
        (b"-" + b"9" * 401, "an integer of 402 digits"),
    ],
)
def test_what_is_no_document_is_one_error(tmp_path, content, reason):
    files.write_bytes(f"{tmp_path}/{manifest.MANIFEST_FILE_NAME}", content)
    with pytest.raises(manifest.ManifestError, match=f"manifest.json .*{reason}"):
        manifest.read(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("counts", " ", "counts should be a mapping, but is ' '"),
        ("counts", {"train/records": "3"}, "counts.train/records should be of type int"),
        ("vocabulary_sha256", 1e308, "vocabulary_sha256 should be of type str"),
        ("parameters", [], "parameters should be a mapping"),
        ("shards", {"train": "a"}, "shards.train should be a list"),
        ("shards", {"test": [""]}, "'' is no file of these records"),
        ("shards", {"test": ["../other/a"]}, "'../other/a' is no file of these records"),
        ("shards", {"test": ["/a"]}, "'/a' is no file of these records"),
        ("code_version", None, "code_version should be of type str"),
    ],
)
def test_fields_of_another_kind_are_named(tmp_path, name, value, reason):
    EXAMPLE.write(str(tmp_path))
    path = tmp_path / manifest.MANIFEST_FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(manifest.ManifestError, match=reason):
        manifest.read(str(tmp_path))


def test_the_cases_that_people_met(data_root, tmp_path):
    cases = sorted((data_root.parent / "cases" / "mutated").glob("manifest-*"))
    if not cases:
        pytest.skip("no cases here")
    for case in cases:
        files.write_bytes(f"{tmp_path}/{manifest.MANIFEST_FILE_NAME}", case.read_bytes())
        with pytest.raises(manifest.ManifestError, match=r"manifest\.json"):
            manifest.read(str(tmp_path))
