"""Weights by name: the layout in which XLNet was published, and in which this project hands on.

A folder holds `xlnet_model.ckpt.*` (a TensorFlow checkpoint whose keys are variable names such as
`model/transformer/layer_0/rel_attn/q/kernel`), `xlnet_config.json` and `spiece.model`. Published
checkpoints, converted ones and those that our own training ships are read by the same code.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf

from components import files, git_lfs
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors

CHECKPOINT_NAME = "xlnet_model.ckpt"
CONFIG_NAME = "xlnet_config.json"

# What training leaves in a published checkpoint beside the model: counters, and Adam's moments;
# TensorFlow's optimizer calls them Adam and Adam_1, the published one with weight decay adam_m and
# adam_v.
_NOT_OF_THE_MODEL = re.compile(r"^global_step$|/(Adam(_1|_m|_v)?|adam_[mv])$|^(beta1|beta2)_power$")
# What reading a missing or damaged checkpoint can raise.
_READ_ERRORS = (ValueError, IndexError, tf.errors.OpError, RuntimeError)
# The published code builds some heads outside of the scope "model" (its `get_qa_outputs` and
# `get_race_loss`); ours are all inside of it.
_HEAD_AT_THE_ROOT = re.compile(
    r"^(start_logits|end_logits|answer_class|logits|sequnece_summary|lm_loss"
    r"|(classification|regression)_[^/]+)/"
)
_MODEL = "model/"
_EMBEDDINGS = "model/transformer/word_embedding/lookup_table"
MASK_EMBEDDING = "model/transformer/mask_emb/mask_emb"
_LANGUAGE_MODEL = "model/lm_loss/"
_ENCODER = "model/transformer/"


@dataclasses.dataclass(frozen=True)
class RestoredWeights:
    """What became of every variable.

    Attributes:
        restored: names of the variables that were read.
        new: names of the model's variables that keep their initial values, as declared.
        ignored: names in the checkpoint that the model does not have, as declared.
    """

    restored: tuple[str, ...]
    new: tuple[str, ...]
    ignored: tuple[str, ...]


def checkpoint_prefix(path: str) -> str:
    """The checkpoint's prefix, for a folder in the published layout or a prefix itself."""
    if files.is_folder(path):
        return f"{path.rstrip('/')}/{CHECKPOINT_NAME}"
    return path.removesuffix(".index")


def find_prefix(path: str) -> str | None:
    """The checkpoint that a path speaks of: a prefix, its `.index` file, or a folder with one.

    Raises:
        WeightsError: if a folder holds several, and none is the published name or the latest.
    """
    prefix = checkpoint_prefix(path)
    if files.exists(f"{prefix}.index"):
        return prefix
    names = sorted(name for name in files.names(path) if name.endswith(".index"))
    found = [f"{path.rstrip('/')}/{name.removesuffix('.index')}" for name in names]
    if len(found) > 1:
        latest = tf.train.latest_checkpoint(path)
        if latest is None:
            raise WeightsError(
                f"{path} holds several checkpoints; give one of them: {', '.join(found)}"
            )
        return latest
    return found[0] if found else None


def lacks_mask_embedding_by_design(names: Collection[str]) -> bool:
    """Whether these variables are of a fine-tuning by the published code.

    It builds no query stream, and so no mask embedding, which only pretraining uses.
    """
    has_head = any(
        name.startswith(_MODEL) and not name.startswith((_ENCODER, _LANGUAGE_MODEL))
        for name in names
    )
    has_language_model = any(name.startswith(_LANGUAGE_MODEL) for name in names)
    return MASK_EMBEDDING not in names and has_head and not has_language_model


def open_arrays(path: str) -> Tensors:
    """All variables of the model in a checkpoint, by name, read when asked for.

    Optimizer state is left out. Heads that the published code left at the root have the names that
    they have inside of `model/`; `Tensors.stored_as` says which.

    Raises:
        WeightsError: if there is no checkpoint, or it is damaged; the latter also when a variable
            is read.
    """
    prefix = find_prefix(path) or checkpoint_prefix(path)

    def damaged(error: Exception) -> WeightsError:
        return WeightsError(
            f"{prefix} is not a readable TensorFlow checkpoint: {error}{_advice(prefix)}"
        )

    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes = reader.get_variable_to_shape_map()
    except _READ_ERRORS as error:
        raise damaged(error) from error

    def read(name: str) -> np.ndarray:
        try:
            return np.asarray(reader.get_tensor(name))
        except _READ_ERRORS as error:
            raise damaged(error) from error

    of_the_model = {
        name: tuple(shapes[name]) for name in sorted(shapes) if not _NOT_OF_THE_MODEL.search(name)
    }
    return Tensors(of_the_model, read, where=prefix, dtype=None).renamed(
        lambda name: _MODEL + name if _HEAD_AT_THE_ROOT.match(name) else name
    )


def _advice(prefix: str) -> str:
    """What to do about a checkpoint that cannot be read, where what lies there tells."""
    folder, _, name = prefix.rpartition("/")
    folder = folder or "."
    there = files.names(folder)
    for file in sorted(there):
        if file.startswith(f"{name}."):
            with files.open_to_read(f"{folder}/{file}") as opened:
                if git_lfs.is_pointer(opened.read(git_lfs.START_BYTES)):
                    return f" {file}: {git_lfs.HINT}"
    if "config.json" in there:
        return (
            f" {folder} is a Hugging Face folder: `xlnet-pipeline convert {folder} TARGET --to "
            "xlnet` makes a checkpoint of it."
        )
    return ""


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """All variables of the model in a checkpoint, by name, without optimizer state.

    Raises:
        WeightsError: if there is no checkpoint, or it is damaged.
    """
    return dict(open_arrays(path))


def write_arrays(path: str, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a checkpoint with these names into a folder or under a prefix.

    Arrays are looked up one after another, and all before anything is written.
    """
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=checkpoint_prefix(path),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(arrays[name]) for name in names],
    )


def variables_by_name(variables: Sequence[tf.Variable]) -> dict[str, tf.Variable]:
    """Variables under their names without the ":0".

    Raises:
        WeightsError: if two variables share a name.
    """
    by_name: dict[str, tf.Variable] = {}
    for variable in variables:
        name = variable.name.partition(":")[0]
        if name in by_name:
            raise WeightsError(f"Two variables are named {name!r}.")
        by_name[name] = variable
    return by_name


def restore(
    variables: Sequence[tf.Variable],
    path: str,
    *,
    may_be_new: Sequence[str] = (),
    may_be_ignored: Sequence[str] = (),
) -> RestoredWeights:
    """Assigns a checkpoint's values to variables of the same names; every one is accounted for.

    A checkpoint that the published code fine-tuned has no mask embedding. A model without a
    language model's head never looks at it, and keeps its initial value.

    Args:
        variables: of the model.
        path: folder or prefix.
        may_be_new: regular expressions; the model's variables that match one (a new head) keep
            their initial values if the checkpoint lacks them.
        may_be_ignored: regular expressions of names that the checkpoint may hold in vain.

    Raises:
        WeightsError: listing what was not found, not used, or has another shape. Nothing has been
            assigned then.
    """
    stored = open_arrays(path)
    where, arrays = stored.where, dict(stored)
    targets = variables_by_name(variables)

    def declared(name: str, expressions: Sequence[str]) -> bool:
        return any(re.search(expression, name) for expression in expressions)

    if lacks_mask_embedding_by_design(arrays) and not any(
        name.startswith(_LANGUAGE_MODEL) for name in targets
    ):
        may_be_new = (*may_be_new, f"^{re.escape(MASK_EMBEDDING)}$")
    not_found = sorted(set(targets) - set(arrays))
    not_used = sorted(set(arrays) - set(targets))
    problems = [f"not in the checkpoint: {n}" for n in not_found if not declared(n, may_be_new)]
    problems += [f"not used by the model: {n}" for n in not_used if not declared(n, may_be_ignored)]
    common = sorted(set(targets) & set(arrays))
    problems += [
        f"{name} has shape {list(arrays[name].shape)} in the checkpoint and "
        f"{targets[name].shape.as_list()} in the model"
        for name in common
        if arrays[name].shape != tuple(targets[name].shape)
    ]
    if problems:
        raise WeightsError(
            f"{where} does not fit the model:\n  "
            + "\n  ".join(problems)
            + _added_rows(path, arrays.get(_EMBEDDINGS), targets.get(_EMBEDDINGS))
        )
    for name in common:
        targets[name].assign(arrays[name])
    return RestoredWeights(tuple(common), tuple(not_found), tuple(not_used))


def _added_rows(path: str, stored: np.ndarray | None, target: tf.Variable | None) -> str:
    if stored is None or target is None or stored.shape[0] <= target.shape[0]:
        return ""
    return (
        f"\nThe checkpoint has {stored.shape[0] - target.shape[0]} embeddings more than the model. "
        "If they are of tokens that were added to its vocabulary later, `xlnet-pipeline convert "
        f"{path} TARGET --to xlnet --fit-vocabulary` leaves out what no piece of the spiece.model "
        "beside it has."
    )
