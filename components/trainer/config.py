"""`TrainingConfig`: the optimizer, schedule, devices and intervals of a training run."""

from __future__ import annotations

import dataclasses
from typing import Literal

from components.configuration import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Seed,
    Share,
    ShareBelowOne,
)

# Settings that affect where a run computes and how it is operated, but not what it computes. A run
# may be resumed with different values of these.
OPERATIONAL = frozenset(
    {
        "eval_batch_size",
        "eval_steps_interval",
        "steps_per_loop",
        "save_steps",
        "max_to_keep",
        "best_metric",
        "patience",
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


# Metrics of the evaluations whose lower values are better; of all others, higher ones are.
LOWER_IS_BETTER = frozenset({"loss", "perplexity"})


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run. Batch sizes are global, that is, summed over all replicas.

    Attributes:
        batch_size: number of examples per update.
        train_steps: total number of updates, including those made before an interruption.
        learning_rate: peak of the learning-rate schedule, reached at the end of the warm-up.
        warmup_steps: number of updates during which the learning rate rises linearly.
        eval_batch_size: number of examples per evaluation step; None takes `batch_size`, which
            needs less memory for an evaluation than for an update.
        min_lr_ratio: fraction of `learning_rate` that is left at the last step.
        weight_decay: decoupled weight decay (AdamW); 0 turns it off.
        adam_epsilon: offset in Adam's denominator. The paper uses 1e-6; the default of its code is
            1e-8.
        beta_1: decay rate of Adam's first moment.
        beta_2: decay rate of Adam's second moment.
        clip_norm: upper bound on the global norm of the gradients.
        clipping: "global" clips the gradient of the whole batch. "replica" clips each replica's
            part before they are summed, as the published code does. Use it to reproduce published
            runs; the update then depends on the number of replicas.
        gradient_accumulation: number of micro-batches into which a replica's rows are split. They
            are computed one after the other, so that an update on the whole batch needs only a
            fraction of the memory.
        layer_decay: factor per layer below the top one (0.75 in the published SQuAD recipe).
        layer_decay_mode: "learning_rate" multiplies the step of a layer's variables.
            "gradient_scale" multiplies the clipped gradients, as the published code does; Adam
            mostly cancels that factor, so use it only to reproduce published runs.
        steps_per_loop: maximum number of updates inside one call of the compiled loop; also the
            number of updates per point of the training curves.
        eval_steps_interval: number of updates between evaluations; None evaluates at the end of
            each epoch.
        save_steps: number of updates between checkpoints.
        max_to_keep: number of checkpoints to keep.
        best_metric: metric of the evaluations during training by which the best weights are chosen.
            They are kept beside the checkpoints, and the run ends with them; with None, it ends
            with the last weights. Lower is better for "loss" and "perplexity", higher is better for
            all others.
        patience: number of evaluations in a row without a better value of `best_metric` after which
            the run ends early, with the best weights; None trains until `train_steps`. The
            learning-rate schedule does not change.
        max_rollbacks: how often a run that diverges may return to its last checkpoint and skip the
            batches since then, before it fails.
        max_loss_rise: how far the mean loss of a loop may lie above the lowest one so far before
            this counts as divergence. With None, only values that are not finite count.
        shuffle_buffer: number of examples from which the next one is drawn at random.
        seed: seed of data order and dropout, and of the initialisation unless `options.init_seed`
            is set.
        strategy: "one_device" (the device that TensorFlow uses by default), "mirrored" (all local
            GPUs, or all logical CPUs if there are none), "multi_worker" (the GPUs of all workers
            listed in TF_CONFIG) or "tpu".
        tpu: name or address of the TPU, which may be a whole slice; "local" on a TPU VM.
        tpu_zone: zone of a TPU that is given by name; None uses the zone of this machine.
        tpu_project: project of a TPU that is given by name; None uses the project of this machine.
        jit_compile: whether the step is compiled with XLA; "auto" is True on TPU and GPU, and False
            on the CPU.
        watch_maintenance: whether to poll Google's metadata server for announced maintenance and
            preemption. When one is announced, the run saves a checkpoint and ends.
        profile_at: update from which one loop is traced for TensorBoard's profiler; None for no
            trace.
        peak_flops: peak operations per second of one replica, from which the utilisation in the
            history is computed; None looks it up if the accelerator is known.
    """

    batch_size: PositiveInt
    train_steps: PositiveInt
    learning_rate: PositiveFloat
    warmup_steps: NonNegativeInt = 0
    eval_batch_size: PositiveInt | None = None
    min_lr_ratio: Share = 0.0
    weight_decay: NonNegativeFloat = 0.0
    adam_epsilon: PositiveFloat = 1e-8
    beta_1: ShareBelowOne = 0.9
    beta_2: ShareBelowOne = 0.999
    clip_norm: PositiveFloat = 1.0
    clipping: Literal["global", "replica"] = "global"
    gradient_accumulation: PositiveInt = 1
    layer_decay: PositiveShare = 1.0
    layer_decay_mode: Literal["learning_rate", "gradient_scale"] = "learning_rate"
    steps_per_loop: PositiveInt = 20
    eval_steps_interval: PositiveInt | None = None
    save_steps: PositiveInt = 500
    max_to_keep: PositiveInt = 3
    best_metric: str | None = None
    patience: PositiveInt | None = None
    max_rollbacks: NonNegativeInt = 2
    max_loss_rise: PositiveFloat | None = None
    shuffle_buffer: PositiveInt = 10_000
    seed: Seed = 0
    strategy: Literal["one_device", "mirrored", "multi_worker", "tpu"] = "one_device"
    tpu: str = "local"
    tpu_zone: str | None = None
    tpu_project: str | None = None
    jit_compile: bool | Literal["auto"] = "auto"
    watch_maintenance: bool = False
    profile_at: NonNegativeInt | None = None
    peak_flops: PositiveFloat | None = None

    def __post_init__(self) -> None:
        if self.eval_batch_size is None:
            object.__setattr__(self, "eval_batch_size", self.batch_size)
        if self.warmup_steps >= self.train_steps:
            raise ValueError(
                f"warmup_steps must be below train_steps ({self.train_steps}), but is "
                f"{self.warmup_steps}."
            )
        if self.patience is not None and self.best_metric is None:
            raise ValueError(
                f"patience is {self.patience}, but best_metric is not set: name the metric that "
                "has to get better, such as loss."
            )
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"batch_size is {self.batch_size}, which cannot be cut evenly into "
                f"{self.gradient_accumulation} micro-batches (gradient_accumulation)."
            )
        if self.profile_at is not None and self.profile_at >= self.train_steps:
            raise ValueError(
                f"profile_at must be below train_steps ({self.train_steps}), but is "
                f"{self.profile_at}."
            )

    @property
    def is_remote(self) -> bool:
        """Whether the loop runs on a machine that cannot see the memory and disk of this one."""
        return self.strategy == "tpu" and self.tpu != "local"

    def check_folder(self, directory: str) -> None:
        """Checks that the devices can write checkpoints to a folder.

        Raises:
            ValueError: if the devices are those of another machine, and the folder is on a disk.
        """
        if self.is_remote and "://" not in directory:
            raise ValueError(
                f"training.tpu is {self.tpu!r}, a TPU whose machines read the records and write "
                f"the checkpoints themselves, but {directory} is a folder of this machine. Set "
                "run.output_root to one in a bucket (gs://…)."
            )
