"""Which rows of the global batch one machine reads, and how they come to its replicas."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class InputShare:
    """The share of one input host. Its rows follow those of the hosts before it.

    Attributes:
        host: number of this machine.
        num_hosts: machines that read.
        parts: stretches of equal length that the host's rows are cut into, one for each
            micro-batch of each replica; what must be alike in all of them is up to the data.
    """

    host: int = 0
    num_hosts: int = 1
    parts: int = 1

    def rows(self, batch_size: int) -> slice:
        """Its rows of a global batch that the hosts can share evenly."""
        each = batch_size // self.num_hosts
        return slice(self.host * each, (self.host + 1) * each)


EVERYTHING = InputShare()

# Batches of a host's rows, with static shapes.
MakeBatches = Callable[[InputShare], tf.data.Dataset]


def distribute(
    strategy: tf.distribute.Strategy, make_batches: MakeBatches, *, micro_batches: int = 1
) -> tf.distribute.DistributedDataset | tf.data.Dataset:
    """A data set of global batches, each host reading only what its replicas compute.

    Args:
        strategy: of the run.
        make_batches: the batches of a host.
        micro_batches: of each replica.
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
        # The replicas of a host take what comes in turn.
        (rows,) = {spec.shape[0] for spec in tf.nest.flatten(batches.element_spec)}
        return batches.rebatch(rows // replicas, drop_remainder=True).prefetch(replicas)

    return strategy.distribute_datasets_from_function(host_batches)
