import pytest

from pipeline import preset_loader


def test_splits_for_bulk_inference_must_be_those_of_the_data_set():
    config = preset_loader.load("sample", ["bulk_inference_splits=[test, eval]"])
    assert config.bulk_inference_splits == ("test", "eval")
    with pytest.raises(ValueError, match="has tset; the data set has the splits train, eval, test"):
        preset_loader.load("sample", ["bulk_inference_splits=[tset]"])
