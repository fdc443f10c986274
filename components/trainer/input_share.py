"""Which rows of the global batch each host reads, and how they are passed to its replicas."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class InputShare:
    """The share of one input host. Its rows follow those of the hosts before it.

    Attributes:
        host: index of this host.
        num_hosts: number of hosts that read.
        parts: number of equal stretches into which the host's rows are split, one for each
            micro-batch of each replica. Data whose stretches must have the same composition, such
            as forward and backward rows in pretraining, has to take care of that itself.
    """

    host: int = 0
    num_hosts: int = 1
    parts: int = 1

    def rows(self, batch_size: int) -> slice:
        """Returns this host's rows of a global batch; the hosts must be able to share it evenly."""
        each = batch_size // self.num_hosts
        return slice(self.host * each, (self.host + 1) * each)


EVERYTHING = InputShare()

# Returns the batches of a host's rows, with static shapes.
MakeBatches = Callable[[InputShare], tf.data.Dataset]


def distribute(
    strategy: tf.distribute.Strategy, make_batches: MakeBatches, *, micro_batches: int = 1
) -> tf.distribute.DistributedDataset | tf.data.Dataset:
    """Returns a data set of global batches, of which each host reads only its replicas' rows.

    Args:
        strategy: distribution strategy of the run.
        make_batches: returns the batches of a host.
        micro_batches: number of micro-batches per replica.
    """

    def host_batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        batches = make_batches(
            InputShare(
                context.input_pipeline_id, context.num_input_pipelines, replicas * micro_batches
            )
        )
        if replicas == 1:
            return batches
        # The replicas of a host take elements of the data set in turn.
        (rows,) = {spec.shape[0] for spec in tf.nest.flatten(batches.element_spec)}
        return batches.rebatch(rows // replicas, drop_remainder=True).prefetch(replicas)

    return strategy.distribute_datasets_from_function(host_batches)
