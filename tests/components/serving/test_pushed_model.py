import shutil

import numpy as np
import pytest

from components.serving import pushed_model
from components.serving.pushed_model import (
    ModelError,
    NoModelError,
    OutputError,
    PredictionError,
    PushedModel,
)


@pytest.fixture(scope="module")
def model(serving_dir):
    return PushedModel.latest(str(serving_dir))


def test_the_latest_complete_version_is_found(serving_dir):
    assert list(pushed_model.versions(str(serving_dir))) == [3, 12]
    assert pushed_model.find(str(serving_dir)) == (12, str(serving_dir / "12"))
    assert pushed_model.find(str(serving_dir / "3")) == (3, str(serving_dir / "3"))


def test_a_version_may_have_leading_zeros(tmp_path):
    for name in ("0000002", "1", "01"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    found = pushed_model.versions(str(tmp_path))
    assert found == {1: str(tmp_path / "1"), 2: str(tmp_path / "0000002")}
    assert pushed_model.find(str(tmp_path)) == (2, str(tmp_path / "0000002"))


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(NoModelError, match=r"holds no model.*runs/sample/serving"):
        pushed_model.find(str(tmp_path))


def test_signatures_say_what_kind_of_model_it_is(model):
    assert model.kind == "classification"
    assert model.signatures["serving_default"].takes_text
    assert not model.signatures["sum_ids"].takes_text
    assert set(model.signatures["serving_default"].outputs) == {"scores", "label", "labels"}


def test_texts_get_scores(model):
    found = model.predict(text_a=["aab", "b"], text_b=["a", ""])
    np.testing.assert_allclose(found["scores"], [[0.75, 0.25], [0, 1]])
    assert found["label"].tolist() == [b"a", b"b"]


def test_what_the_graph_refuses_is_an_error(model):
    with pytest.raises(PredictionError, match="boom was said"):
        model.predict(text_a=["boom"], text_b=[""])


def test_numbers_that_are_none_are_an_error_and_not_the_first_label(model):
    with pytest.raises(OutputError, match=r"/12 computes NaN or infinity for the output 'scores'"):
        model.predict(text_a=["ab", "nan"], text_b=["", ""])


def test_what_belongs_to_a_model_is_read_once(serving_dir, tmp_path, caplog):
    for version, examples in ((1, '[{"text_a": "ab"}, 7]'), (2, "[{"), (3, None)):
        path = tmp_path / str(version)
        shutil.copytree(serving_dir / "12", path)
        (path / "assets.extra").mkdir()
        (path / "assets.extra" / "input_columns.json").write_text('{"names": {"text_a": "review"}}')
        if examples is not None:
            (path / "assets.extra" / "examples.json").write_text(examples)
        model = PushedModel(str(path), version)
        shutil.rmtree(path)
        assert model.columns.names == {"text_a": "review"}
        assert model.examples == ([{"text_a": "ab"}] if version == 1 else [])
    (record,) = caplog.records
    assert "no examples to try: " in record.message
    assert "examples.json is not valid JSON" in record.message


def test_a_damaged_description_of_the_columns_is_said_when_the_model_is_loaded(
    serving_dir, tmp_path
):
    shutil.copytree(serving_dir / "12", tmp_path / "1")
    (tmp_path / "1" / "assets.extra").mkdir()
    (tmp_path / "1" / "assets.extra" / "input_columns.json").write_text("{")
    with pytest.raises(ModelError, match=r"/1 cannot be loaded: .*input_columns\.json"):
        PushedModel(str(tmp_path / "1"), 1)


def test_lone_surrogates_are_replaced_as_offline():
    # JSON can hold them; UTF-8 cannot.
    found = pushed_model.encoded([["x\ud83dy", "z"]])
    assert found.tolist() == [["x\ufffdy".encode(), b"z"]]
