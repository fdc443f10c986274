"""The TPU slices for which programs can be compiled, by the names that users give them."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Mapping

from pipeline.devices import DEVICES, Device

_NAME = re.compile(r"([^:]+)(?::(.*))?")
_EXTENTS = re.compile(r"[1-9]\d{0,3}(x[1-9]\d{0,3}){1,2}")


class TopologyError(ValueError):
    """A device or topology that does not exist, or that has another number of replicas."""


@dataclasses.dataclass(frozen=True)
class Generation:
    """A generation of TPUs.

    Attributes:
        replicas_per_chip: number of replicas that run on a chip: one on each core of v2 and v3,
            whose cores have memories of their own, and one on a chip of all others.
        slices: extents of the slices that are for rent, the smallest first.
        options: further options for the compiler's description of a slice.
    """

    replicas_per_chip: int
    slices: tuple[str, ...]
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)


_FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBES = ("1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8", "8x8x8")
# From cloud.google.com/tpu/docs, "TPU architecture". v2 and v3 are named there by their cores.
GENERATIONS: Mapping[str, Generation] = {
    "v2": Generation(2, _FLAT),
    "v3": Generation(2, (*_FLAT, "16x32", "32x32")),
    # The two cores of a chip share its memory and work as one, if libtpu is told so.
    "v4": Generation(1, _CUBES, {"chip_config_name": "megacore"}),
    "v5e": Generation(1, _FLAT),
    "v5p": Generation(1, _CUBES),
    "v6e": Generation(1, _FLAT),
}


@dataclasses.dataclass(frozen=True)
class Target:
    """What a program is compiled for.

    Attributes:
        device: name of the device, a key of `DEVICES` and `GENERATIONS`.
        extents: number of chips along each axis of the slice, such as "2x4".
        replicas: number of replicas that run the program.
    """

    device: str
    extents: str
    replicas: int

    @property
    def topology(self) -> str:
        """Name of the slice, such as "v5e:2x4"."""
        return f"{self.device}:{self.extents}"

    @property
    def properties(self) -> Device:
        """Memory, clock and peak of the device."""
        return DEVICES[self.device]


def parse(name: str, replicas: int | None = None) -> Target:
    """Finds a slice by its name, "v5e:2x4", or by that of the device and the number of replicas.

    A single replica is compiled for one device, without its neighbours.

    Args:
        name: device, with or without the extents of a slice.
        replicas: number of replicas; None takes one, or with extents as many as the slice runs.

    Raises:
        TopologyError: if there is no such device or slice; the message lists what there is.
    """
    device, extents = _NAME.fullmatch(name or " ").groups()
    if device not in GENERATIONS:
        raise TopologyError(
            f"The device {device!r} is unknown to the TPU's compiler; known are "
            f"{', '.join(GENERATIONS)}.{_did_you_mean(device, GENERATIONS)}"
        )
    generation = GENERATIONS[device]
    by_replicas = {
        math.prod(map(int, slice_.split("x"))) * generation.replicas_per_chip: slice_
        for slice_ in generation.slices
    }
    if extents is None:
        if replicas in (None, 1):
            return Target(device, generation.slices[0], 1)
        if replicas not in by_replicas:
            raise TopologyError(
                f"No slice of {device} runs {replicas} replicas; there are slices of "
                f"{', '.join(map(str, sorted({1, *by_replicas})))}. Set --replicas to one of these."
            )
        return Target(device, by_replicas[replicas], replicas)
    axes = generation.slices[0].count("x") + 1
    # "2x4x1" is the flat slice "2x4".
    plain = extents.removesuffix("x1") if axes == 2 and extents.count("x") == 2 else extents
    if not _EXTENTS.fullmatch(extents) or plain not in generation.slices:
        raise TopologyError(
            f"{name!r} is no slice of {device}; there are "
            f"{', '.join(f'{device}:{one}' for one in generation.slices)}."
            f"{_did_you_mean(name, [f'{device}:{one}' for one in generation.slices])}"
        )
    runs = math.prod(map(int, plain.split("x"))) * generation.replicas_per_chip
    if replicas not in (None, runs):
        raise TopologyError(
            f"{device}:{plain} runs {runs} replicas, not {replicas}; leave --replicas out, or name "
            "the device alone to have a slice chosen."
        )
    return Target(device, plain, runs)


def _did_you_mean(name: str, known: list[str] | Mapping[str, Generation]) -> str:
    # Google's own names of two of them have other prefixes.
    common = {"v5litepod": "v5e", "v5lite": "v5e", "v5": "v5p", "v6": "v6e", "v6lite": "v6e"}
    close = [common[name]] if name in common else difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
