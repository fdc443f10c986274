"""The distribution strategy behind one typed setting."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from typing import Any

import tensorflow as tf

from components.trainer.config import TrainingConfig

# What Vertex AI, Kubeflow's training operator and TensorFlow itself describe a cluster in.
_TF_CONFIG = "TF_CONFIG"


class DeviceError(RuntimeError):
    """The configured devices are not there, or do not fit the batch."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """What TF_CONFIG says of the workers that train together.

    Attributes:
        addresses: "host:port" of all of them, the chief first.
        place: of this process among them; the one at 0 writes.
    """

    addresses: tuple[str, ...]
    place: int


def make_strategy(config: TrainingConfig) -> tf.distribute.Strategy:
    """Connects to the devices of a run; "multi_worker" needs that before any other operation.

    Raises:
        DeviceError: if they are not there, or a batch size does not divide among them.
    """
    if config.strategy == "one_device":
        strategy = tf.distribute.get_strategy()
    elif config.strategy == "mirrored":
        strategy = _mirror()
    elif config.strategy == "multi_worker":
        strategy = _join_workers()
    else:
        strategy = _connect_to_tpu(config.tpu, config.tpu_zone, config.tpu_project)
    check_batch_sizes(config, strategy.num_replicas_in_sync)
    return strategy


def check_batch_sizes(config: TrainingConfig, replicas: int) -> None:
    """Raises a DeviceError that names the nearest legal sizes if batches cannot be shared out.

    Args:
        config: of the run.
        replicas: of all hosts together.
    """
    shares = {"batch_size": replicas * config.gradient_accumulation, "eval_batch_size": replicas}
    for name, parts in shares.items():
        size = getattr(config, name)
        if size % parts == 0:
            continue
        below = size // parts * parts
        legal = f"{below} or {below + parts}" if below else f"{parts}"
        times = f" in {config.gradient_accumulation} micro-batches" if parts > replicas else ""
        raise DeviceError(
            f"training.{name} is {size}, which {replicas} replicas{times} cannot share evenly. "
            f"The nearest legal sizes are {legal}."
        )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes what a run leaves behind; there is one."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
        return True
    return read_cluster(os.environ[_TF_CONFIG]).place == 0


def is_remote(config: TrainingConfig) -> bool:
    """Whether the loop runs on machines that see nothing of this process's memory."""
    return config.strategy == "tpu" and config.tpu != "local"


def gather(strategy: tf.distribute.Strategy, value: Any, *, axis: int) -> tf.Tensor:
    """The replicas' values of all hosts, joined along an axis; all hosts must call it together."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return strategy.gather(value, axis=axis)
    # All replicas are this process's own, and need no collective operation.
    return tf.concat(strategy.experimental_local_results(value), axis=axis)


def uses_xla(config: TrainingConfig, strategy: tf.distribute.Strategy) -> bool:
    """Whether steps are compiled with XLA."""
    if config.jit_compile != "auto":
        return config.jit_compile
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return on_gpu or isinstance(strategy, tf.distribute.TPUStrategy)


def read_cluster(text: str) -> Cluster:
    """Reads the value of TF_CONFIG.

    Raises:
        DeviceError: saying what it lacks.
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
    # Among CPUs of one process nothing is gained by collective operations, and their keys clash
    # where a process trains more than once.
    return tf.distribute.MirroredStrategy(
        [device.name for device in cpus],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


# A process joins once, however many trainings it makes.
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
    # Whether the name is that of one host or of a slice of many, TensorFlow finds its workers.
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(
            tpu, zone=zone, project=project
        )
    # TypeError: TensorFlow 2.16's own mistake where it was built without TPUs.
    except (ValueError, RuntimeError, TypeError, tf.errors.OpError, OSError) as error:
        raise DeviceError(
            f"No TPU could be reached as {tpu!r}: {error}. On a TPU VM set training.tpu to "
            "'local' and install tensorflow-tpu; elsewhere, and on the VMs of a pod slice, give "
            "the TPU's name, with training.tpu_zone and training.tpu_project."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
