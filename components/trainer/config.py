"""How a model is trained: optimizer, schedule, devices, intervals."""

from __future__ import annotations

import dataclasses
from typing import Literal


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
        layer_decay: factor per layer below the top one (0.75 in the published SQuAD recipe).
        layer_decay_mode: "learning_rate" multiplies the step of a layer's variables;
            "gradient_scale" multiplies clipped gradients as the published code does, which Adam
            mostly cancels, for reproducing its runs.
        steps_per_loop: updates inside one call of the compiled loop.
        eval_steps_interval: updates between evaluations; None: at the end of each epoch.
        save_steps: updates between checkpoints.
        max_to_keep: checkpoints kept.
        shuffle_buffer: examples among which the next one is drawn.
        seed: of initialisation, order and dropout.
        strategy: "cpu" (one device, whichever TensorFlow places on), "mirrored" (all local
            GPUs), "tpu".
        tpu: name or address of the TPU; "local" on a TPU VM.
        jit_compile: XLA for the step; "auto" is True on TPU and GPU, False on the CPU.
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
    layer_decay: float = 1.0
    layer_decay_mode: Literal["learning_rate", "gradient_scale"] = "learning_rate"
    steps_per_loop: int = 20
    eval_steps_interval: int | None = None
    save_steps: int = 500
    max_to_keep: int = 3
    shuffle_buffer: int = 10_000
    seed: int = 0
    strategy: Literal["cpu", "mirrored", "tpu"] = "cpu"
    tpu: str = "local"
    jit_compile: bool | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
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
        if self.eval_steps_interval is not None and self.eval_steps_interval <= 0:
            raise ValueError(
                f"eval_steps_interval must be positive, but is {self.eval_steps_interval}."
            )
