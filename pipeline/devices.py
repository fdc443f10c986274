"""Devices that a training step may have to fit on, by the memory that one replica has there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

_GIB = 1 << 30
# What is left for the compiler's temporary buffers, the runtime and fragmentation.
_USABLE_SHARE = 0.9


@dataclasses.dataclass(frozen=True)
class Device:
    """Where a replica runs.

    Attributes:
        description: for people.
        memory_bytes: of one replica.
    """

    description: str
    memory_bytes: int

    @property
    def usable_bytes(self) -> int:
        """Nine tenths of the memory; the rest is the compiler's and the runtime's."""
        return int(_USABLE_SHARE * self.memory_bytes)


# Source of the TPUs' sizes: cloud.google.com/tpu/docs/system-architecture. A replica is a core on
# v2 and v3, a chip from v4 on.
DEVICES: Mapping[str, Device] = {
    "v2": Device("TPU v2 core, 8 GiB", 8 * _GIB),
    "v3": Device("TPU v3 core, 16 GiB", 16 * _GIB),
    "v4": Device("TPU v4 chip, 32 GiB", 32 * _GIB),
    "v5e": Device("TPU v5e chip, 16 GiB", 16 * _GIB),
    "gpu16": Device("GPU with 16 GiB (T4, V100)", 16 * _GIB),
    "gpu24": Device("GPU with 24 GiB (L4, A10)", 24 * _GIB),
    "gpu80": Device("GPU with 80 GiB (A100, H100)", 80 * _GIB),
}
