"""Finds and opens the weight files of a Hugging Face folder: one file, or several with an index."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from components import files
from components.checkpoint_conversion import hugging_face_json, safetensors_file, torch_file
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors, check_names

SAFETENSORS_NAME = "model.safetensors"
TORCH_NAME = "pytorch_model.bin"
_INDEX = ".index.json"
# In the order in which `transformers` looks for the files.
_READERS = {
    SAFETENSORS_NAME: safetensors_file,
    f"{SAFETENSORS_NAME}{_INDEX}": safetensors_file,
    TORCH_NAME: torch_file,
    f"{TORCH_NAME}{_INDEX}": torch_file,
}
_SHARD = re.compile(r"(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)")
# Weights for other frameworks, which `transformers` itself can convert to the files above.
_OF_OTHERS = ("tf_model.h5", "flax_model.msgpack", "rust_model.ot")

# For comparison: the index of XLNet-Large takes 40 kB.
_MAX_INDEX_BYTES = 16 << 20
_SHARD_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)
# Prefixes that wrappers of a model add to all names: torch.nn.DataParallel, torch.compile,
# Lightning.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


def weight_files(folder: str) -> list[str]:
    """Lists the readable weight files and indexes in a folder, the preferred one first."""
    paths = [files.join(folder, name) for name in _READERS]
    return [path for path in paths if files.exists(path)]


def all_names(folder: str) -> list[str]:
    """Lists the names of all files in a folder that hold readable weights, or parts of them."""
    there = sorted(files.names(folder))
    return [name for name in there if name in _READERS or _SHARD.fullmatch(name)]


def advice(folder: str) -> str:
    """Says what to do about a folder without readable weights, judging by the files in it.

    Returns "" if they give no clue.
    """
    for name in sorted(files.names(folder)):
        if name in _OF_OTHERS:
            return (
                f" {name} is not read: load it with transformers' from_tf or from_flax, and save "
                "it with save_pretrained."
            )
        if _SHARD.fullmatch(name):
            return (
                f" {name} is one of several files; the index that says what each holds "
                f"(*{_INDEX}) is missing. Fetch it, or save the model again as one file: "
                "save_pretrained(folder, max_shard_size='100GB')."
            )
    return ""


@contextlib.contextmanager
def open_to_read(folder: str) -> Iterator[tuple[Tensors, list[str]]]:
    """Opens the weights of a folder; the tensors can be read inside the `with` block.

    Yields:
        The tensors by their names in the model, and notes for the user.

    Raises:
        UnsafePickleError: if a PyTorch file asks for something other than tensors.
        WeightsError: if there are no weights, or they are damaged or incomplete.
    """
    paths = weight_files(folder)
    if not paths:
        raise WeightsError(
            f"{folder} has neither {SAFETENSORS_NAME} nor {TORCH_NAME}, nor an index of several "
            f"such files.{advice(folder)}"
        )
    path = paths[0]
    reader = _READERS[path.rpartition("/")[2]]
    with contextlib.ExitStack() as stack:
        if not path.endswith(_INDEX):
            yield _without_wrappers(stack.enter_context(reader.open_to_read(path)))
            return
        places = _read_index(path)
        names = sorted(set(places.values()))
        missing = [name for name in names if not files.exists(files.join(folder, name))]
        if missing:
            raise WeightsError(
                f"{path} names {len(names):,} files, of which {len(missing):,} are not there: "
                f"{', '.join(missing[:3])}. Fetch them as well."
            )
        shards = {
            name: stack.enter_context(reader.open_to_read(files.join(folder, name)))
            for name in names
        }
        yield _without_wrappers(_joined(path, places, shards))


def _read_index(path: str) -> dict[str, str]:
    """Reads an index; returns the name of the file that holds each tensor, by tensor name."""
    index = hugging_face_json.read(path, what="index of weights", max_bytes=_MAX_INDEX_BYTES)
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places:
        raise WeightsError(f"{path} has no weight_map, which names the file of each tensor.")
    check_names(places, path)
    for shard in places.values():
        # Only a plain file name is accepted: an index must not refer to files outside of its
        # folder.
        if not isinstance(shard, str) or not _SHARD_NAME.fullmatch(shard):
            raise WeightsError(
                f"{path} has a weight_map with a value that is no name of a file beside it."
            )
    return places


def _joined(path: str, places: dict[str, str], shards: dict[str, Tensors]) -> Tensors:
    problems = [
        f"{name} is not in {shard}" for name, shard in places.items() if name not in shards[shard]
    ]
    problems += [
        f"{name} is in {shard}, which the index does not say"
        for shard, tensors in shards.items()
        for name in tensors
        if places.get(name) != shard
    ]
    if problems:
        raise WeightsError(
            f"{path} does not fit the files beside it; fetch them again.\n  "
            + "\n  ".join(problems)
        )
    shapes = {name: shards[shard].shapes[name] for name, shard in places.items()}
    return Tensors(shapes, lambda name: shards[places[name]][name], where=path)


def _without_wrappers(stored: Tensors) -> tuple[Tensors, list[str]]:
    prefix = ""
    while wrapper := next((w for w in _WRAPPERS if _all_begin(stored, prefix + w)), None):
        prefix += wrapper
    if not prefix:
        return stored, []
    note = (
        f"All names begin with {prefix!r}, as a wrapper of the model leaves them; it was left out."
    )
    return stored.renamed(lambda name: name.removeprefix(prefix)), [note]


def _all_begin(stored: Tensors, prefix: str) -> bool:
    return len(stored) > 0 and all(name.startswith(prefix) for name in stored)
