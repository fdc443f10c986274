"""The distribution strategy behind one typed setting."""

from __future__ import annotations

import tensorflow as tf

from components.trainer.config import TrainingConfig


class DeviceError(RuntimeError):
    """The configured devices are not there, or do not fit the batch."""


def make_strategy(config: TrainingConfig) -> tf.distribute.Strategy:
    """Connects to the devices of a run.

    Raises:
        DeviceError: if they are not there, or a batch size does not divide among them.
    """
    if config.strategy == "cpu":
        strategy = tf.distribute.get_strategy()
    elif config.strategy == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = _connect_to_tpu(config.tpu)
    replicas = strategy.num_replicas_in_sync
    for name in ("batch_size", "eval_batch_size"):
        size = getattr(config, name)
        if size % replicas:
            below = size // replicas * replicas
            legal = f"{below} or {below + replicas}" if below else f"{replicas}"
            raise DeviceError(
                f"training.{name} is {size}, which {replicas} replicas cannot share evenly. "
                f"The nearest legal sizes are {legal}."
            )
    return strategy


def uses_xla(config: TrainingConfig, strategy: tf.distribute.Strategy) -> bool:
    """Whether steps are compiled with XLA."""
    if config.jit_compile != "auto":
        return config.jit_compile
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return on_gpu or isinstance(strategy, tf.distribute.TPUStrategy)


def _connect_to_tpu(address: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(address)
    except (ValueError, tf.errors.OpError, OSError) as error:
        raise DeviceError(
            f"No TPU could be reached as {address!r}: {error}. On a TPU VM set training.tpu to "
            "'local' and install tensorflow-tpu; elsewhere give the TPU's name."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
