import json

import numpy as np
import pytest
import safetensors.numpy

from components.checkpoint_conversion import hugging_face_files, named_checkpoint
from components.checkpoint_conversion.convert import convert, detect_format
from components.checkpoint_conversion.errors import WeightsError

# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, the example of a pointer.
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.fixture
def whole(tiny_models, tmp_path):
    """A Hugging Face folder, and its tensors."""
    config = tiny_models.config()
    tiny_models.write(tmp_path / "ours", tiny_models.build("tied", config), config)
    convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")
    return tmp_path / "hf", safetensors.numpy.load_file(tmp_path / "hf" / "model.safetensors")


@pytest.fixture
def sharded(whole):
    """The folder with its tensors in two files, as save_pretrained lays them out; and the index."""
    folder, tensors = whole
    (folder / "model.safetensors").unlink()
    places = {name: (FIRST, SECOND)[i % 2] for i, name in enumerate(sorted(tensors))}
    for file in (FIRST, SECOND):
        part = {name: array for name, array in tensors.items() if places[name] == file}
        safetensors.numpy.save_file(part, folder / file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / INDEX).write_text(json.dumps(index))
    return folder, index


def to_ours(tmp_path):
    return convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")


def assert_equal_to_the_source(tmp_path):
    before = named_checkpoint.read_arrays(str(tmp_path / "ours"))
    after = named_checkpoint.read_arrays(str(tmp_path / "back"))
    assert set(before) == set(after)
    for name, array in before.items():
        assert array.tobytes() == after[name].tobytes(), name


def test_shards_are_read_by_their_index(sharded, tmp_path):
    assert detect_format(str(sharded[0])) == "hf"
    conversion = to_ours(tmp_path)
    assert conversion.source.endswith(INDEX)
    assert_equal_to_the_source(tmp_path)


def test_a_missing_shard_is_named(sharded, tmp_path):
    (sharded[0] / SECOND).unlink()
    with pytest.raises(WeightsError, match=rf"index\.json names 2 files, .* 1 .*: {SECOND}"):
        to_ours(tmp_path)


def test_an_index_and_its_files_must_agree(sharded, tmp_path):
    folder, index = sharded
    places = index["weight_map"]
    one, two = sorted(places)[:2]
    del places[one]
    places[two] = FIRST
    places["another"] = SECOND
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(WeightsError) as error:
        to_ours(tmp_path)
    assert str(error.value).splitlines()[1:] == [
        f"  {two} is not in {FIRST}",
        f"  another is not in {SECOND}",
        f"  {one} is in {FIRST}, which the index does not say",
        f"  {two} is in {SECOND}, which the index does not say",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", "no weight_map"),
        ("{}", "no weight_map"),
        ('{"weight_map": []}', "no weight_map"),
        ('{"weight_map": {}}', "no weight_map"),
        ('{"weight_map": {"a": 1}}', "no name of a file"),
        ('{"weight_map": {"a": "../a.safetensors"}}', "no name of a file"),
        ('{"weight_map": {"a": "/etc/a.safetensors"}}', "no name of a file"),
        ('{"weight_map": {"a": ""}}', "no name of a file"),
        ('{"weight_map": {"\\ud800": "a.safetensors"}}', "no text"),
    ],
)
def test_damaged_indexes_are_named(sharded, tmp_path, content, message):
    (sharded[0] / INDEX).write_text(content)
    with pytest.raises(WeightsError, match=message) as error:
        to_ours(tmp_path)
    assert INDEX in str(error.value)


def test_shards_without_an_index_are_told_from_no_weights(sharded, tmp_path):
    (sharded[0] / INDEX).unlink()
    for read in (to_ours, lambda path: detect_format(str(path / "hf"))):
        with pytest.raises(WeightsError, match=r"one of several files; the index .* is missing"):
            read(tmp_path)


def test_weights_of_other_frameworks_are_told_from_no_weights(whole, tmp_path):
    (whole[0] / "model.safetensors").rename(whole[0] / "tf_model.h5")
    with pytest.raises(WeightsError, match=r"tf_model\.h5 is not read"):
        to_ours(tmp_path)


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_a_wrapper_put_before_all_names_is_left_out(whole, tmp_path, wrapper):
    folder, tensors = whole
    wrapped = {wrapper + name: array for name, array in tensors.items()}
    safetensors.numpy.save_file(wrapped, folder / "model.safetensors")
    assert any(repr(wrapper) in note for note in to_ours(tmp_path).notes)
    assert_equal_to_the_source(tmp_path)
    # Before some names only, it is no wrapper.
    mixed = tensors | {"module.lm_loss.bias": tensors["lm_loss.bias"]}
    safetensors.numpy.save_file(mixed, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"not used: module\.lm_loss\.bias"):
        convert(str(folder), str(tmp_path / "again"), target_format="xlnet")


@pytest.mark.parametrize("name", ["model.safetensors", INDEX, "pytorch_model.bin", "config.json"])
def test_git_lfs_pointers_are_named_as_such(whole, tmp_path, name):
    if name != "config.json":
        (whole[0] / "model.safetensors").unlink()
    (whole[0] / name).write_bytes(POINTER)
    with pytest.raises(WeightsError, match=f"{name}.*Git LFS pointer.*git lfs pull"):
        to_ours(tmp_path)


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
def test_git_lfs_pointers_of_a_checkpoint_are_named_as_such(whole, tmp_path, ending):
    (tmp_path / "ours" / f"xlnet_model.ckpt.{ending}").write_bytes(POINTER)
    with pytest.raises(WeightsError, match=f"ckpt.{ending}: This is a Git LFS pointer"):
        convert(str(tmp_path / "ours"), str(tmp_path / "out"), target_format="hf")


def test_a_hugging_face_folder_in_place_of_a_checkpoint_is_named(whole):
    with pytest.raises(WeightsError, match=r"Hugging Face folder: `xlnet-pipeline convert"):
        named_checkpoint.read_arrays(str(whole[0]))


def test_the_preferred_file_is_the_one_that_transformers_takes(sharded):
    folder, _ = sharded
    (folder / "pytorch_model.bin").write_bytes(b"")
    names = [path.rpartition("/")[2] for path in hugging_face_files.weight_files(str(folder))]
    assert names == [INDEX, "pytorch_model.bin"]
    with hugging_face_files.open_to_read(str(folder)) as (tensors, notes):
        assert notes == []
        assert tensors["lm_loss.bias"].dtype == np.float32
