"""How much of the hardware a run uses: model FLOPs utilisation, and memory."""

from __future__ import annotations

import os
import re
import resource
import sys

import tensorflow as tf

from components.trainer.config import TrainingConfig

# Most operations per second of a replica in bfloat16 (float16 where there is no bfloat16), without
# sparsity. Sources: cloud.google.com/tpu/docs/system-architecture-tpu-vm (per chip; a replica is a
# core, half a chip, on v2 and v3) and NVIDIA's data sheets.
_PEAK_FLOPS = {
    "v2": 22.5e12,
    "v3": 61.5e12,
    "v4": 275e12,
    "v5litepod": 197e12,
    "v5p": 459e12,
    "v6e": 918e12,
    "T4": 65e12,
    "V100": 125e12,
    "L4": 121e12,
    "A10": 125e12,
    "A100": 312e12,
    "H100": 989e12,
}
# Set on TPU VMs, to "v3-8", "v5litepod-16", ….
_TPU_TYPE = "TPU_ACCELERATOR_TYPE"


def peak_flops(config: TrainingConfig) -> float | None:
    """Most operations per second of one replica.

    As configured, or of a known TPU or GPU; None where that is not known.
    """
    if config.peak_flops is not None:
        return config.peak_flops
    if config.strategy == "tpu":
        return _PEAK_FLOPS.get(os.environ.get(_TPU_TYPE, "").partition("-")[0])
    for device in tf.config.list_physical_devices("GPU"):
        name = tf.config.experimental.get_device_details(device).get("device_name", "")
        words = re.split(r"[\s-]+", name)
        return next((_PEAK_FLOPS[word] for word in words if word in _PEAK_FLOPS), None)
    return None


def memory_bytes() -> int:
    """Most memory that was taken so far: of the first GPU, or of this process where there is none.

    What lies on a TPU is not known to TensorFlow's public interface; there it is the host's.
    """
    if tf.config.list_logical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
