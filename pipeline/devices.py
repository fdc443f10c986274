"""The devices that `xlnet-pipeline estimate` and `preflight` know, one replica on each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.accelerator_peaks import PEAK_FLOPS

_GIB = 1 << 30
# How far an estimate may lie below what a program turns out to need.
_MARGIN = 1.1


@dataclasses.dataclass(frozen=True)
class Device:
    """A device on which a replica can run.

    Attributes:
        description: name and memory of the device, to be shown to users.
        memory_bytes: memory available to one replica.
        allowed_bytes: what of it one program may take.
        peak_flops: peak operations per second in bfloat16; 0 where no command uses it.
        clock_hz: cycles per second; 0 where no command uses them.
    """

    description: str
    memory_bytes: int
    allowed_bytes: int
    peak_flops: float = 0.0
    clock_hz: float = 0.0

    @property
    def usable_bytes(self) -> int:
        """The largest estimate with which a program still fits for sure."""
        return int(self.allowed_bytes / _MARGIN)


def _tpu(name: str, gib: int, allowed: float, peak_flops: float, clock_hz: float) -> Device:
    description = f"TPU {name}, {gib} GiB"
    return Device(description, gib * _GIB, round(allowed * _GIB), peak_flops, clock_hz)


def _gpu(gib: int, examples: str) -> Device:
    return Device(f"GPU with {gib} GiB ({examples})", gib * _GIB, gib * _GIB)


# Sizes of TPUs are from cloud.google.com/tpu/docs/system-architecture. A replica is a core on v2
# and v3, and a chip from v4 on. What one program may take is what the compiler of libtpu 0.0.52
# names when a program does not fit. The clock is the peak divided by the operations that the matrix
# units finish in a cycle: 2 × 128² each, of which there are 1, 2, 8, 4 and 8, and 2 × 256² of 4.
# With it, the compiler's cycles for a product of matrices of 8,192 make 0.88 to 1.00 of the peak,
# and 0.70 on v6e.
DEVICES: Mapping[str, Device] = {
    "v2": _tpu("v2 core", 8, 7.48, PEAK_FLOPS["v2"], 0.7e9),
    "v3": _tpu("v3 core", 16, 15.48, PEAK_FLOPS["v3"], 0.94e9),
    "v4": _tpu("v4 chip", 32, 30.75, PEAK_FLOPS["v4"], 1.05e9),
    "v5e": _tpu("v5e chip", 16, 15.75, PEAK_FLOPS["v5litepod"], 1.5e9),
    "v5p": _tpu("v5p chip", 96, 95.73, PEAK_FLOPS["v5p"], 1.75e9),
    "v6e": _tpu("v6e chip", 32, 31.24, PEAK_FLOPS["v6e"], 1.75e9),
    "gpu16": _gpu(16, "T4, V100"),
    "gpu24": _gpu(24, "L4, A10"),
    "gpu80": _gpu(80, "A100, H100"),
}
