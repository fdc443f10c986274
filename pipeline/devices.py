"""The devices that `xlnet-pipeline estimate` knows, with the memory of one replica on each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

_GIB = 1 << 30
# The rest is left for the compiler's temporary buffers, the runtime and fragmentation.
_USABLE_SHARE = 0.9


@dataclasses.dataclass(frozen=True)
class Device:
    """A device on which a replica can run.

    Attributes:
        description: name and memory of the device, to be shown to users.
        memory_bytes: memory available to one replica.
    """

    description: str
    memory_bytes: int

    @property
    def usable_bytes(self) -> int:
        """Nine tenths of the memory; the compiler and the runtime need the rest."""
        return int(_USABLE_SHARE * self.memory_bytes)


# The sizes of TPUs are from cloud.google.com/tpu/docs/system-architecture. A replica is a core on
# v2 and v3, and a chip from v4 on.
DEVICES: Mapping[str, Device] = {
    "v2": Device("TPU v2 core, 8 GiB", 8 * _GIB),
    "v3": Device("TPU v3 core, 16 GiB", 16 * _GIB),
    "v4": Device("TPU v4 chip, 32 GiB", 32 * _GIB),
    "v5e": Device("TPU v5e chip, 16 GiB", 16 * _GIB),
    "gpu16": Device("GPU with 16 GiB (T4, V100)", 16 * _GIB),
    "gpu24": Device("GPU with 24 GiB (L4, A10)", 24 * _GIB),
    "gpu80": Device("GPU with 80 GiB (A100, H100)", 80 * _GIB),
}
