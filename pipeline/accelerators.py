"""Which Google Cloud regions have which accelerators.

A job that asks for an accelerator in a region without it would wait forever, so this is checked
before anything is submitted. The lists are from
https://cloud.google.com/tpu/docs/regions-zones (TPUs) and
https://cloud.google.com/compute/docs/gpus/gpu-regions-zones (GPUs), as of November 2026. When they
go out of date, `deployment.check_accelerators: false` turns the check off.
"""

from __future__ import annotations

from collections.abc import Mapping

# Regions by Vertex's name of the accelerator. Accelerators that are not listed are not checked.
REGIONS: Mapping[str, tuple[str, ...]] = {
    "TPU_V2": ("us-central1", "europe-west4", "asia-east1"),
    "TPU_V3": ("us-central1", "europe-west4"),
    "TPU_V5_LITEPOD": (
        "us-central1",
        "us-east5",
        "us-south1",
        "us-west1",
        "us-west4",
        "europe-west4",
        "asia-southeast1",
    ),
    "NVIDIA_TESLA_T4": (
        "us-central1",
        "us-east1",
        "us-east4",
        "us-west1",
        "us-west2",
        "us-west4",
        "northamerica-northeast1",
        "southamerica-east1",
        "europe-west1",
        "europe-west2",
        "europe-west3",
        "europe-west4",
        "europe-central2",
        "asia-east1",
        "asia-east2",
        "asia-northeast1",
        "asia-northeast3",
        "asia-south1",
        "asia-southeast1",
        "asia-southeast2",
        "australia-southeast1",
        "me-west1",
    ),
    "NVIDIA_TESLA_V100": ("us-central1", "us-east1", "us-west1", "europe-west4", "asia-east1"),
    "NVIDIA_L4": (
        "us-central1",
        "us-east1",
        "us-east4",
        "us-west1",
        "us-west4",
        "northamerica-northeast2",
        "europe-west1",
        "europe-west2",
        "europe-west3",
        "europe-west4",
        "europe-west6",
        "asia-east1",
        "asia-northeast1",
        "asia-northeast3",
        "asia-south1",
        "asia-southeast1",
        "me-central2",
    ),
    "NVIDIA_TESLA_A100": (
        "us-central1",
        "us-east1",
        "us-west1",
        "us-west3",
        "us-west4",
        "europe-west4",
        "asia-northeast1",
        "asia-northeast3",
        "asia-southeast1",
        "me-west1",
    ),
}
# TPU v5e is part of the machine type; all others are requested in addition to a machine type.
_V5E_MACHINE_PREFIX = "ct5lp-"


class AcceleratorError(ValueError):
    """Raised if a region does not have the accelerator that is asked for."""


def of_machine(machine_type: str, accelerator: str | None) -> str | None:
    """Returns the key in `REGIONS` for a worker's accelerator, or None if it has no accelerator."""
    if machine_type.startswith(_V5E_MACHINE_PREFIX):
        return "TPU_V5_LITEPOD"
    return accelerator


def check(accelerator: str, region: str, *, where: str) -> None:
    """Checks that a region has an accelerator.

    Args:
        accelerator: Vertex's name of the accelerator.
        region: name of the region, such as "us-central1".
        where: the setting that asks for the accelerator, for the message.

    Raises:
        AcceleratorError: if the region does not have it; the message names the regions that do.
    """
    regions = REGIONS.get(accelerator)
    if regions is not None and region not in regions:
        raise AcceleratorError(
            f"{where} asks for {accelerator}, which {region} does not have. It is in "
            f"{', '.join(sorted(regions))}. If that has changed, set "
            "deployment.check_accelerators to false."
        )
