"""The compiled training loop and evaluation step, on one replica or many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from components.trainer.carried_state import CarriedState
from components.trainer.config import TrainingConfig
from components.trainer.input_share import MakeBatches, distribute
from components.trainer.strategy import gather
from components.trainer.task import Features, State, Task
from components.trainer.update import sum_over_replicas, update_function


class TrainSteps:
    """Makes several updates per call.

    Gradients and loss weights are summed over micro-batches and replicas, the gradients are divided
    by the weight, and the result is clipped by its global norm. The update therefore does not
    depend on how a batch was shared out. With `clipping="replica"`, each replica's part is clipped
    before the sum, as in the published code.

    Args:
        task: provides the loss.
        model: built model.
        optimizer: built optimizer; its `iterations` count the updates.
        state: state that each step passes to the next; after a call, that of the last step.
        config: training configuration of the run.
        strategy: distribution strategy of the run.
        jit_compile: whether the step is compiled with XLA.
        stop: bool [], read by the compiled loop to see whether the run was asked to stop; None if
            there is no such request.
    """

    def __init__(
        self,
        *,
        task: Task,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        state: CarriedState,
        config: TrainingConfig,
        strategy: tf.distribute.Strategy,
        jit_compile: bool,
        stop: tf.Variable | None = None,
    ):
        self._state = state
        num_replicas = strategy.num_replicas_in_sync
        update = update_function(
            task=task, model=model, optimizer=optimizer, config=config, num_replicas=num_replicas
        )

        def update_and_ask(
            features: Features, state: State, is_asked: tf.Tensor
        ) -> tuple[dict[str, tf.Tensor], State]:
            results, state = update(features, state)
            asked = sum_over_replicas(tf.cast(is_asked, tf.float32), num_replicas)
            return {**results, "asked": asked}, state

        # Workers in different processes must stop after the same update, so they exchange their
        # flags. A loop that runs on a remote machine cannot see the flag and is kept short instead.
        agrees = stop is not None and config.strategy == "multi_worker"
        stops_at_once = stop is not None and not agrees and not config.is_remote
        replica_step = tf.function(
            update_and_ask if agrees else update, jit_compile=jit_compile, autograph=False
        )

        @tf.function
        def loop(
            iterator: Iterator, steps: tf.Tensor, state: State
        ) -> tuple[dict[str, tf.Tensor], State]:
            loss = tf.zeros([])
            norm = tf.zeros([])
            done = tf.constant(0)
            is_asked_to_stop = tf.constant(False)
            while done < steps and not is_asked_to_stop and tf.math.is_finite(loss + norm):
                asked = (stop.read_value(),) if agrees else ()
                results, state = strategy.run(replica_step, args=(next(iterator), state, *asked))
                # These are equal on all replicas, because they are sums over the replicas.
                local = {
                    name: strategy.experimental_local_results(value)[0]
                    for name, value in results.items()
                }
                loss += local["loss"]
                norm = tf.maximum(norm, local["gradient_norm"])
                # `tf.maximum` may drop a NaN, but the loop must end when there is one.
                norm = tf.where(tf.math.is_nan(local["gradient_norm"]), np.float32("nan"), norm)
                done += 1
                if agrees:
                    is_asked_to_stop = local["asked"] > 0
                elif stops_at_once:
                    is_asked_to_stop = stop.read_value()
            return {
                "loss": loss / tf.cast(done, tf.float32),
                "gradient_norm": norm,
                "steps": done,
            }, state

        self._loop = loop

    def run(self, iterator: Iterator, steps: int) -> dict[str, float]:
        """Makes up to `steps` updates.

        It makes fewer if an update is not finite or if the run is asked to stop.

        Args:
            iterator: yields the batches.
            steps: maximum number of updates.

        Returns:
            "loss" (mean over the updates), "gradient_norm" (the largest, before clipping), and
            "steps" (the number of updates made).
        """
        results, self._state.values = self._loop(
            iterator, tf.constant(steps, tf.int32), self._state.values
        )
        return {name: float(value) for name, value in results.items()}


class Evaluation:
    """Runs a model over a split and computes its task's metrics.

    Args:
        task: provides the outputs per example and the metrics computed from them.
        model: built model.
        strategy: distribution strategy of the run.
        jit_compile: whether the step is compiled with XLA.
    """

    def __init__(
        self,
        *,
        task: Task,
        model: tf_keras.Model,
        strategy: tf.distribute.Strategy,
        jit_compile: bool,
    ):
        self._task = task
        self._strategy = strategy

        def outputs(
            features: Mapping[str, tf.Tensor], state: State
        ) -> tuple[dict[str, tf.Tensor], State]:
            results, state = task.evaluation_outputs(model, features, state)
            return {**results, "is_real_example": features["is_real_example"]}, dict(state)

        replica_step = tf.function(outputs, jit_compile=jit_compile, autograph=False)

        @tf.function
        def step(
            features: Mapping[str, tf.Tensor], state: State
        ) -> tuple[dict[str, tf.Tensor], State]:
            return strategy.run(replica_step, args=(features, state))

        self._step = step

    def metrics(
        self,
        make_batches: MakeBatches,
        *,
        batch_size: int,
        before_batch: Callable[[], None] = lambda: None,
    ) -> dict[str, float]:
        """Returns the task's metrics over all real examples of a split.

        Args:
            make_batches: returns the batches of the split that a given host reads.
            batch_size: number of rows of the global batch.
            before_batch: called before each batch; an exception from it ends the evaluation.
        """
        collected: dict[str, list[np.ndarray]] = {}
        rows = batch_size // self._strategy.num_replicas_in_sync
        state = CarriedState(self._task.initial_state(rows), self._strategy).values
        for features in distribute(self._strategy, make_batches):
            before_batch()
            results, state = self._step(features, state)
            for name, value in results.items():
                # Joins the replicas of all hosts in the order of the rows.
                joined = gather(self._strategy, value, axis=0)
                collected.setdefault(name, []).append(joined.numpy())
        outputs = {name: np.concatenate(parts) for name, parts in collected.items()}
        real = outputs.pop("is_real_example").astype(bool)
        return self._task.metrics({name: value[real] for name, value in outputs.items()})
