"""How much of the hardware a run uses: peak operations per second, and memory."""

from __future__ import annotations

import os
import resource
import sys

import tensorflow as tf

from components import accelerator_peaks
from components.trainer.config import TrainingConfig

# Environment variable that is set on TPU VMs, to "v3-8", "v5litepod-16", ….
_TPU_TYPE = "TPU_ACCELERATOR_TYPE"


def peak_flops(config: TrainingConfig) -> float | None:
    """Returns the peak operations per second of one replica.

    This is the configured value, or else that of a known TPU or GPU, or else None.
    """
    if config.peak_flops is not None:
        return config.peak_flops
    if config.strategy == "tpu":
        return accelerator_peaks.PEAK_FLOPS.get(os.environ.get(_TPU_TYPE, "").partition("-")[0])
    for device in tf.config.list_physical_devices("GPU"):
        name = tf.config.experimental.get_device_details(device).get("device_name", "")
        return accelerator_peaks.of_name(name)
    return None


def memory_bytes() -> int:
    """Returns the peak memory so far, in bytes, of the first GPU or else of this process.

    TensorFlow's public interface does not report the memory of a TPU; there, it is this process's
    memory on the host as well.
    """
    if tf.config.list_logical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
