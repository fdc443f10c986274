"""The training loop.

`train` is the entry point. It chooses the initial weights, makes updates in stretches inside a
compiled loop, and between stretches saves, evaluates, reports, rolls back a run that diverged, and
ends a run that was asked to stop.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from components.checkpoint_conversion import named_checkpoint
from components.trainer import optimization, preemption, run_folder, strategy, utilization
from components.trainer.actions import Action, Every, Progress, joined, next_stop
from components.trainer.best_model import BestModel
from components.trainer.carried_state import CarriedState
from components.trainer.checkpoints import RunCheckpoints
from components.trainer.config import TrainingConfig
from components.trainer.divergence import DivergenceError, DivergenceGuard
from components.trainer.history import History
from components.trainer.input_share import distribute
from components.trainer.preemption import PreemptedError, StopRequest
from components.trainer.profiling import ProfilerTrace
from components.trainer.progress_report import ProgressReport
from components.trainer.steps import Evaluation, TrainSteps
from components.trainer.task import Task
from components.trainer.training_data import TrainingData
from components.trainer.workers import Position, Workers

_logger = logging.getLogger(__name__)

# All variables outside the encoder. A fine-tuning run that starts from pretraining or from another
# task has a new head, and no use for the head in those weights.
_HEADS = (r"^model/(?!transformer/)",)
# Longest stretch on a remote TPU, where the loop cannot see a request to stop. The rest of the loop
# and the checkpoint should together take less than ten seconds.
_SECONDS_OF_BLIND_LOOP = 3.0


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """The result of a run.

    Attributes:
        model: the model with its last weights, or its best ones if `best_metric` is set.
        step: total number of updates made; fewer than `train_steps` if `patience` ran out.
        metrics: metrics of the last evaluation, or of the best one if `best_metric` is set; empty
            without an evaluation split.
        is_chief: whether this process is the one that writes the run's results.
    """

    model: tf_keras.Model
    step: int
    metrics: dict[str, float]
    is_chief: bool = True


def train(
    *,
    task: Task,
    config: TrainingConfig,
    data: TrainingData,
    model_dir: str,
    init_from: str | None = None,
    run: Mapping[str, Any] | None = None,
    flops_per_step: int | None = None,
) -> TrainingResult:
    """Trains until `config.train_steps`, resuming if `model_dir` already holds checkpoints.

    With `config.patience`, a run whose evaluations no longer get better ends earlier.

    The initial weights come from the latest checkpoint of this run if there is one, else from
    `init_from` if it is given, and else they are random.

    Args:
        task: model, loss and metrics.
        config: training configuration of this run.
        data: training and evaluation batches.
        model_dir: folder for checkpoints and training curves.
        init_from: folder in the published layout whose encoder to start from.
        run: everything that determines the run's results (see `run_folder.identity`). Checkpoints
            in `model_dir` must belong to the same run; None skips this check.
        flops_per_step: operations in the model's matrix products per update, from which its
            utilisation of the hardware is computed.

    Raises:
        DeviceError, EmptySplitError, WeightsError, CheckpointError, RunFolderError: before the
            first update.
        DivergenceError: if the run diverges more often than it may roll back.
        PreemptedError: if the run was asked to end; a checkpoint has been written.
    """
    # This must come before everything else in TensorFlow: workers join before the first operation.
    devices = strategy.make_strategy(config)
    workers = Workers(devices)
    with workers.together(), contextlib.ExitStack() as stack:
        is_chief = strategy.is_chief(devices)
        replicas = devices.num_replicas_in_sync
        lease = run_folder.Lease()
        if run is not None and (task.initial_state(1) or config.clipping == "replica"):
            # The layout of the carried state in checkpoints depends on the number of replicas, and
            # so does an update whose gradients are clipped replica by replica.
            run = {**run, run_folder.REPLICAS_KEY: replicas}
        if is_chief:
            lease = stack.enter_context(run_folder.opened(model_dir, run))
        data.check(replicas)
        if data.has_evaluation:
            size = data.evaluation_batch_size(replicas)
            strategy.check_batch("eval_batch_size", size, replicas=replicas)
        stop = stack.enter_context(preemption.watch(maintenance=config.watch_maintenance))
        training = _Training(
            task=task,
            config=config,
            data=data,
            devices=devices,
            workers=workers,
            model_dir=model_dir,
            lease=lease,
            stop=stop,
            is_chief=is_chief,
            flops_per_step=flops_per_step,
        )
        training.start(init_from)
        if run is not None and is_chief and not training.is_over:
            run_folder.check_replicas(model_dir, run)
        return training.run()


class _Training:
    """The state of one run and the methods that advance it."""

    def __init__(
        self,
        *,
        task: Task,
        config: TrainingConfig,
        data: TrainingData,
        devices: tf.distribute.Strategy,
        workers: Workers,
        model_dir: str,
        lease: run_folder.Lease,
        stop: StopRequest,
        is_chief: bool,
        flops_per_step: int | None,
    ):
        self._config = config
        self._data = data
        self._devices = devices
        self._workers = workers
        self._history_dir = f"{model_dir}/history"
        self._lease = lease
        self._stop = stop
        self._is_chief = is_chief
        self._flops_per_step = flops_per_step
        self._guard = DivergenceGuard(config)
        self._schedule = optimization.make_schedule(config)
        self._peak_flops = utilization.peak_flops(config)
        jit_compile = strategy.uses_xla(config, devices)
        # Plus one, because with a global seed of 0 tf.data rejects the tensor that seeds the order
        # of each epoch.
        tf.random.set_seed(config.seed + 1)
        with devices.scope():
            self._model = task.build_model()
            variables = self._model.trainable_variables
            optimizer = optimization.make_optimizer(config, [v.name for v in variables])
            optimizer.build(variables)
        self._optimizer = optimizer
        rows = config.batch_size // devices.num_replicas_in_sync
        self._state = CarriedState(task.initial_state(rows), devices)
        self._checkpoints = RunCheckpoints(
            directory=f"{model_dir}/checkpoints",
            model=self._model,
            optimizer=optimizer,
            state=self._state,
            max_to_keep=config.max_to_keep,
            writes=is_chief,
        )
        self._steps = TrainSteps(
            task=task,
            model=self._model,
            optimizer=optimizer,
            state=self._state,
            config=config,
            strategy=devices,
            jit_compile=jit_compile,
            stop=stop.flag,
        )
        self._evaluation = Evaluation(
            task=task, model=self._model, strategy=devices, jit_compile=jit_compile
        )
        self._metrics: dict[str, float] = {}
        self._ends_early = False
        self._rolled_back_to: int | None = None
        # Stretches that are not yet on the training curves.
        self._unreported: list[Progress] = []
        self._longest_stretch = 1 if config.is_remote else config.steps_per_loop

    def start(self, init_from: str | None) -> None:
        """Loads the latest checkpoint, else `init_from`, else keeps the random weights.

        It also makes an evaluation that an earlier attempt left out.
        """
        step = self._restore_latest()
        if step is None and init_from:
            restored = named_checkpoint.restore(
                self._model.variables, init_from, may_be_new=_HEADS, may_be_ignored=_HEADS
            )
            _logger.info("%d variables from %s.", len(restored.restored), init_from)
            for what, names in (
                ("Not in these weights, so they begin at random", restored.new),
                ("Only in these weights, so they are left out", restored.ignored),
            ):
                if names:
                    _logger.info("%s: %s.", what, ", ".join(names))
        self._position = self._workers.position = Position(step=step or 0, saved_step=step or 0)
        self._history = History(
            self._history_dir, start_step=self._position.step, writes=self._is_chief
        )
        self._best = None
        if self._config.best_metric and self._data.has_evaluation:
            self._best = BestModel(self._config.best_metric, self._checkpoints, self._history)
        elif self._config.best_metric:
            _logger.warning(
                "training.best_metric and training.patience have no effect: the records have no "
                "split to evaluate on."
            )
        if step is None:
            # A rollback needs a checkpoint to return to. Besides, a folder that is not writable is
            # noticed now and not after hours of work.
            self._checkpoints.save(0)
        self._evaluate_if_missing()
        self._ends_early = self._is_out_of_patience()

    def run(self) -> TrainingResult:
        """Makes all remaining updates and returns the result of the run."""
        if self._ends_early and not self._is_complete:
            self._end_early()
        with contextlib.ExitStack() as stack:
            actions = self._make_actions(stack)
            while not self.is_over:
                try:
                    self._go_on(self._batches(), actions)
                except DivergenceError as error:
                    self._guard.allow_rollback(error)
                    self._roll_back(error)
        if self._best is not None:
            self._metrics = self._best.restore(self._metrics)
        return TrainingResult(
            model=self._model,
            step=self._position.step,
            metrics=self._metrics,
            is_chief=self._is_chief,
        )

    def _make_actions(self, stack: contextlib.ExitStack) -> list[Action]:
        config = self._config
        total = config.train_steps
        self._report = ProgressReport(start_step=self._position.step, total_steps=total)
        actions: list[Action] = [
            Every(config.steps_per_loop, total, lambda _: self._show()),
            Every(config.save_steps, total, lambda progress: self._save(progress.step)),
        ]
        if self._data.has_evaluation:
            actions.append(self._evaluations())
        if config.profile_at is not None:
            # All workers make the trace, because their loops must stop at the same updates. Only
            # the chief's trace is kept.
            directory = self._history_dir
            if not self._is_chief:
                directory = stack.enter_context(tempfile.TemporaryDirectory())
            trace = ProfilerTrace(
                directory=directory,
                first_step=config.profile_at,
                last_step=min(config.profile_at + config.steps_per_loop, total),
                start_step=self._position.step,
            )
            stack.callback(trace.close)
            actions.append(trace)
        return actions

    def _show(self) -> None:
        """Shows and records the stretches since the last time."""
        progress = joined(self._unreported)
        self._unreported.clear()
        self._report.report(progress)
        self._history.record_training(progress)

    def _evaluations(self) -> Every:
        return Every(
            self._config.eval_steps_interval or self._data.steps_per_epoch,
            self._config.train_steps,
            lambda progress: self._evaluate(progress.step),
        )

    @property
    def is_over(self) -> bool:
        """Whether no update is left to make."""
        return self._ends_early or self._is_complete

    @property
    def _is_complete(self) -> bool:
        return self._position.step >= self._config.train_steps

    def _is_out_of_patience(self) -> bool:
        """Whether so many evaluations in a row brought nothing better; all workers ask together."""
        patience = self._config.patience
        if patience is None or self._best is None:
            return False
        return self._workers.any(self._best.evaluations_without_gain >= patience)

    def _end_early(self) -> None:
        """Leaves behind what the last update of a run leaves."""
        if self._unreported:
            self._show()
        if self._position.step != self._position.saved_step:
            self._save(self._position.step)
        _logger.info(
            "ended at step %d of %d: no better %s in the last %d evaluations",
            self._position.step,
            self._config.train_steps,
            self._config.best_metric,
            self._config.patience,
        )

    def _batches(self) -> Iterator:
        first = self._position.step + self._checkpoints.skipped_batches
        number = self._config.train_steps - self._position.step
        return iter(
            distribute(
                self._devices,
                lambda share: self._data.training_batches(first, num_steps=number, share=share),
                micro_batches=self._config.gradient_accumulation,
            )
        )

    def _go_on(self, batches: Iterator, actions: Sequence[Action]) -> None:
        while not self.is_over:
            self._end_if_asked()
            end = next_stop(
                self._position.step, self._config, actions, longest=self._longest_stretch
            )
            progress = self._stretch(batches, end)
            self._guard.check(progress)
            self._position.step = progress.step
            self._unreported.append(progress)
            self._lease.renew()
            for action in actions:
                if action.is_due(progress.step):
                    action.act(progress)
            if self._ends_early and not self._is_complete:
                self._end_early()

    def _stretch(self, batches: Iterator, end: int) -> Progress:
        started = time.monotonic()
        results = self._steps.run(batches, end - self._position.step)
        seconds = time.monotonic() - started
        steps = int(results["steps"])
        if self._config.is_remote:
            self._longest_stretch = max(1, int(_SECONDS_OF_BLIND_LOOP * steps / seconds))
        utilized = None
        if self._flops_per_step and self._peak_flops:
            peak = self._peak_flops * self._devices.num_replicas_in_sync
            utilized = steps * self._flops_per_step / seconds / peak
        return Progress(
            step=self._position.step + steps,
            total_steps=self._config.train_steps,
            loss=results["loss"],
            gradient_norm=results["gradient_norm"],
            learning_rate=float(self._schedule(self._position.step + steps - 1)),
            examples_per_second=steps * self._config.batch_size / seconds,
            memory_bytes=utilization.memory_bytes(),
            model_flops_utilization=utilized,
            updates=steps,
        )

    def _end_if_asked(self) -> None:
        if not self._workers.any(self._stop.reason is not None):
            return
        if self._position.step != self._position.saved_step:
            self._save(self._position.step)
        raise PreemptedError(
            f"The run was asked to end ({self._stop.reason or 'by another worker'}) after update "
            f"{self._position.step} of {self._config.train_steps}. Its checkpoint is written; the "
            "same command goes on from there."
        )

    def _roll_back(self, error: DivergenceError) -> None:
        # Training continues with the batch after the one at which the divergence was noticed.
        next_batch = error.step + self._checkpoints.skipped_batches
        # An update may ruin the weights in a way that only the next update reveals, when the ruined
        # weights have already been saved. Diverging right after a rollback is the sign of it.
        is_wrecked = self._rolled_back_to is not None and error.step == self._rolled_back_to + 1
        # Nor does one help that was saved in the course of the updates that diverged.
        before = error.sound_step + 1
        if is_wrecked:
            before = min(before, self._rolled_back_to)
        step = self._restore_latest(before=before)
        if step is None:
            step = self._restore_latest()
        if step is None:
            raise error
        self._rolled_back_to = step
        self._position.step = self._position.saved_step = step
        self._unreported.clear()
        self._checkpoints.skipped_batches = next_batch - step
        # The carried memory belongs to texts that the next batches do not continue.
        self._state.clear()
        self._history.record_rollback(from_step=error.step, to_step=step, cause=error.cause)

    def _restore_latest(self, *, before: int | None = None) -> int | None:
        step = self._checkpoints.restore_latest(before=before)
        self._workers.check_restored(step or 0)
        self._guard.losses = self._checkpoints.losses
        return step

    def _save(self, step: int) -> None:
        self._checkpoints.losses = self._guard.losses
        self._checkpoints.save(step)
        self._position.saved_step = step

    def _evaluate_if_missing(self) -> None:
        """Evaluates if an earlier attempt ended after a checkpoint but before its evaluation.

        An evaluation that stands in the history is not repeated. On another device its metrics
        would differ a little, and might change which weights are the best.
        """
        step = self._position.step
        if not step or not self._data.has_evaluation or not self._evaluations().is_due(step):
            return
        known = self._history.evaluations().get(step)
        if self._workers.any(known is None):
            self._evaluate(step)
            return
        self._metrics = known
        if self._best is not None:
            # They may have been chosen by another metric until now.
            self._best.compare(step, known)

    def _evaluate(self, step: int) -> None:
        def go_on() -> None:
            # A preempted machine may have less time left than the rest of the evaluation takes.
            self._end_if_asked()
            self._lease.renew()

        self._metrics = self._evaluation.metrics(
            self._data.evaluation_batches,
            batch_size=self._data.evaluation_batch_size(self._devices.num_replicas_in_sync),
            before_batch=go_on,
        )
        # An evaluation that stands in the history is not repeated, so it is recorded last.
        if self._best is not None:
            self._best.compare(step, self._metrics)
        self._history.record_evaluation(step, self._metrics)
        self._ends_early = self._is_out_of_patience()
        listing = ", ".join(f"{name} {value:.4f}" for name, value in self._metrics.items())
        _logger.info("evaluation at step %d: %s", step, listing)
