"""Adam with decoupled weight decay, the learning-rate schedule, and layer-wise decay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from components.trainer.config import TrainingConfig

# Whole parts of names, because a scope may contain the name of a task. The biases of the attention
# scores, such as `r_w_bias`, decay: they are vectors that are added to queries (u and v in
# Transformer-XL, paper §2.2) and not offsets of an output.
_DOES_NOT_DECAY = re.compile(r"/(LayerNorm|layer_norm)(_\d+)?/|/bias(:\d+)?$")
_LAYER = re.compile(r"transformer/layer_(\d+)/")


class WarmUpLinearDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises linearly from 0 to a peak, then falls linearly to a fraction of it.

    At update t, counted from 0, it is `peak * t / warmup` while t < warmup, then
    `peak * (1 - (1 - min_ratio) * (t - warmup) / (total - warmup))`, and constant from `total` on.
    """

    def __init__(self, *, peak: float, total_steps: int, warmup_steps: int, min_ratio: float):
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.min_ratio = min_ratio

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the learning rate at an update, float32 []."""
        step = tf.cast(step, tf.float32)
        rising = step / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        falling = 1.0 - (1.0 - self.min_ratio) * tf.clip_by_value(progress, 0.0, 1.0)
        return self.peak * tf.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "min_ratio": self.min_ratio,
        }


class AdamWithLayerDecay(tf_keras.optimizers.Adam):
    """Adam with decoupled weight decay and a learning-rate multiplier for each variable.

    A variable w with multiplier c is updated by
    `w -= c * lr * (m̂ / (sqrt(v̂) + ε̂) + weight_decay * w)`, where ε̂ is that of Kingma & Ba's
    formulation just before section 2.1, which the published code uses. Weight decay applies only to
    variables for which `decays` returns True.

    Args:
        multipliers: factor of the learning rate by variable name; 1 for names that are not listed.
        decay_rate: decoupled weight decay.
        **kwargs: passed on to `tf_keras.optimizers.Adam`.
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
        # This single kernel reads and writes each array once. Written out as separate operations,
        # the update of XLNet-Base takes a tenth of a training step on a CPU.
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
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "multipliers": self._multipliers,
            "decay_rate": self._decay_rate,
        }


def decays(variable_name: str) -> bool:
    """Whether weight decay applies to a variable.

    It does not apply to LayerNorm and to biases, except for the attention biases `r_*_bias`.
    """
    return not _DOES_NOT_DECAY.search(variable_name)


def layer_multipliers(variable_names: Sequence[str], layer_decay: float) -> dict[str, float]:
    """Returns the factor of each layer variable's step, `layer_decay ** (number of layers above)`.

    Variables outside the layers are not listed: the heads and, as in the published code, the
    embeddings keep the factor 1, like the top layer.

    Args:
        variable_names: names as in the published checkpoints (`…/transformer/layer_3/…`).
        layer_decay: factor from a layer to the one below it.
    """
    layers = {name: int(match[1]) for name in variable_names if (match := _LAYER.search(name))}
    top = max(layers.values(), default=0)
    return {name: layer_decay ** (top - layer) for name, layer in layers.items()}


def make_schedule(config: TrainingConfig) -> WarmUpLinearDecay:
    """Returns the learning rate of a run as a function of the update number."""
    return WarmUpLinearDecay(
        peak=config.learning_rate,
        total_steps=config.train_steps,
        warmup_steps=config.warmup_steps,
        min_ratio=config.min_lr_ratio,
    )


def make_optimizer(
    config: TrainingConfig, variable_names: Sequence[str]
) -> tf_keras.optimizers.Optimizer:
    """Returns the optimizer of a run for a model with these variables."""
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
        # Either the whole step is compiled, which includes the optimizer, or nothing is.
        jit_compile=False,
    )


def clip_and_scale(
    gradients: Sequence[tf.Tensor],
    variable_names: Sequence[str],
    config: TrainingConfig,
    *,
    weight: tf.Tensor | float = 1.0,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Divides the gradients by the weight and clips them by their global norm, in a single pass.

    In "gradient_scale" mode, the clipped gradients are also multiplied by the layers' factors.

    Args:
        gradients: gradients of the sum of the losses.
        variable_names: names of the variables, in the same order.
        config: training configuration of the run.
        weight: float32 [], divisor that turns the sum of the losses into their mean.

    Returns:
        The scaled gradients, and the global norm of the mean loss's gradients before clipping,
        float32 [].
    """
    norm = tf.linalg.global_norm(gradients) / weight
    # Not min(1, clip / norm): under XLA that is 1 for a NaN norm, which would hide it. Here, the
    # scale becomes NaN.
    scale = config.clip_norm / (tf.maximum(norm, config.clip_norm) * weight)
    factors = {}
    if config.layer_decay_mode == "gradient_scale":
        factors = layer_multipliers(variable_names, config.layer_decay)
    scaled = [
        tf.convert_to_tensor(gradient) * (scale * factors.get(name, 1.0))
        for gradient, name in zip(gradients, variable_names, strict=True)
    ]
    return scaled, norm
