"""Reads and writes checkpoints in the layout in which XLNet was published.

This project also uses this layout to pass on weights. A folder contains `xlnet_model.ckpt.*` (a
TensorFlow checkpoint whose keys are variable names such as
`model/transformer/layer_0/rel_attn/q/kernel`), `xlnet_config.json` and `spiece.model`. The same
code reads published checkpoints, converted ones, and those that our own training writes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf

from components import files
from components.checkpoint_conversion import checkpoint_path
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors

# Training state in published checkpoints, which does not belong to the model: counters, and Adam's
# moments. TensorFlow's own optimizer names the moments Adam and Adam_1, and the published optimizer
# with weight decay names them adam_m and adam_v.
_NOT_OF_THE_MODEL = re.compile(r"^global_step$|/(Adam(_1|_m|_v)?|adam_[mv])$|^(beta1|beta2)_power$")
# The errors that TensorFlow may raise for a missing or damaged checkpoint.
_READ_ERRORS = (ValueError, IndexError, tf.errors.OpError, RuntimeError)
# The published code builds some heads outside of the scope "model" (in `get_qa_outputs` and
# `get_race_loss`), while all of ours are inside it.
_HEAD_AT_THE_ROOT = re.compile(
    r"^(start_logits|end_logits|answer_class|logits|sequnece_summary|lm_loss"
    r"|(classification|regression)_[^/]+)/"
)
_MODEL = "model/"
_EMBEDDINGS = "model/transformer/word_embedding/lookup_table"
MASK_EMBEDDING = "model/transformer/mask_emb/mask_emb"
_LANGUAGE_MODEL = "model/lm_loss/"
_OUTPUT_BIAS, _OUTPUT_MATRIX = f"{_LANGUAGE_MODEL}bias", f"{_LANGUAGE_MODEL}weight"
_ENCODER = "model/transformer/"


@dataclasses.dataclass(frozen=True)
class RestoredWeights:
    """What happened to every variable when a checkpoint was restored.

    Attributes:
        restored: names of the variables that were read from the checkpoint.
        new: names of the model's variables that are not in the checkpoint and keep their initial
            values, because `may_be_new` allows it.
        ignored: names in the checkpoint that the model does not have, because `may_be_ignored`
            allows it.
    """

    restored: tuple[str, ...]
    new: tuple[str, ...]
    ignored: tuple[str, ...]


def lacks_mask_embedding_by_design(names: Collection[str]) -> bool:
    """Whether these variables come from fine-tuning with the published code.

    That code builds no query stream when it fine-tunes, so its checkpoints lack the mask embedding,
    which only pretraining uses.
    """
    has_head = any(
        name.startswith(_MODEL) and not name.startswith((_ENCODER, _LANGUAGE_MODEL))
        for name in names
    )
    has_language_model = any(name.startswith(_LANGUAGE_MODEL) for name in names)
    return MASK_EMBEDDING not in names and has_head and not has_language_model


def open_arrays(path: str) -> Tensors:
    """Opens the model's variables in a checkpoint, by name; each is read when it is accessed.

    Optimizer state is left out. Heads that the published code placed at the root get names below
    `model/`, like all others; `Tensors.stored_as` has their original names.

    Raises:
        WeightsError: if there is no checkpoint, or it is damaged. Damage may also be discovered
            later, when a variable is read.
    """
    prefix = checkpoint_path.find_prefix(path) or checkpoint_path.prefix_of(path)

    def damaged(error: Exception) -> WeightsError:
        return WeightsError(
            f"{prefix} is not a readable TensorFlow checkpoint: {error}"
            f"{checkpoint_path.advice(prefix)}"
        )

    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes = reader.get_variable_to_shape_map()
    except (*_READ_ERRORS, MemoryError) as error:
        # A damaged index can ask for any amount of memory.
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


def sha256(path: str) -> str:
    """Returns the SHA-256 of a checkpoint's index, which holds a checksum of every variable.

    The data files, which can be gigabytes, are not read.

    Raises:
        WeightsError: if there is no checkpoint, or it is damaged.
    """
    return files.sha256(files.read_bytes(f"{open_arrays(path).where}.index"))


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """Reads all of the model's variables in a checkpoint, by name, without optimizer state.

    Raises:
        WeightsError: if there is no checkpoint, or it is damaged.
    """
    return dict(open_arrays(path))


def write_arrays(path: str, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a checkpoint with these variables.

    All arrays are read, one after another, before anything is written.

    Args:
        path: folder, or prefix of the checkpoint.
        arrays: values of the variables by name.

    Raises:
        WeightsError: if it cannot be written.
    """
    names, prefix = sorted(arrays), checkpoint_path.prefix_of(path)
    tensors = [tf.convert_to_tensor(arrays[name]) for name in names]
    try:
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=tensors,
        )
    except tf.errors.OpError as error:
        raise WeightsError(f"{prefix} cannot be written: {error.message}") from error


def variables_by_name(variables: Sequence[tf.Variable]) -> dict[str, tf.Variable]:
    """Returns variables by name, without the ":0" at the end of the name.

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
    """Assigns the values in a checkpoint to the variables of the same names.

    Every variable is accounted for: one that is missing on either side is an error unless it was
    declared. There is one exception. Checkpoints that the published code has fine-tuned lack the
    mask embedding, so a model without a language model head, which never uses it, keeps its initial
    value.

    Args:
        variables: the variables of the model.
        path: folder, or prefix of the checkpoint.
        may_be_new: regular expressions; variables of the model that match one (such as those of a
            new head) keep their initial values if the checkpoint does not have them.
        may_be_ignored: regular expressions; variables of the checkpoint that match one need not
            exist in the model.

    Raises:
        WeightsError: if the checkpoint does not fit the model; the message lists what was not
            found, not used, or has another shape, and no variable has been changed.
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
    _check_tie(where, arrays, targets)
    not_found = sorted(set(targets) - set(arrays))
    not_used = sorted(set(arrays) - set(targets))
    problems = [f"not in the checkpoint: {n}" for n in not_found if not declared(n, may_be_new)]
    problems += [f"not used by the model: {n}" for n in not_used if not declared(n, may_be_ignored)]
    common = sorted(set(targets) & set(arrays))
    misshapen = [name for name in common if arrays[name].shape != tuple(targets[name].shape)]
    problems += [
        f"{name} has shape {list(arrays[name].shape)} in the checkpoint and "
        f"{targets[name].shape.as_list()} in the model"
        for name in misshapen
    ]
    if misshapen and all(declared(name, may_be_new) for name in misshapen):
        problems.append("This head belongs to other labels. Rename the task to get a new head.")
    if problems:
        raise WeightsError(
            f"{where} does not fit the model:\n  "
            + "\n  ".join(problems)
            + _added_rows(path, arrays.get(_EMBEDDINGS), targets.get(_EMBEDDINGS))
        )
    for name in common:
        targets[name].assign(arrays[name])
    return RestoredWeights(tuple(common), tuple(not_found), tuple(not_used))


def _check_tie(where: str, stored: Collection[str], targets: Collection[str]) -> None:
    """Refuses weights whose language model has other outputs than the model's.

    Without a matrix of its own, the outputs are the embeddings. A head that is simply left out, as
    those of other tasks are, would throw away what was trained.
    """
    if _OUTPUT_BIAS not in stored or _OUTPUT_BIAS not in targets:
        return
    is_untied = _OUTPUT_MATRIX in stored
    if is_untied != (_OUTPUT_MATRIX in targets):
        raise WeightsError(
            f"{where} {'holds' if is_untied else 'lacks'} {_OUTPUT_MATRIX}, so its language model "
            f"was trained with tie_weight {'false' if is_untied else 'true'}, but the model here "
            f"has tie_weight {'true' if is_untied else 'false'}. Set it to that of the weights."
        )


def _added_rows(path: str, stored: np.ndarray | None, target: tf.Variable | None) -> str:
    if stored is None or target is None or stored.shape[0] <= target.shape[0]:
        return ""
    return (
        f"\nThe checkpoint has {stored.shape[0] - target.shape[0]} embeddings more than the model. "
        "If they are of tokens that were added to its vocabulary later, `xlnet-pipeline convert "
        f"{path} TARGET --to xlnet --fit-vocabulary` leaves out what no piece of the spiece.model "
        "beside it has."
    )
