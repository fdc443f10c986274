import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.named_checkpoint import WeightsError


def variables():
    return [
        tf.Variable(tf.zeros([2, 3]), name="model/transformer/a/kernel"),
        tf.Variable(tf.zeros([4]), name="model/head/bias"),
    ]


@pytest.fixture
def checkpoint(tmp_path):
    arrays = {
        "model/transformer/a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
        "model/lm_loss/bias": np.ones(5, np.float32),
        "model/transformer/a/kernel/Adam": np.ones((2, 3), np.float32),
        "global_step": np.int64(7),
        "beta1_power": np.float32(0.9),
    }
    named_checkpoint.write_arrays(str(tmp_path), arrays)
    return tmp_path


def test_arrays_come_back_without_optimizer_state(checkpoint):
    arrays = named_checkpoint.read_arrays(str(checkpoint))
    assert set(arrays) == {"model/transformer/a/kernel", "model/lm_loss/bias"}
    np.testing.assert_array_equal(arrays["model/lm_loss/bias"], np.ones(5))


def test_the_digest_depends_on_every_value(checkpoint, tmp_path):
    before = named_checkpoint.sha256(str(checkpoint))
    arrays = named_checkpoint.read_arrays(str(checkpoint))
    copies = [tmp_path / name for name in ("same", "other")]
    for path, change in zip(copies, (0, 1), strict=True):
        path.mkdir()
        arrays["model/transformer/a/kernel"].view(np.int32)[1, 2] ^= change
        named_checkpoint.write_arrays(str(path), arrays)
    same, other = (named_checkpoint.sha256(str(path)) for path in copies)
    assert before not in (same, other)  # It has optimizer state beside.
    assert same != other
    with pytest.raises(WeightsError, match="not a readable TensorFlow checkpoint"):
        named_checkpoint.sha256(str(tmp_path / "missing"))


def test_restore_accounts_for_every_variable(checkpoint):
    model = variables()
    result = named_checkpoint.restore(
        model, str(checkpoint), may_be_new=["^model/head/"], may_be_ignored=["^model/lm_loss/"]
    )
    assert result.restored == ("model/transformer/a/kernel",)
    assert result.new == ("model/head/bias",)
    assert result.ignored == ("model/lm_loss/bias",)
    np.testing.assert_array_equal(model[0].numpy(), np.arange(6).reshape(2, 3))


def test_what_does_not_fit_is_listed_and_nothing_is_assigned(checkpoint):
    model = [tf.Variable(tf.zeros([3, 2]), name="model/transformer/a/kernel"), variables()[1]]
    with pytest.raises(WeightsError) as error:
        named_checkpoint.restore(model, str(checkpoint))
    message = str(error.value)
    assert "not in the checkpoint: model/head/bias" in message
    assert "not used by the model: model/lm_loss/bias" in message
    assert "has shape [2, 3] in the checkpoint and [3, 2] in the model" in message
    assert not model[0].numpy().any()


@pytest.mark.parametrize("is_untied", [False, True])
def test_a_language_model_keeps_its_outputs(is_untied, tmp_path):
    arrays = {"model/lm_loss/bias": np.ones(5, np.float32)}
    model = [tf.Variable(tf.zeros([5]), name="model/lm_loss/bias")]
    matrix = "model/lm_loss/weight"
    if is_untied:
        arrays[matrix] = np.ones((5, 2), np.float32)
    else:
        model.append(tf.Variable(tf.zeros([5, 2]), name=matrix))
    named_checkpoint.write_arrays(str(tmp_path), arrays)
    heads = ["^model/lm_loss/"]
    message = "Set it to that of the weights" if is_untied else "trained with tie_weight true"
    with pytest.raises(WeightsError, match=message):
        named_checkpoint.restore(model, str(tmp_path), may_be_new=heads, may_be_ignored=heads)
    assert not model[0].numpy().any()


def test_missing_and_torn_checkpoints_are_one_clear_error(checkpoint, tmp_path):
    with pytest.raises(WeightsError, match="not a readable TensorFlow checkpoint"):
        named_checkpoint.read_arrays(str(tmp_path / "nowhere"))
    data = next(checkpoint.glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:10])
    with pytest.raises(WeightsError, match="not a readable TensorFlow checkpoint"):
        named_checkpoint.read_arrays(str(checkpoint))


def test_a_damaged_index_that_asks_for_too_much_memory_is_one_clear_error(tmp_path):
    shutil.copy(
        pathlib.Path(__file__).parent / "data" / "asks_for_too_much_memory.index",
        tmp_path / "model.index",
    )
    with pytest.raises(WeightsError, match="not a readable TensorFlow checkpoint"):
        named_checkpoint.open_arrays(str(tmp_path / "model"))


def test_a_head_for_other_labels_is_left_out_by_another_name(checkpoint):
    model = [tf.Variable(tf.zeros([3]), name="model/lm_loss/bias")]
    every = [".*"]
    with pytest.raises(WeightsError, match=r"other labels\. Rename the task to get a new head"):
        named_checkpoint.restore(model, str(checkpoint), may_be_new=every, may_be_ignored=every)


def test_two_variables_of_one_name_are_refused():
    with pytest.raises(WeightsError, match="Two variables"):
        named_checkpoint.variables_by_name([variables()[0], variables()[0]])


def test_what_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    arrays = {"model/a": np.ones(2, np.float32)}
    with pytest.raises(WeightsError, match=r"file/x\.ckpt cannot be written"):
        named_checkpoint.write_arrays(str(tmp_path / "file" / "x.ckpt"), arrays)
