"""The training loop: first weights, updates in stretches, and actions between them."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import tensorflow as tf
import tf_keras

from components.checkpoint_conversion import named_checkpoint
from components.trainer import actions as actions_lib
from components.trainer import optimization, strategy
from components.trainer.carried_state import CarriedState
from components.trainer.checkpoints import RunCheckpoints
from components.trainer.config import TrainingConfig
from components.trainer.steps import Evaluation, TrainSteps
from components.trainer.task import Task

_logger = logging.getLogger(__name__)

# A head is new when a fine-tune starts from pretraining, or from another task's fine-tune; the
# language-model head and the optimizer of the other run are of no use to it.
_HEADS = (r"^model/(?!transformer/)",)


class TrainingData(Protocol):
    """Where the loop gets its batches from.

    Batches are dicts of features with static shapes; the batch of update t depends on t alone.
    """

    @property
    def steps_per_epoch(self) -> int:
        """Updates after which the training split was seen once; at least 1."""

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split for the evaluations during training."""

    def training_batches(self, start_step: int, *, num_replicas: int) -> tf.data.Dataset:
        """Global batches from `start_step` on, of which replicas get stretches of rows."""

    def evaluation_batches(self, *, num_replicas: int) -> tf.data.Dataset:
        """The evaluation split once; `is_real_example` [B] is 0 for rows that fill up a batch."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a run ends with.

    Attributes:
        model: with the last weights.
        step: updates made in total.
        metrics: of the last evaluation; empty without an evaluation split.
    """

    model: tf_keras.Model
    step: int
    metrics: dict[str, float]


def train(
    *,
    task: Task,
    config: TrainingConfig,
    data: TrainingData,
    model_dir: str,
    init_from: str | None = None,
) -> TrainingResult:
    """Trains to `config.train_steps`, resuming from `model_dir` if it holds checkpoints.

    The first weights are, in this order: the latest checkpoint of this run, `init_from`, random.

    Args:
        task: model, loss and metrics.
        config: of the run.
        data: records.
        model_dir: gets checkpoints and curves.
        init_from: folder in the published layout whose encoder to start from.

    Raises:
        DeviceError, EmptySplitError, WeightsError, CheckpointError: before the first update.
        DivergenceError: when the loss is no longer finite.
    """
    devices = strategy.make_strategy(config)
    replicas = devices.num_replicas_in_sync
    jit_compile = strategy.uses_xla(config, devices)
    # With a global seed of 0 tf.data refuses the tensor by which each epoch's order is seeded.
    tf_keras.utils.set_random_seed(config.seed + 1)
    with devices.scope():
        model = task.build_model()
        variables = model.trainable_variables
        optimizer = optimization.make_optimizer(config, [v.name for v in variables])
        optimizer.build(variables)
    state = CarriedState(task.initial_state(config.batch_size), devices)
    checkpoints = RunCheckpoints(
        directory=f"{model_dir}/checkpoints",
        model=model,
        optimizer=optimizer,
        state=state,
        max_to_keep=config.max_to_keep,
    )
    if not checkpoints.restore_latest() and init_from:
        restored = named_checkpoint.restore(
            model.variables, init_from, may_be_new=_HEADS, may_be_ignored=_HEADS
        )
        _logger.info("%d variables from %s.", len(restored.restored), init_from)

    evaluation = Evaluation(task=task, model=model, strategy=devices, jit_compile=jit_compile)
    history = actions_lib.History(f"{model_dir}/history")
    metrics: dict[str, float] = {}

    def evaluate(step: int) -> None:
        metrics.clear()
        metrics.update(evaluation.metrics(data.evaluation_batches(num_replicas=replicas)))
        history.record_evaluation(step, metrics)
        listing = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        _logger.info("evaluation at step %d: %s", step, listing)

    start_step = int(optimizer.iterations.numpy())
    report = actions_lib.ProgressReport(start_step=start_step, total_steps=config.train_steps)

    def every(interval: int, function: Callable) -> actions_lib.Every:
        return actions_lib.Every(interval, config.train_steps, function)

    actions: list[actions_lib.Action] = [
        every(config.steps_per_loop, report.report),
        every(config.steps_per_loop, history.record_training),
        every(config.save_steps, lambda progress: checkpoints.save(progress.step)),
    ]
    if data.has_evaluation:
        interval = config.eval_steps_interval or data.steps_per_epoch
        actions.append(every(interval, lambda progress: evaluate(progress.step)))

    batches = data.training_batches(start_step, num_replicas=replicas)
    steps = TrainSteps(
        task=task,
        model=model,
        optimizer=optimizer,
        state=state,
        config=config,
        strategy=devices,
        jit_compile=jit_compile,
    )
    iterator = iter(devices.experimental_distribute_dataset(batches))
    _run(steps, iterator, start_step, config, actions)
    if data.has_evaluation and not metrics:
        evaluate(start_step)  # the run was already complete
    return TrainingResult(model=model, step=config.train_steps, metrics=metrics)


def _run(
    steps: TrainSteps,
    iterator,
    start_step: int,
    config: TrainingConfig,
    actions: Sequence[actions_lib.Action],
) -> None:
    schedule = optimization.make_schedule(config)
    step = start_step
    while step < config.train_steps:
        end = _next_stop(step, config, actions)
        started = time.monotonic()
        results = steps.run(iterator, end - step)
        seconds = time.monotonic() - started
        progress = actions_lib.Progress(
            step=end,
            total_steps=config.train_steps,
            loss=results["loss"],
            gradient_norm=results["gradient_norm"],
            learning_rate=float(schedule(end - 1)),
            examples_per_second=(end - step) * config.batch_size / seconds,
        )
        actions_lib.check_finite(progress)
        for action in actions:
            if action.is_due(end):
                action.act(progress)
        step = end


def _next_stop(step: int, config: TrainingConfig, actions: Sequence[actions_lib.Action]) -> int:
    """The next update after which something is due, at most a loop's length away."""
    limit = min(step + config.steps_per_loop, config.train_steps)
    for candidate in range(step + 1, limit):
        if any(action.is_due(candidate) for action in actions):
            return candidate
    return limit
