"""Which region has which accelerator, so that a job is not sent where it would wait for ever.

TPUs: https://cloud.google.com/tpu/docs/regions-zones, GPUs:
https://cloud.google.com/compute/docs/gpus/gpu-regions-zones, as of November 2026. Hardware moves:
`deployment.check_accelerators: false` takes the operator's word instead.
"""

from __future__ import annotations

from collections.abc import Mapping

# Vertex's names of accelerators. Absent ones are not checked.
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
# TPU v5e goes by the machine's name; the others by an accelerator beside a machine.
_V5E_MACHINE_PREFIX = "ct5lp-"


class AcceleratorError(ValueError):
    """A region that does not have the accelerator."""


def of_machine(machine_type: str, accelerator: str | None) -> str | None:
    """The name under which the accelerator of a worker is listed; None for none."""
    if machine_type.startswith(_V5E_MACHINE_PREFIX):
        return "TPU_V5_LITEPOD"
    return accelerator


def check(accelerator: str, region: str, *, where: str) -> None:
    """Looks an accelerator up in a region.

    Raises:
        AcceleratorError: naming the regions that have it.
    """
    regions = REGIONS.get(accelerator)
    if regions is not None and region not in regions:
        raise AcceleratorError(
            f"{where} asks for {accelerator}, which {region} does not have. It is in "
            f"{', '.join(sorted(regions))}. If that has changed, set "
            "deployment.check_accelerators to false."
        )
