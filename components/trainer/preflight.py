"""Compiles a training step with XLA to find, without a TPU, what a TPU would refuse."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import tensorflow as tf

from components.records import RecordType
from components.trainer import exported_update
from components.trainer.config import TrainingConfig
from components.trainer.task import Task

# XLA's text writes a dimension of bounded but unknown size as "<=n". The named calls convert such
# dimensions to padding and back.
_DYNAMIC = re.compile(
    r"\w+\[[^\]]*<=\d+[^\]]*\]|\b(?:PadToStatic|SliceToDynamic|set-dimension-size)\b"
)
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?\S+ = ", re.MULTILINE)


class PreflightError(ValueError):
    """A step with dynamic shapes."""


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A training step as an XLA module.

    Attributes:
        instructions: number of instructions in the module.
        text: text form of the module.
    """

    instructions: int
    text: str


def lower(
    task: Task,
    config: TrainingConfig,
    features: Mapping[str, tf.TensorSpec],
    *,
    compiled: bool = False,
) -> Lowered:
    """Lowers the update of one replica to XLA: forward and backward pass, clipping, and Adam.

    Args:
        task: provides model and loss.
        config: training configuration of the run.
        features: specifications of the features of one replica's rows.
        compiled: whether XLA should also optimize the step for this machine. This checks more, but
            takes minutes for a large model.

    Raises:
        components.trainer.exported_update.NotLoweredError: if XLA does not support an operation.
        PreflightError: if shapes are dynamic; the message names them.
    """
    update = exported_update.replica_update(task, config, features)
    text = update.lower("optimized_hlo" if compiled else "hlo")
    check_static(text)
    return Lowered(len(_INSTRUCTION.findall(text)), text)


def check_static(text: str) -> None:
    """Raises a PreflightError, which quotes the instructions, if a module has dynamic shapes."""
    found = [line.strip() for line in text.splitlines() if _DYNAMIC.search(line)]
    if found:
        listing = "; ".join(line[:200] for line in found[:3])
        raise PreflightError(
            f"The step has {len(found)} instructions with dynamic shapes, which TPUs refuse or "
            f"compile anew for each size: {listing}"
        )


def record_features(
    record_type: RecordType, *, rows: int, seq_len: int
) -> dict[str, tf.TensorSpec]:
    """Returns the specifications of fine-tuning features as a replica gets them.

    Integers are int32 there.

    Args:
        record_type: describes the features of a record.
        rows: number of rows per replica.
        seq_len: number of tokens per record.
    """
    description = record_type.feature_description(seq_len, use="training")
    return {
        name: tf.TensorSpec(
            [rows, *feature.shape], tf.int32 if feature.dtype == tf.int64 else feature.dtype
        )
        for name, feature in description.items()
        if feature.dtype != tf.string
    }
