"""The state that one step passes to the next: the memory in pretraining, nothing in other tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from components.trainer.strategy import gather
from components.trainer.task import ROW_AXIS, State


class CarriedState:
    """The state between two steps, split over the replicas like the rows of a batch.

    Between calls of the compiled loop, the state stays where the replicas computed it. Only
    checkpoints need it in one piece.

    Attributes:
        values: the replicas' shares of each tensor, by name.

    Args:
        initial: state of one replica before the first step, with its rows on axis `ROW_AXIS`.
        strategy: distribution strategy of the run.
    """

    def __init__(self, initial: State, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self._initial = dict(initial)
        self._variables: dict[str, tf.Variable] | None = None
        self.clear()

    def variables(self) -> Mapping[str, tf.Variable]:
        """Returns variables for the global tensors, by name, which checkpoints save and restore.

        Call `collect` before a checkpoint is saved, and `spread` after one was restored.
        """
        if self._variables is None:
            self._variables = {
                name: tf.Variable(
                    tf.concat([value] * self._strategy.num_replicas_in_sync, axis=ROW_AXIS),
                    trainable=False,
                    name=f"carried_state/{name}",
                )
                for name, value in self._initial.items()
            }
        return self._variables

    def collect(self) -> None:
        """Copies the shares of all replicas to the variables; all hosts must call it together."""
        for name, variable in self.variables().items():
            variable.assign(gather(self._strategy, self.values[name], axis=ROW_AXIS))

    def clear(self) -> None:
        """Resets the state to what it was before the first step."""
        self.values = {
            name: self._on_replicas(lambda _, value=value: value)
            for name, value in self._initial.items()
        }

    def spread(self) -> None:
        """Distributes the values of the variables to the replicas."""
        self.values = {}
        for name, variable in self.variables().items():
            shares = tf.split(variable, self._strategy.num_replicas_in_sync, axis=ROW_AXIS)
            self.values[name] = self._on_replicas(lambda replica, shares=shares: shares[replica])

    def _on_replicas(self, share: Callable[[int], tf.Tensor]) -> tf.Tensor:
        """Returns the shares of this process's replicas, given a function of their number."""
        distributed = self._strategy.experimental_distribute_values_from_function(
            lambda context: share(context.replica_id_in_sync_group)
        )
        local = self._strategy.experimental_local_results(distributed)
        # A step returns a plain tensor if there is one replica in this process, and a loop must
        # return what it was given.
        return local[0] if len(local) == 1 else distributed
