"""How a model is trained: optimizer, schedule, devices, intervals."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

# Settings that say where and how conveniently a run computes, not what: a run may be resumed with
# others.
OPERATIONAL = frozenset(
    {
        "eval_batch_size",
        "eval_steps_interval",
        "steps_per_loop",
        "save_steps",
        "max_to_keep",
        "best_metric",
        "max_rollbacks",
        "max_loss_rise",
        "strategy",
        "tpu",
        "tpu_zone",
        "tpu_project",
        "jit_compile",
        "watch_maintenance",
        "profile_at",
        "peak_flops",
    }
)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run. Batch sizes are global: over all replicas together.

    Attributes:
        batch_size: examples per update.
        train_steps: updates in total, those before an interruption included.
        learning_rate: peak of the schedule, reached after the warm-up.
        warmup_steps: updates with linearly rising learning rate.
        eval_batch_size: examples per evaluation step.
        min_lr_ratio: share of `learning_rate` that is left at the last step.
        weight_decay: decoupled (AdamW); 0 turns it off.
        adam_epsilon: denominator offset; the paper's 1e-6, its code's default 1e-8.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        clip_norm: bound of the gradients' global norm.
        clipping: "global" clips the gradient of the whole batch; "replica" clips each replica's
            part before the sum, as the published code does, for reproducing its runs: the update
            then depends on the number of replicas.
        gradient_accumulation: micro-batches that a replica's rows are computed in, one after the
            other, for the update of the whole batch in a fraction of the memory.
        layer_decay: factor per layer below the top one (0.75 in the published SQuAD recipe).
        layer_decay_mode: "learning_rate" multiplies the step of a layer's variables;
            "gradient_scale" multiplies clipped gradients as the published code does, which Adam
            mostly cancels, for reproducing its runs.
        steps_per_loop: most updates inside one call of the compiled loop, and those to a point of
            the training curves.
        eval_steps_interval: updates between evaluations; None: at the end of each epoch.
        save_steps: updates between checkpoints.
        max_to_keep: checkpoints kept.
        best_metric: metric of the evaluations during training whose best checkpoint is kept beside
            the others and is what the run ends with; None ends with the last weights. Lower is
            better for "loss" and "perplexity", higher for all others.
        max_rollbacks: how often a run that diverged goes back to its last checkpoint, without the
            batches since, before it fails.
        max_loss_rise: a mean loss of a loop that lies this far above the lowest one so far counts
            as divergence; None takes only what is not finite for it.
        shuffle_buffer: examples among which the next one is drawn.
        seed: of initialisation, order and dropout.
        strategy: "one_device" (whichever TensorFlow places on), "mirrored" (all local GPUs, or all
            logical CPUs), "multi_worker" (the GPUs of all workers that TF_CONFIG names), "tpu".
        tpu: name or address of the TPU, of a whole slice as well; "local" on a TPU VM.
        tpu_zone: of a TPU that is given by name; None takes the machine's.
        tpu_project: likewise.
        jit_compile: XLA for the step; "auto" is True on TPU and GPU, False on the CPU.
        watch_maintenance: whether to ask Google's metadata server for announced maintenance and
            preemption, upon which a checkpoint is saved and the run ends.
        profile_at: update from which one loop is traced for TensorBoard's profiler; None for none.
        peak_flops: most operations per second of one replica, for the utilisation in the history;
            None takes that of a known accelerator.
    """

    batch_size: int
    train_steps: int
    learning_rate: float
    warmup_steps: int = 0
    eval_batch_size: int = 64
    min_lr_ratio: float = 0.0
    weight_decay: float = 0.0
    adam_epsilon: float = 1e-8
    beta_1: float = 0.9
    beta_2: float = 0.999
    clip_norm: float = 1.0
    clipping: Literal["global", "replica"] = "global"
    gradient_accumulation: int = 1
    layer_decay: float = 1.0
    layer_decay_mode: Literal["learning_rate", "gradient_scale"] = "learning_rate"
    steps_per_loop: int = 20
    eval_steps_interval: int | None = None
    save_steps: int = 500
    max_to_keep: int = 3
    best_metric: str | None = None
    max_rollbacks: int = 2
    max_loss_rise: float | None = None
    shuffle_buffer: int = 10_000
    seed: int = 0
    strategy: Literal["one_device", "mirrored", "multi_worker", "tpu"] = "one_device"
    tpu: str = "local"
    tpu_zone: str | None = None
    tpu_project: str | None = None
    jit_compile: bool | Literal["auto"] = "auto"
    watch_maintenance: bool = False
    profile_at: int | None = None
    peak_flops: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            # Every comparison with a NaN is false, so no bound would find it.
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, but is {value}.")
        positive = (
            "batch_size",
            "train_steps",
            "eval_batch_size",
            "steps_per_loop",
            "save_steps",
            "max_to_keep",
            "shuffle_buffer",
            "learning_rate",
            "adam_epsilon",
            "clip_norm",
            "gradient_accumulation",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, but is {getattr(self, name)}.")
        if not 0 <= self.warmup_steps < self.train_steps:
            raise ValueError(
                f"warmup_steps must be at least 0 and below train_steps ({self.train_steps}), "
                f"but is {self.warmup_steps}."
            )
        if not 0 <= self.min_lr_ratio <= 1:
            raise ValueError(f"min_lr_ratio must lie in [0, 1], but is {self.min_lr_ratio}.")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must lie in (0, 1], but is {self.layer_decay}.")
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), but is {getattr(self, name)}.")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must not be negative, but is {self.weight_decay}.")
        for name in ("eval_steps_interval", "max_loss_rise", "peak_flops"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive or null, but is {value}.")
        if self.max_rollbacks < 0:
            raise ValueError(f"max_rollbacks must not be negative, but is {self.max_rollbacks}.")
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"batch_size is {self.batch_size}, which cannot be cut evenly into "
                f"{self.gradient_accumulation} micro-batches (gradient_accumulation)."
            )
        if self.profile_at is not None and not 0 <= self.profile_at < self.train_steps:
            raise ValueError(
                f"profile_at must lie in [0, train_steps) ({self.train_steps}), but is "
                f"{self.profile_at}."
            )
