"""What one step hands on to the next: the memory of pretraining, and nothing for other tasks."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from components.trainer.strategy import gather
from components.trainer.task import ROW_AXIS, State


class CarriedState:
    """The state between two steps, shared out over the replicas as the rows of a batch are.

    Between calls of the compiled loop it stays where the replicas computed it; only checkpoints
    need it in one piece.

    Attributes:
        values: by name, each replica's share.

    Args:
        initial: of the global batch; the rows are on axis `ROW_AXIS`.
        strategy: of the run.
    """

    def __init__(self, initial: State, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self._initial = dict(initial)
        self._variables: dict[str, tf.Variable] | None = None
        self.clear()

    def variables(self) -> Mapping[str, tf.Variable]:
        """Global tensors by name, for checkpoints: `collect` before saving, `spread` afterwards."""
        if self._variables is None:
            self._variables = {
                name: tf.Variable(value, trainable=False, name=f"carried_state/{name}")
                for name, value in self._initial.items()
            }
        return self._variables

    def collect(self) -> None:
        """Copies the replicas' shares into the variables; all hosts must call it together."""
        for name, variable in self.variables().items():
            variable.assign(gather(self._strategy, self.values[name], axis=ROW_AXIS))

    def clear(self) -> None:
        """Forgets everything, as before the first step."""
        self.values = {name: self._share_out(value) for name, value in self._initial.items()}

    def spread(self) -> None:
        """Hands what the variables hold to the replicas."""
        self.values = {
            name: self._share_out(variable.value()) for name, variable in self.variables().items()
        }

    def _share_out(self, value: tf.Tensor) -> tf.Tensor:
        shares = tf.split(value, self._strategy.num_replicas_in_sync, axis=ROW_AXIS)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: shares[context.replica_id_in_sync_group]
        )
