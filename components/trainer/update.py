"""One update: gradients of the micro-batches, their sum over the replicas, clipping, and Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
import tf_keras

from components.trainer import optimization
from components.trainer.config import TrainingConfig
from components.trainer.task import ROW_AXIS, Features, State, Task

Update = Callable[[Features, State], tuple[dict[str, tf.Tensor], State]]


def update_function(
    *,
    task: Task,
    model: tf_keras.Model,
    optimizer: tf_keras.optimizers.Optimizer,
    config: TrainingConfig,
    num_replicas: int,
) -> Update:
    """Makes the function that every replica calls with its rows of a batch.

    Args:
        task: provides the loss.
        model: built model.
        optimizer: built optimizer; its `iterations` count the updates.
        config: training configuration of the run.
        num_replicas: number of replicas that share a batch.

    Returns:
        A function that takes the features and the state of a replica and applies the update. It
        returns "loss" and "gradient_norm" of the global batch (float32 []), and the state for the
        next update.
    """
    variables = model.trainable_variables

    def micro_batch_gradients(
        features: Features, state: State, index: tf.Tensor | int
    ) -> tuple[list[tf.Tensor | None], tf.Tensor, tf.Tensor, State]:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        part = tf.cast(replica, tf.int32) * config.gradient_accumulation + index
        seed = dropout_seed(config.seed, optimizer.iterations, part)
        with tf.GradientTape() as tape:
            (total, weight), state = task.training_loss(model, features, state, dropout_seed=seed)
        return tape.gradient(total, variables), total, weight, dict(state)

    def update(features: Features, state: State) -> tuple[dict[str, tf.Tensor], State]:
        if config.gradient_accumulation == 1:
            gradients, total, weight, state = micro_batch_gradients(features, state, 0)
        else:
            gradients, total, weight, state = _accumulate(
                micro_batch_gradients, variables, features, state, config.gradient_accumulation
            )
        # All tasks share one set of weights. A variable that a task does not use, such as
        # `mask_emb` in fine-tuning, is left alone, even by weight decay.
        pairs = zip(gradients, variables, strict=True)
        summed, used = zip(*(pair for pair in pairs if pair[0] is not None), strict=True)
        names = [variable.name for variable in used]
        divisor: tf.Tensor | float
        if config.clipping == "replica":
            # As published: the mean over the replicas of their clipped mean gradients.
            clipped, norm = optimization.clip_and_scale(
                summed, names, config, weight=tf.maximum(weight, 1.0) * num_replicas
            )
            clipped = sum_over_replicas(clipped, num_replicas)
            norm = _max_over_replicas(norm, num_replicas)
            total, weight = sum_over_replicas((total, weight), num_replicas)
            divisor = tf.maximum(weight, 1.0)
        else:
            summed, total, weight = sum_over_replicas((summed, total, weight), num_replicas)
            divisor = tf.maximum(weight, 1.0)
            clipped, norm = optimization.clip_and_scale(summed, names, config, weight=divisor)
        optimizer.apply_gradients(zip(clipped, used, strict=True), skip_gradients_aggregation=True)
        return {"loss": total / divisor, "gradient_norm": norm}, dict(state)

    return update


def _accumulate(
    micro_batch_gradients: Callable,
    variables: Sequence[tf.Variable],
    features: Features,
    state: State,
    number: int,
) -> tuple[list[tf.Tensor | None], tf.Tensor, tf.Tensor, State]:
    """Sums gradients, losses and weights over micro-batches, which run one after the other.

    All micro-batches share one traced loop body.

    Returns:
        gradients (None for unused variables), summed loss, summed weight, and the joined state.
    """

    def cut(value: tf.Tensor, axis: int) -> tf.Tensor:
        """Splits […, rows, …] into micro-batches, [number, …, rows / number, …]."""
        return tf.stack(tf.split(value, number, axis=axis))

    micro_features = {name: cut(value, 0) for name, value in features.items()}
    micro_states = {name: cut(value, ROW_AXIS) for name, value in state.items()}
    is_used = [False] * len(variables)

    def body(
        index: tf.Tensor,
        sums: list[tf.Tensor],
        total: tf.Tensor,
        weight: tf.Tensor,
        states: Mapping[str, tf.Tensor],
    ) -> tuple:
        gradients, more_total, more_weight, next_state = micro_batch_gradients(
            {name: value[index] for name, value in micro_features.items()},
            {name: value[index] for name, value in micro_states.items()},
            index,
        )
        for place, gradient in enumerate(gradients):
            if gradient is not None:
                is_used[place] = True
                sums[place] += tf.convert_to_tensor(gradient)
        states = {
            name: tf.tensor_scatter_nd_update(value, [[index]], next_state[name][None])
            for name, value in states.items()
        }
        return index + 1, sums, total + more_total, weight + more_weight, states

    _, sums, total, weight, states = tf.while_loop(
        lambda index, *_: index < number,
        lambda *loop: body(loop[0], list(loop[1]), *loop[2:]),
        (
            tf.constant(0),
            [tf.zeros_like(variable) for variable in variables],
            tf.zeros([]),
            tf.zeros([]),
            micro_states,
        ),
        # XLA needs a static bound.
        maximum_iterations=number,
        parallel_iterations=1,
    )
    gradients = [value if used else None for value, used in zip(sums, is_used, strict=True)]
    joined = {
        name: tf.concat(tf.unstack(value, number), axis=ROW_AXIS) for name, value in states.items()
    }
    return gradients, total, weight, joined


def sum_over_replicas(values: tf.types.experimental.TensorLike, num_replicas: int):
    """Returns the sum of the values over all replicas, on every replica."""
    if num_replicas == 1:
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def _max_over_replicas(value: tf.Tensor, num_replicas: int) -> tf.Tensor:
    """Returns the largest value of all replicas, float32 [].

    All-reduce only supports sums, so each replica adds its value in a place of its own. (TensorFlow
    cannot gather values inside of what XLA compiles.)
    """
    if num_replicas == 1:
        return value
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    places = tf.where(tf.range(num_replicas) == tf.cast(replica, tf.int32), value, 0.0)
    return tf.reduce_max(sum_over_replicas(places, num_replicas))


def dropout_seed(seed: int, step: tf.Tensor, replica: tf.Tensor | int) -> tf.Tensor:
    """Returns the dropout seed of an update on a replica, int32 [2].

    It depends on its arguments alone, so a resumed run draws the same dropout masks as it would
    have without the interruption.
    """
    # The stride separates the replicas of an update from each other and from the small seeds that
    # users give.
    first = tf.constant(seed, tf.int32) + tf.cast(replica, tf.int32) * 1_000_003
    return tf.stack([first, tf.cast(step, tf.int32)])
