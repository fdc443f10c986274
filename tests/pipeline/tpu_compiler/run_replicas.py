"""Runs exported updates on JAX's CPU devices: run_replicas.py OUTSIDE FOLDER NUMBER….

OUTSIDE is the folder with stablehlo.py. For each NUMBER of replicas it reads NUMBER.hlo and
NUMBER.json in FOLDER, and makes one update of the same rows from the same weights. It writes the
results and the new variables as NUMBER.npz, those of each replica along the first axis.
"""

import json
import pathlib
import sys
import zlib

sys.path.insert(0, sys.argv[1])

import jax
import numpy as np
from jax._src.interpreters import mlir
from jax._src.lib import xla_client
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from stablehlo import to_stablehlo

ROWS = 8


def value_of(parameter: dict, rows: slice) -> np.ndarray:
    """The same for all numbers of replicas: drawn by the parameter's name, for all rows at once."""
    shape, role = parameter["shape"], parameter["role"]
    rng = np.random.default_rng(zlib.crc32(parameter["name"].encode()))
    if role == "feature":
        shape = [ROWS, *shape[1:]]
    # Three labels and more pieces than that: both take the same small numbers.
    if parameter["name"] in ("input_ids", "label_ids"):
        value = rng.integers(0, 3, shape)
    elif role == "feature":
        value = np.full(shape, parameter["name"] == "is_real_example")
    else:
        value = parameter["mean"] + parameter["deviation"] * rng.standard_normal(shape)
    value = np.asarray(value).astype(parameter["dtype"])
    return value[rows] if role == "feature" else value


def run(folder: pathlib.Path, number: int) -> None:
    about = json.loads((folder / f"{number}.json").read_text())
    devices = jax.devices()[:number]
    options = xla_client.CompileOptions()
    options.num_replicas = number
    options.device_assignment = xla_client.DeviceAssignment.create(
        np.array([[device.id] for device in devices])
    )
    with mlir.make_ir_context():
        module, aliases = to_stablehlo((folder / f"{number}.hlo").read_bytes())
        executable = devices[0].client.compile_and_load(
            module, xla_client.DeviceList(tuple(devices)), options
        )
    mesh = Mesh(np.array(devices), ("replica",))
    share = ROWS // number
    arguments = []
    for parameter in about["parameters"]:
        parts = [
            jax.device_put(value_of(parameter, slice(i * share, (i + 1) * share)), device)
            for i, device in enumerate(devices)
        ]
        # JAX needs a name for what lies where; the program gets the parts as they are.
        shape = parts[0].shape
        spec = PartitionSpec("replica") if shape else PartitionSpec()
        whole = (number * shape[0], *shape[1:]) if shape else ()
        arguments.append(
            jax.make_array_from_single_device_arrays(whole, NamedSharding(mesh, spec), parts)
        )
    outputs = executable.execute_sharded(arguments).disassemble_into_single_device_arrays()
    names = dict(enumerate(about["results"]))
    names |= {result: about["parameters"][place]["name"] for place, result in aliases.items()}
    np.savez(
        folder / f"{number}.npz",
        **{
            name.replace("/", "|"): np.stack([np.asarray(part) for part in outputs[result]])
            for result, name in names.items()
        },
    )


jax.config.update("jax_enable_x64", True)
for argument in sys.argv[3:]:
    run(pathlib.Path(sys.argv[2]), int(argument))
