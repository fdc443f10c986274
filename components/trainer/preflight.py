"""A training step compiled for XLA without a TPU, where what a TPU would refuse shows as well."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import tensorflow as tf

from components.records import RecordType
from components.trainer import optimization
from components.trainer.config import TrainingConfig
from components.trainer.task import Task
from components.trainer.update import update_function

# In XLA's text a dimension of bounded but unknown size is written "<=n"; the calls turn such
# dimensions into padding and back.
_DYNAMIC = re.compile(
    r"\w+\[[^\]]*<=\d+[^\]]*\]|\b(?:PadToStatic|SliceToDynamic|set-dimension-size)\b"
)
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?\S+ = ", re.MULTILINE)


class PreflightError(ValueError):
    """A step that does not compile, or not with static shapes."""


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A step in XLA's terms.

    Attributes:
        instructions: number of them.
        text: the module.
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
    """Lowers one replica's update, forward and backward pass, clipping and Adam, to XLA.

    Args:
        task: model and loss.
        config: of the run.
        features: of a replica's rows.
        compiled: whether XLA also optimizes it for this machine, which takes minutes for a large
            model and checks more.

    Raises:
        PreflightError: naming the operation that XLA does not know, or what is dynamic.
    """
    (rows,) = {spec.shape[0] for spec in features.values()}
    model = task.build_model()
    variables = model.trainable_variables
    optimizer = optimization.make_optimizer(config, [v.name for v in variables])
    optimizer.build(variables)
    update = tf.function(
        update_function(task=task, model=model, optimizer=optimizer, config=config, num_replicas=1),
        jit_compile=True,
        autograph=False,
    )
    # Values, because TensorFlow 2.16 lowers for nothing else; none of them matters.
    values = {name: tf.zeros(spec.shape, spec.dtype) for name, spec in features.items()}
    try:
        make_text = update.experimental_get_compiler_ir(values, dict(task.initial_state(rows)))
        text = make_text(stage="optimized_hlo" if compiled else "hlo")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise PreflightError(f"The step does not compile for XLA: {error}") from error
    check_static(text)
    return Lowered(len(_INSTRUCTION.findall(text)), text)


def check_static(text: str) -> None:
    """Raises a PreflightError that quotes dynamic shapes of a module, if there are any."""
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
    """Features of fine-tuning records as a replica gets them; integers have 32 bits there."""
    description = record_type.feature_description(seq_len, use="training")
    return {
        name: tf.TensorSpec(
            [rows, *feature.shape], tf.int32 if feature.dtype == tf.int64 else feature.dtype
        )
        for name, feature in description.items()
        if feature.dtype != tf.string
    }
