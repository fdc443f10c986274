"""Devices and workers: makes the distribution strategy that `training.strategy` asks for."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.trainer.config import TrainingConfig

# Environment variable in which Vertex AI, Kubeflow's training operator and TensorFlow itself
# describe a cluster of workers.
_TF_CONFIG = "TF_CONFIG"


class DeviceError(RuntimeError):
    """The configured devices are not available, or cannot share the batch evenly."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers that train together, as described by TF_CONFIG.

    Attributes:
        addresses: "host:port" of all workers, the chief first.
        place: index of this process among the workers; worker 0 writes the results.
    """

    addresses: tuple[str, ...]
    place: int


def make_strategy(config: TrainingConfig) -> tf.distribute.Strategy:
    """Connects to the devices of a run and returns the strategy for them.

    With "multi_worker", this has to happen before any other TensorFlow operation.

    Raises:
        DeviceError: if the devices are not available, cannot share a batch evenly, or cannot
            compute what XLA compiles.
    """
    if config.strategy == "one_device":
        strategy = tf.distribute.get_strategy()
    elif config.strategy == "mirrored":
        strategy = _mirror()
    elif config.strategy == "multi_worker":
        strategy = _join_workers()
    else:
        strategy = _connect_to_tpu(config.tpu, config.tpu_zone, config.tpu_project)
    replicas = strategy.num_replicas_in_sync
    if (
        (config.strategy, config.jit_compile) == ("mirrored", True)
        and replicas > 1
        and not tf.config.list_logical_devices("GPU")
    ):
        raise DeviceError(
            f"training.jit_compile is true, but XLA cannot compile an update of {replicas} "
            "mirrored CPU devices: set it to auto or false."
        )
    check_batch(
        "batch_size",
        config.batch_size,
        replicas=replicas,
        micro_batches=config.gradient_accumulation,
    )
    return strategy


def check_batch(name: str, size: int, *, replicas: int, micro_batches: int = 1) -> None:
    """Checks that the replicas can share a batch evenly.

    Args:
        name: name of the setting with the size of the batch, under `training`.
        size: size of the batch.
        replicas: number of replicas on all hosts together.
        micro_batches: number of micro-batches of a replica.

    Raises:
        DeviceError: if the batch does not divide evenly; it names the nearest legal sizes.
    """
    parts = replicas * micro_batches
    if size % parts == 0:
        return
    below = size // parts * parts
    legal = f"{below} or {below + parts}" if below else f"{parts}"
    times = f" in {micro_batches} micro-batches" if micro_batches > 1 else ""
    raise DeviceError(
        f"training.{name} is {size}, which {replicas} replicas{times} cannot share evenly. "
        f"The nearest legal sizes are {legal}."
    )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes the results of the run."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
        return True
    return read_cluster(os.environ[_TF_CONFIG]).place == 0


def gather(strategy: tf.distribute.Strategy, value: Any, *, axis: int) -> tf.Tensor:
    """Joins the values of the replicas of all hosts along an axis; all hosts must call it together.

    Args:
        strategy: distribution strategy of the run.
        value: value with one part per replica.
        axis: axis along which the parts are joined.
    """
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return _gathering(strategy, axis)(value)
    # All replicas belong to this process, so no collective operation is needed.
    return tf.concat(strategy.experimental_local_results(value), axis=axis)


# Cached, because TensorFlow would make a new graph for each call.
@functools.cache
def _gathering(strategy: tf.distribute.Strategy, axis: int) -> Callable[[Any], tf.Tensor]:
    @tf.function
    def gathered(value: Any) -> tf.Tensor:
        if strategy.experimental_local_results(value)[0].dtype != tf.bfloat16:
            return strategy.gather(value, axis=axis)
        # The collective operation does not take bfloat16, but any other type of two bytes.
        bits = strategy.run(lambda part: tf.bitcast(part, tf.float16), args=(value,))
        return tf.bitcast(strategy.gather(bits, axis=axis), tf.bfloat16)

    return gathered


def uses_xla(config: TrainingConfig, strategy: tf.distribute.Strategy) -> bool:
    """Whether steps are compiled with XLA."""
    if config.jit_compile != "auto":
        return config.jit_compile
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return on_gpu or isinstance(strategy, tf.distribute.TPUStrategy)


def read_cluster(text: str) -> Cluster:
    """Parses the value of TF_CONFIG.

    Raises:
        DeviceError: if it is malformed or gives this process a task that has no part in training.
    """
    try:
        content: Any = json.loads(text)
        workers, task = content["cluster"], content["task"]
        addresses = [*workers.get("chief", []), *workers.get("worker", [])]
        kind, index = task["type"], int(task["index"])
        number = len(workers.get(kind, []))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeviceError(
            f"{_TF_CONFIG} is {text!r}; it should be a JSON object such as "
            '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}} '
            f"({type(error).__name__}: {error})."
        ) from error
    if kind not in ("chief", "worker") or not 0 <= index < number:
        raise DeviceError(
            f"{_TF_CONFIG} gives this process the task {kind} {index}, which is none of the "
            f"cluster's chief and workers {addresses}. Evaluators and parameter servers have no "
            "part in this training."
        )
    return Cluster(tuple(addresses), index + (len(workers.get("chief", [])) * (kind == "worker")))


def _mirror() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy([device.name for device in gpus])
    cpus = tf.config.list_logical_devices("CPU")
    # Between CPUs of one process, collective operations gain nothing, and their keys clash if the
    # process trains more than once.
    return tf.distribute.MirroredStrategy(
        [device.name for device in cpus],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


# Cached, because a process can join only once, however many trainings it runs.
@functools.cache
def _join_workers() -> tf.distribute.Strategy:
    text = os.environ.get(_TF_CONFIG)
    if not text:
        raise DeviceError(
            f"training.strategy is 'multi_worker', but {_TF_CONFIG} is not set. Vertex AI and "
            "Kubeflow's training operator set it on each worker; elsewhere set it by hand."
        )
    cluster = read_cluster(text)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise DeviceError(
            f"The {len(cluster.addresses)} workers {list(cluster.addresses)} did not come "
            f"together: {error}"
        ) from error


@functools.cache
def _connect_to_tpu(tpu: str, zone: str | None, project: str | None) -> tf.distribute.Strategy:
    # TensorFlow finds the workers itself, whether the name is that of a single host or of a slice.
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(
            tpu, zone=zone, project=project
        )
    # TypeError comes from a bug in TensorFlow 2.16 builds without TPU support.
    except (ValueError, RuntimeError, TypeError, tf.errors.OpError, OSError) as error:
        raise DeviceError(
            f"No TPU could be reached as {tpu!r}: {error}. On a TPU VM set training.tpu to "
            "'local' and install tensorflow-tpu; elsewhere, and on the VMs of a pod slice, give "
            "the TPU's name, with training.tpu_zone and training.tpu_project."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
