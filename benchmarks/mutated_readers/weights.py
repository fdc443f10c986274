"""Weights and their descriptions, of every form that is converted."""

from __future__ import annotations

import io
import pathlib
import tempfile
import zipfile

import numpy as np
import safetensors.numpy

from benchmarks.mutated_readers.mutated_reader import (
    Counted,
    MutatedReader,
    Seed,
    as_json,
    one,
    read_with,
)
from components.checkpoint_conversion import (
    description,
    hugging_face_config,
    hugging_face_files,
    named_checkpoint,
    safetensors_file,
    torch_file,
)
from components.checkpoint_conversion.errors import WeightsError
from components.modeling.config import XLNetConfig

_ARRAYS = {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.float16), "c": np.zeros((0, 3))}
_SHARD = "model-00001-of-00001.safetensors"
_NETWORK = {
    "n_token": 32,
    "d_model": 8,
    "n_layer": 2,
    "n_head": 2,
    "d_head": 4,
    "d_inner": 16,
    "untie_r": True,
    "ff_activation": "gelu",
    "summary_type": "mean",
}
_HUGGING_FACE = {
    "model_type": "xlnet",
    "vocab_size": 32,
    **{name: _NETWORK[name] for name in ("d_model", "n_layer", "n_head", "d_inner", "untie_r")},
    "ff_activation": "gelu",
    "layer_norm_eps": 1e-12,
    "summary_type": "last",
    "problem_type": "single_label_classification",
    "architectures": ["XLNetForSequenceClassification"],
    "id2label": {"0": "a"},
}


def _safetensors_seeds() -> list[Seed]:
    content = safetensors.numpy.save(_ARRAYS)
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    return [
        Seed(
            "model.safetensors",
            header,
            lambda changed: len(changed).to_bytes(8, "little") + changed + data,
        )
    ]


def _read_safetensors(path: pathlib.Path) -> Counted:
    with safetensors_file.open_to_read(str(path)) as tensors:
        dict(tensors)
    return None


def _torch_seeds() -> list[Seed]:
    """As torch.save lays it out; the pickle by hand, from its documented instructions."""

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def archive(pickle: bytes) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as packed:
            packed.writestr("archive/data.pkl", pickle)
            packed.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
        return content.getvalue()

    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
    tensor += text("0") + text("cpu") + b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
    tensor += b"ccollections\nOrderedDict\n)RtR"
    pickle = b"\x80\x02ccollections\nOrderedDict\n)R(" + text("a") + tensor + b"u."
    return [Seed("pytorch_model.bin", pickle, archive)]


def _read_torch(path: pathlib.Path) -> Counted:
    with torch_file.open_to_read(str(path)) as tensors:
        return len(tensors.shapes), len(dict(tensors))


def _shard_index_seeds() -> list[Seed]:
    index = as_json({"metadata": {}, "weight_map": dict.fromkeys(_ARRAYS, _SHARD)})
    beside = {_SHARD: safetensors.numpy.save(_ARRAYS)}
    return [Seed("model.safetensors.index.json", index, beside=beside)]


def _read_shards(path: pathlib.Path) -> Counted:
    with hugging_face_files.open_to_read(str(path.parent)) as (tensors, _):
        dict(tensors)
    return None


def _checkpoint_seeds() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/model"
        named_checkpoint.write_arrays(
            prefix, {"model/a": np.ones((2, 3), np.float32), "model/b": np.ones(4, np.float32)}
        )
        written = {
            path.name: path.read_bytes()
            for path in pathlib.Path(folder).iterdir()
            if path.name.startswith("model.")
        }
    return [
        Seed(name, content, beside={other: written[other] for other in written if other != name})
        for name, content in written.items()
    ]


def _read_checkpoint(path: pathlib.Path) -> Counted:
    tensors = named_checkpoint.open_arrays(str(path.parent / "model"))
    return len(tensors.shapes), len(dict(tensors))


def _read_hugging_face_config(path: pathlib.Path) -> Counted:
    config = hugging_face_config.read(str(path))
    hugging_face_config.check_sequence_head(config, str(path))
    return None


READERS = (
    MutatedReader("checkpoint", _checkpoint_seeds, _read_checkpoint, (WeightsError,)),
    MutatedReader("safetensors", _safetensors_seeds, _read_safetensors, (WeightsError,)),
    MutatedReader("torch", _torch_seeds, _read_torch, (WeightsError,)),
    MutatedReader("shards", _shard_index_seeds, _read_shards, (WeightsError,)),
    MutatedReader(
        "hugging-face-config",
        one("config.json", _HUGGING_FACE),
        _read_hugging_face_config,
        (WeightsError,),
    ),
    MutatedReader(
        "network-config",
        one("xlnet_config.json", _NETWORK),
        read_with(XLNetConfig.read),
        (ValueError,),
    ),
    MutatedReader(
        "weights-description",
        one("xlnet_weights.json", {"vocabulary_sha256": "0" * 64, "labels": ["a"]}),
        read_with(description.read, of_folder=True),
        (WeightsError,),
    ),
)
