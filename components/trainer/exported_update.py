"""Hands out the update of one replica as an XLA program, for compilers and devices elsewhere.

The program is the one that `TrainSteps` runs: forward and backward pass, sums over the replicas,
clipping and the optimizer. TensorFlow lowers it on this machine, whatever device it is for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

from components.trainer import optimization
from components.trainer.config import TrainingConfig
from components.trainer.task import Features, State, Task
from components.trainer.update import update_function

_SAMPLED_ROWS = 16
TRAINED, SLOT, FEATURE, STATE = "trained", "slot", "feature", "state"


class NotLoweredError(ValueError):
    """A step that XLA does not take."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One of the program's parameters.

    Attributes:
        role: `TRAINED` (a variable of the model), `SLOT` (one of the optimizer), `FEATURE` or
            `STATE`.
        name: name of the variable, the feature or the state; unique within a role.
        shape: its shape.
        dtype: name of its dtype.
        mean: mean of the values that it starts with, from a sample.
        deviation: their standard deviation.
    """

    role: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class ExportedUpdate:
    """The update of one replica as an XLA program.

    Attributes:
        hlo: a serialized HloModuleProto. Its header says which result takes the place of which
            parameter in the next step; that covers the variables, and not the state.
        parameters: its parameters, in order.
        results: names of the results that come before the variables; those of the state are
            its names.
    """

    hlo: bytes
    parameters: tuple[Parameter, ...]
    results: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ReplicaUpdate:
    """The update of one replica as a function that XLA compiles.

    Attributes:
        function: takes features and state.
        arguments: features and state to call it with; their values mean nothing.
        variables: the variables that it may read and assign.
    """

    function: Callable
    arguments: tuple[Features, State]
    variables: tuple[tf.Variable, ...]

    def lower(self, stage: str) -> Any:
        """Lowers it to XLA; `stage` is one that TensorFlow knows, such as "hlo".

        Raises:
            NotLoweredError: if XLA does not support an operation.
        """
        try:
            return self.function.experimental_get_compiler_ir(*self.arguments)(stage=stage)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise NotLoweredError(f"The step does not compile for XLA: {error}") from error

    def export(self) -> ExportedUpdate:
        """Lowers it to a serialized program, and says what its parameters and results are.

        Raises:
            NotLoweredError: if XLA does not support an operation.
        """
        hlo = self.lower("hlo_serialized")
        concrete = self.function.get_concrete_function(*self.arguments)
        values, state = self.arguments
        parameters = [
            *(_parameter(FEATURE, name, values[name]) for name in sorted(values)),
            *(_parameter(STATE, name, state[name]) for name in sorted(state)),
        ]
        # The graph does not know the variables that are reached by their handles alone.
        known = (*self.variables, *concrete.graph.variables)
        variables = {id(variable.handle): variable for variable in known}
        for capture in concrete.captured_inputs:
            variable = variables[id(capture)]
            role = TRAINED if variable.trainable else SLOT
            parameters.append(_parameter(role, variable.name, variable))
        metrics, next_state = concrete.structured_outputs
        return ExportedUpdate(hlo, tuple(parameters), (*sorted(metrics), *sorted(next_state)))


def replica_update(
    task: Task, config: TrainingConfig, features: Mapping[str, tf.TensorSpec], *, replicas: int = 1
) -> ReplicaUpdate:
    """Makes the update of one replica as a function that XLA compiles.

    Args:
        task: provides model and loss.
        config: training configuration of the run.
        features: specifications of the features of one replica's rows.
        replicas: number of replicas that share a batch. The sums over them are part of the program.
    """
    (rows,) = {spec.shape[0] for spec in features.values()}
    model = task.build_model()
    variables = model.trainable_variables
    optimizer = optimization.make_optimizer(config, [v.name for v in variables])
    optimizer.build(variables)
    update = update_function(
        task=task, model=model, optimizer=optimizer, config=config, num_replicas=replicas
    )

    def of_replica(features: Features, state: State) -> tuple[dict[str, tf.Tensor], State]:
        if replicas == 1:
            return update(features, state)
        with _Replica(replicas):
            return update(features, state)

    # Real tensors, because TensorFlow 2.16 cannot lower from specifications. Their values do not
    # matter.
    values = {name: tf.zeros(spec.shape, spec.dtype) for name, spec in features.items()}
    return ReplicaUpdate(
        tf.function(of_replica, jit_compile=True, autograph=False),
        (values, dict(task.initial_state(rows))),
        (*model.variables, *optimizer.variables),
    )


def _parameter(role: str, name: str, value: tf.Tensor | tf.Variable) -> Parameter:
    # A few rows tell how they were drawn; all of them take seconds per variable.
    sample = np.ravel(value[:_SAMPLED_ROWS] if value.shape.rank else value).astype(np.float64)
    mean, deviation = (sample.mean(), sample.std()) if sample.size else (0.0, 0.0)
    return Parameter(
        role, name, tuple(value.shape), value.dtype.name, float(mean), float(deviation)
    )


class _Replica(tf.distribute.ReplicaContext):
    """One of several replicas of a program that no strategy of TensorFlow runs.

    Its collectives are XLA's own operations, those that `TPUStrategy` makes.
    """

    def __init__(self, number: int):
        super().__init__(tf.distribute.get_strategy(), replica_id_in_sync_group=0)
        self._number = number

    @property
    def num_replicas_in_sync(self) -> int:
        return self._number

    @property
    def replica_id_in_sync_group(self) -> tf.Tensor:
        return gen_xla_ops.xla_replica_id()

    def all_reduce(self, reduce_op: tf.distribute.ReduceOp, value: Any, options: Any = None) -> Any:
        if reduce_op != tf.distribute.ReduceOp.SUM:
            raise NotImplementedError(f"only sums are exported, not {reduce_op}")
        group = tf.constant([list(range(self._number))], tf.int32)

        def summed(part: tf.Tensor) -> tf.Tensor:
            return gen_xla_ops.xla_all_reduce(
                tf.convert_to_tensor(part), group, reduce_op="Add", mode="CrossReplica"
            )

        return tf.nest.map_structure(summed, value)
