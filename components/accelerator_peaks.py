"""Peak operations per second of accelerators.

It needs nothing but Python, because measurements elsewhere take it along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Operations per second of one replica in bfloat16, or in float16 where there is no bfloat16,
# without sparsity. Sources: cloud.google.com/tpu/docs/system-architecture-tpu-vm, which gives
# numbers per chip (on v2 and v3 a replica is a core, that is, half a chip), and NVIDIA's data
# sheets.
PEAK_FLOPS: Mapping[str, float] = {
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
    "H200": 989e12,
}


def of_name(device_name: str) -> float | None:
    """Returns the peak of a GPU by the name that its driver gives, "NVIDIA A100-SXM4-40GB"."""
    words = re.split(r"[\s-]+", device_name)
    return next((PEAK_FLOPS[word] for word in words if word in PEAK_FLOPS), None)
