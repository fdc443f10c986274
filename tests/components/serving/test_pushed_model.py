import numpy as np
import pytest

from components.serving import pushed_model
from components.serving.pushed_model import NoModelError, PredictionError, PushedModel


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


def test_lone_surrogates_are_replaced_as_offline():
    # JSON can hold them; UTF-8 cannot.
    found = pushed_model.encoded([["x\ud83dy", "z"]])
    assert found.tolist() == [["x\ufffdy".encode(), b"z"]]
