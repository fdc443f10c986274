"""One update and one evaluation step, on one replica or many, as compiled functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from components.trainer import optimization
from components.trainer.carried_state import CarriedState
from components.trainer.config import TrainingConfig
from components.trainer.task import State, Task


class TrainSteps:
    """Makes updates, several to a call.

    Gradients and loss weights are summed over the replicas, divided, and clipped by the global
    norm; so the update does not depend on how a batch was shared out. (The published code clips
    each replica's gradient before summing.)

    Args:
        task: gives the loss.
        model: built model.
        optimizer: built optimizer; its `iterations` count the updates.
        state: what the steps hand on to each other; holds that of the last one after a call.
        config: of the run.
        strategy: of the run.
        jit_compile: whether the step is compiled with XLA.
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
    ):
        variables = model.trainable_variables
        self._state = state

        def update(
            features: Mapping[str, tf.Tensor], state: State
        ) -> tuple[dict[str, tf.Tensor], State]:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            seed = dropout_seed(config.seed, optimizer.iterations, replica)
            with tf.GradientTape() as tape:
                (total, weight), state = task.training_loss(
                    model, features, state, dropout_seed=seed
                )
            gradients = tape.gradient(total, variables)
            # All tasks share one set of weights; what a task does not use (`mask_emb` in
            # fine-tuning) stays as it is, weight decay included.
            pairs = zip(gradients, variables, strict=True)
            summed, used = zip(*(pair for pair in pairs if pair[0] is not None), strict=True)
            names = [variable.name for variable in used]
            if strategy.num_replicas_in_sync > 1:
                context = tf.distribute.get_replica_context()
                summed, total, weight = context.all_reduce(
                    tf.distribute.ReduceOp.SUM, (summed, total, weight)
                )
            weight = tf.maximum(weight, 1.0)
            clipped, norm = optimization.clip_and_scale(summed, names, config, weight=weight)
            optimizer.apply_gradients(
                zip(clipped, used, strict=True), skip_gradients_aggregation=True
            )
            return {"loss": total / weight, "gradient_norm": norm}, dict(state)

        replica_step = tf.function(update, jit_compile=jit_compile, autograph=False)

        @tf.function
        def loop(
            iterator: Iterator, steps: tf.Tensor, state: State
        ) -> tuple[dict[str, tf.Tensor], State]:
            loss = tf.zeros([])
            norm = tf.zeros([])
            for _ in tf.range(steps):
                results, state = strategy.run(replica_step, args=(next(iterator), state))
                # Equal on all replicas after the sums above.
                local = {
                    name: strategy.experimental_local_results(value)[0]
                    for name, value in results.items()
                }
                loss += local["loss"]
                # Keeps NaN and infinity, which a mean over the loop would keep as well.
                norm = tf.maximum(norm, local["gradient_norm"])
            return {"loss": loss / tf.cast(steps, tf.float32), "gradient_norm": norm}, state

        self._loop = loop

    def run(self, iterator: Iterator, steps: int) -> dict[str, float]:
        """Makes `steps` updates.

        Returns:
            "loss", the mean over the updates, and "gradient_norm", the largest before clipping.
        """
        results, self._state.values = self._loop(
            iterator, tf.constant(steps, tf.int32), self._state.values
        )
        return {name: float(value) for name, value in results.items()}


class Evaluation:
    """Runs a model over a split and joins what its task wants to know.

    Args:
        task: gives outputs per example, and metrics of them.
        model: built model.
        strategy: of the run.
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

    def metrics(self, batches: tf.data.Dataset) -> dict[str, float]:
        """The task's metrics over all real examples of `batches`."""
        collected: dict[str, list[np.ndarray]] = {}
        num_rows = batches.element_spec["is_real_example"].shape[0]
        state = CarriedState(self._task.initial_state(num_rows), self._strategy).values
        for features in self._strategy.experimental_distribute_dataset(batches):
            results, state = self._step(features, state)
            for name, value in results.items():
                local = self._strategy.experimental_local_results(value)
                collected.setdefault(name, []).extend(part.numpy() for part in local)
        joined = {name: np.concatenate(parts) for name, parts in collected.items()}
        real = joined.pop("is_real_example").astype(bool)
        return self._task.metrics({name: value[real] for name, value in joined.items()})


def dropout_seed(seed: int, step: tf.Tensor, replica: tf.Tensor | int) -> tf.Tensor:
    """Stateless seed of an update, int32 [2]: a resumed run draws what it would have drawn."""
    # Replicas of one update differ in the high part, which seeds of users do not reach.
    first = tf.constant(seed, tf.int32) + tf.cast(replica, tf.int32) * 1_000_003
    return tf.stack([first, tf.cast(step, tf.int32)])
