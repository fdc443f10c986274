"""Adam with decoupled weight decay, the learning-rate schedule, and layer-wise decay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from components.trainer.config import TrainingConfig

# The biases of the attention scores (paper §2.2, u and v of Transformer-XL) are vectors that are
# added to queries, not offsets of an output: they decay although their names end in "bias".
_DECAYS = re.compile(r"r_[wrs]_bias")
_DOES_NOT_DECAY = re.compile(r"LayerNorm|layer_norm|bias")
_LAYER = re.compile(r"transformer/layer_(\d+)/")


class WarmUpLinearDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to the peak, then falls linearly to a share of it.

    At update t (counted from 0): `peak * t / warmup` while t < warmup, afterwards
    `peak * (1 - (1 - min_ratio) * (t - warmup) / (total - warmup))`, constant from `total` on.
    """

    def __init__(self, *, peak: float, total_steps: int, warmup_steps: int, min_ratio: float):
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.min_ratio = min_ratio

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """Learning rate at an update, float32 []."""
        step = tf.cast(step, tf.float32)
        rising = step / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        falling = 1.0 - (1.0 - self.min_ratio) * tf.clip_by_value(progress, 0.0, 1.0)
        return self.peak * tf.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "min_ratio": self.min_ratio,
        }


class AdamWithLayerDecay(tf_keras.optimizers.Adam):
    """Adam with decoupled weight decay and a learning-rate multiplier for each variable.

    For a variable w with multiplier c: `w -= c * lr * (m̂ / (sqrt(v̂) + ε̂) + weight_decay * w)`,
    ε̂ as in Kingma & Ba's formulation just before section 2.1, which the published code uses. Only
    variables for which `decays` holds are decayed.

    Args:
        multipliers: factor of the learning rate by variable name; 1 where there is none.
        decay_rate: decoupled weight decay.
        **kwargs: as for `tf_keras.optimizers.Adam`.
    """

    def __init__(self, *, multipliers: Mapping[str, float], decay_rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self._multipliers = dict(multipliers)
        self._decay_rate = decay_rate

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates one variable and its moments in place."""
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        rate = tf.cast(self.learning_rate, dtype) * self._multipliers.get(variable.name, 1.0)
        if self._decay_rate and decays(variable.name):
            variable.assign_sub(rate * self._decay_rate * variable)
        index = self._index_dict[self._var_key(variable)]
        # One kernel that reads and writes each array once: written out in single operations the
        # update of XLNet-Base takes a tenth of a training step on a CPU.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=rate,
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.convert_to_tensor(gradient),
        )

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "multipliers": self._multipliers,
            "decay_rate": self._decay_rate,
        }


def decays(variable_name: str) -> bool:
    """Whether weight decay applies: not to LayerNorm and biases, but to `r_*_bias`."""
    return bool(_DECAYS.search(variable_name)) or not _DOES_NOT_DECAY.search(variable_name)


def layer_multipliers(variable_names: Sequence[str], layer_decay: float) -> dict[str, float]:
    """Factor of each variable's step: `layer_decay ** (layers above it)`.

    The top layer, the heads and, as in the published code, the embeddings keep the factor 1.

    Args:
        variable_names: names as in the published checkpoints (`…/transformer/layer_3/…`).
        layer_decay: factor from a layer to the one below it.
    """
    layers = {name: int(match[1]) for name in variable_names if (match := _LAYER.search(name))}
    top = max(layers.values(), default=0)
    return {name: layer_decay ** (top - layer) for name, layer in layers.items()}


def make_schedule(config: TrainingConfig) -> WarmUpLinearDecay:
    """The learning rate of a run as a function of the update number."""
    return WarmUpLinearDecay(
        peak=config.learning_rate,
        total_steps=config.train_steps,
        warmup_steps=config.warmup_steps,
        min_ratio=config.min_lr_ratio,
    )


def make_optimizer(
    config: TrainingConfig, variable_names: Sequence[str]
) -> tf_keras.optimizers.Optimizer:
    """The optimizer of a run for a model with these variables."""
    multipliers = {}
    if config.layer_decay_mode == "learning_rate":
        multipliers = layer_multipliers(variable_names, config.layer_decay)
    return AdamWithLayerDecay(
        learning_rate=make_schedule(config),
        beta_1=config.beta_1,
        beta_2=config.beta_2,
        epsilon=config.adam_epsilon,
        multipliers=multipliers,
        decay_rate=config.weight_decay,
        # The whole step is compiled, or nothing is.
        jit_compile=False,
    )


def clip_and_scale(
    gradients: Sequence[tf.Tensor],
    variable_names: Sequence[str],
    config: TrainingConfig,
    *,
    weight: tf.Tensor | float = 1.0,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Divides by the weight and clips by the global norm, in one pass over the gradients.

    In "gradient_scale" mode the clipped gradients are multiplied by the layers' factors.

    Args:
        gradients: of the sum of the losses.
        variable_names: of the variables, in the same order.
        config: of the run.
        weight: float32 [], by which the sum becomes the mean.

    Returns:
        The gradients, and the global norm of the mean's gradients before clipping, float32 [].
    """
    norm = tf.linalg.global_norm(gradients) / weight
    # Not min(1, clip / norm): a norm that is not finite must not become 0, but show.
    scale = config.clip_norm / (tf.maximum(norm, config.clip_norm) * weight)
    factors = {}
    if config.layer_decay_mode == "gradient_scale":
        factors = layer_multipliers(variable_names, config.layer_decay)
    scaled = [
        tf.convert_to_tensor(gradient) * (scale * factors.get(name, 1.0))
        for gradient, name in zip(gradients, variable_names, strict=True)
    ]
    return scaled, norm
