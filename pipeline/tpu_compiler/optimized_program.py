"""Reads the cycles that the TPU's compiler estimates out of the program that it wrote."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re

# "ENTRY %main.12_spmd (…) -> … {"
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) .*\{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?[\w.\-]+ = ")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_PLACE = re.compile(r'op_name="([^"]*)"')
# Loops and calls lead to computations whose cycles stand there; a fusion's stand on itself.
_BODY = re.compile(r" (?:while|call)\(.*?(?:body|to_apply)=%?([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
# What tells layers and TensorFlow's copies of an operation apart.
_LAYER, _NUMBER = re.compile(r"layer_\d+"), re.compile(r"_\d+(?=[/;]|$)")
_UNNAMED = "(no name)"


@dataclasses.dataclass(frozen=True)
class OptimizedProgram:
    """What an optimized program spends its time on.

    Attributes:
        instructions: number of instructions, including those inside fusions.
        cycles: estimated cycles of one run, a lower bound: copies in the background, collectives
            and what the compiler gives no estimate for are not counted.
        loops: number of loops that the program enters; those whose number of rounds the compiler
            does not know are counted as one round.
        places: cycles by name of the operation in the model, those of all layers added up, the
            most expensive first.
    """

    instructions: int
    cycles: int
    loops: int
    places: tuple[tuple[str, int], ...]


def read(path: pathlib.Path) -> OptimizedProgram:
    """Reads an optimized program in text form."""
    places: dict[str, collections.Counter[str]] = {}
    bodies: dict[str, list[tuple[str, int]]] = {}
    name = entry = ""
    instructions = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith(" "):
                if opened := _COMPUTATION.match(line):
                    name = opened[2]
                    entry = name if opened[1] else entry
                    places[name], bodies[name] = collections.Counter(), []
            elif _INSTRUCTION.match(line):
                instructions += 1
                if cycles := _CYCLES.search(line):
                    place = _PLACE.search(line)
                    places[name][_generic(place[1]) if place else _UNNAMED] += int(cycles[1])
                if body := _BODY.search(line):
                    trips = _TRIPS.search(line)
                    bodies[name].append((body[1], int(trips[1]) if trips else 1))
    found: collections.Counter[str] = collections.Counter()
    loops = 0
    waiting = [(entry, 1)]
    while waiting:
        name, rounds = waiting.pop()
        for place, cycles in places.get(name, {}).items():
            found[place] += rounds * cycles
        for body, trips in bodies.get(name, ()):
            loops += 1
            waiting.append((body, rounds * trips))
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return OptimizedProgram(instructions, sum(found.values()), loops, tuple(ordered))


def _generic(name: str) -> str:
    return _NUMBER.sub("", _LAYER.sub("layer_*", name))
