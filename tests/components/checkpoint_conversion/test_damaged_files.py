"""Files changed at random are read, or end in one error of the reader's with their name."""

import io
import json
import random
import re
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from components.checkpoint_conversion import (
    description,
    hugging_face_config,
    hugging_face_files,
    safetensors_file,
    torch_file,
)
from components.checkpoint_conversion.errors import WeightsError
from components.modeling.config import XLNetConfig

# Many thousands were tried where the readers were written; these keep them as they are.
ROUNDS = 300
CONFIG = {
    "model_type": "xlnet",
    "vocab_size": 32,
    "d_model": 8,
    "n_layer": 2,
    "n_head": 2,
    "d_inner": 16,
    "ff_activation": "gelu",
    "untie_r": True,
    "layer_norm_eps": 1e-12,
    "summary_type": "last",
    "problem_type": "single_label_classification",
    "architectures": ["XLNetForSequenceClassification"],
    "id2label": {"0": "a"},
}
NETWORK = {
    **{name: CONFIG[name] for name in ("d_model", "n_layer", "n_head", "d_inner", "untie_r")},
    "n_token": 32,
    "d_head": 4,
    "ff_activation": "gelu",
    "summary_type": "mean",
}
ARRAYS = {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.float16), "c": np.zeros((0, 3))}
SHARD = "model-00001-of-00001.safetensors"
# Values in place of which others are put, and those others.
VALUE = re.compile(rb'"[^"]{0,40}"|-?\d+|true|false|null|\[[^\[\]]*\]|\{[^{}]*\}')
VALUES = [
    *(b"null", b"true", b"[]", b"{}", b'""', b"-1", b"0", b"1e999", b"NaN", b"1000000000"),
    *(b"18446744073709551616", b"9" * 5000, b"9" * 4000, b'"\\ud800"', b'"\xff"', b'"../x"'),
    *(b"[" * 990 + b"]" * 990, b"[" * 50_000, b'{"a":' * 900 + b"1" + b"}" * 900),
    *(b"[0, 18446744073709551616]", b"[1,1,1,1,1,1,1,1,1,1]", b"[4611686018427387904,0]"),
]


def torch_bytes():
    """As torch.save lays it out; the pickle by hand, from its documented instructions."""

    def text(value):
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
    tensor += text("0") + text("cpu") + b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
    tensor += b"ccollections\nOrderedDict\n)RtR"
    pickle = b"\x80\x02ccollections\nOrderedDict\n)R(" + text("a") + tensor + b"u."
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
    return content.getvalue()


def read_safetensors(path):
    with safetensors_file.open_to_read(str(path)) as tensors:
        dict(tensors)


def read_torch(path):
    with torch_file.open_to_read(str(path)) as tensors:
        assert dict(tensors).keys() <= tensors.shapes.keys()


def read_index(path):
    safetensors.numpy.save_file(ARRAYS, path.parent / SHARD)
    with hugging_face_files.open_to_read(str(path.parent)) as (tensors, _):
        dict(tensors)


def read_config(path):
    config = hugging_face_config.read(str(path))
    hugging_face_config.check_sequence_head(config, str(path))


READERS = {
    "model.safetensors": (lambda: safetensors.numpy.save(ARRAYS), read_safetensors),
    "pytorch_model.bin": (torch_bytes, read_torch),
    "model.safetensors.index.json": (
        lambda: json.dumps({"weight_map": dict.fromkeys(ARRAYS, SHARD)}).encode(),
        read_index,
    ),
    "config.json": (lambda: json.dumps(CONFIG).encode(), read_config),
    "xlnet_config.json": (
        lambda: json.dumps(NETWORK).encode(),
        lambda path: XLNetConfig.read(str(path)),
    ),
    "xlnet_weights.json": (
        lambda: json.dumps({"vocabulary_sha256": "0" * 64, "labels": ["a"]}).encode(),
        lambda path: description.read(str(path.parent)),
    ),
}


def mutated(draw, content):
    """Content with one to three changes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(changed) + 1)
        values = list(VALUE.finditer(bytes(changed)))
        kind = draw.randrange(6)
        if kind == 0:
            del changed[place : place + draw.randint(1, 8)]
        elif kind == 1:
            changed[place:place] = draw.randbytes(draw.randint(1, 8))
        elif kind == 2:
            changed[place : place + 1] = draw.randbytes(1)
        elif kind == 3:
            del changed[place:]
        elif values:
            value = draw.choice(values)
            changed[value.start() : value.end()] = draw.choice(VALUES)
    return bytes(changed)


def damaged(draw, name, content):
    """Content that is damaged behind what would be noticed first."""
    if name == "model.safetensors" and draw.random() < 0.8:
        length = int.from_bytes(content[:8], "little")
        header = mutated(draw, content[8 : 8 + length])
        return len(header).to_bytes(8, "little") + header + content[8 + length :]
    if name == "pytorch_model.bin" and draw.random() < 0.8:
        packed = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as archive,
            zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as copy,
        ):
            for entry in archive.namelist():
                inner = archive.read(entry)
                is_list = entry.endswith("data.pkl")
                copy.writestr(entry, mutated(draw, inner) if is_list else inner)
        return packed.getvalue()
    return mutated(draw, content)


def error_of(read, path):
    try:
        read(path)
    except ValueError as error:
        return error
    return None


# Of the standard library's pickletools, over escapes in texts.
@pytest.mark.filterwarnings("ignore:invalid escape:DeprecationWarning")
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_one_error_with_its_name(tmp_path, name):
    make, read = READERS[name]
    content = make()
    path = tmp_path / name
    path.write_bytes(content)
    read(path)
    draw = random.Random(name)
    errors = 0
    for _ in range(ROUNDS):
        path.write_bytes(damaged(draw, name, content))
        error = error_of(read, path)
        if error is None:
            continue
        assert isinstance(error, WeightsError) or name == "xlnet_config.json"
        message = str(error).encode()  # it can be printed
        assert str(tmp_path).encode() in message
        assert len(message) < 5000
        errors += 1
    assert errors > ROUNDS / 2
