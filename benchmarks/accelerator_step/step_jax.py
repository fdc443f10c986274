"""Runs the carried program through JAX, on its first device."""

from __future__ import annotations

import json

import jax
import numpy as np
from cases import Case, make_inputs
from jax._src.interpreters import mlir
from jax._src.lib import xla_client
from stablehlo import to_stablehlo
from timing import report

# Names of the Trainer's features whose values the case has under another name.
_NAMES = {"input_k": "input_ids", "seg_id": "segment_ids"}


def run(hlo: bytes, about: dict, steps: int) -> None:
    """Compiles the program, makes values for its parameters, and times it.

    Args:
        hlo: a serialized HloModuleProto.
        about: case, parameters and results of the program, as `pack` wrote them.
        steps: number of steps in each round.
    """
    # The number of the update is int64.
    jax.config.update("jax_enable_x64", True)
    device = jax.devices()[0]
    options = xla_client.CompileOptions()
    options.device_assignment = xla_client.DeviceAssignment.create(np.array([[device.id]]))
    with mlir.make_ir_context():
        module, aliases = to_stablehlo(hlo)
        executable = device.client.compile_and_load(
            module, xla_client.DeviceList((device,)), options
        )
    values = [jax.device_put(value, device) for value in initial_values(about)]
    parameters, results = about["parameters"], about["results"]
    # The state comes back among the first results, by its name; the variables in their places.
    places = dict(aliases)
    for number, one in enumerate(parameters):
        if one["role"] == "state":
            places[number] = results.index(one["name"])
    loss = results.index("loss")

    def step() -> jax.Array:
        outputs = executable.execute_sharded(values).disassemble_into_single_device_arrays()
        for number, result in places.items():
            (values[number],) = outputs[result]
        return outputs[loss][0]

    report("ours, JAX", device.device_kind, step, float, steps)
    print(json.dumps({"updates": int(values[_iterations(parameters)])}))


def initial_values(about: dict) -> list[np.ndarray]:
    """Makes the values that the parameters start with: the case's inputs, and random weights."""
    rng = np.random.default_rng(0)
    inputs = make_inputs(Case(**about["case"]))
    values = []
    for one in about["parameters"]:
        shape, dtype = tuple(one["shape"]), jax.numpy.dtype(one["dtype"])
        name = _NAMES.get(one["name"], one["name"])
        if one["role"] == "feature" and name in inputs:
            value = inputs[name]
        elif one["role"] == "feature":
            # Of the features that no case has, only this one weighs the loss.
            value = np.full(shape, name == "is_real_example")
        elif one["deviation"]:
            value = one["mean"] + one["deviation"] * rng.standard_normal(shape, np.float32)
        else:
            value = np.full(shape, one["mean"])
        values.append(np.asarray(value).astype(dtype).reshape(shape))
    return values


def _iterations(parameters: list[dict]) -> int:
    (number,) = (n for n, one in enumerate(parameters) if one["name"].startswith("iteration"))
    return number
