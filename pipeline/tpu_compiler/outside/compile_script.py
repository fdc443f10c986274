"""Compiles an XLA program for a TPU with libtpu: compile_script.py REQUEST ANSWER.

This runs in the environment of `make preflight-tools`, which has JAX and libtpu and neither
TensorFlow nor this project. Both files are JSON; `compiler.py` above it writes the one and reads
the other. The exit status is 0 whenever there is an answer, even if the program was refused.

JAX's interface for ahead-of-time compilation takes functions of JAX. For programs from elsewhere
there are only its private modules, which is why the versions are pinned.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

# No TPU is here to be asked what it is.
os.environ.update(
    JAX_PLATFORMS="cpu",
    TPU_SKIP_MDS_QUERY="1",
    TPU_WORKER_HOSTNAMES="localhost",
    TPU_ACCELERATOR_TYPE="",
    # libtpu has a lock file for the whole machine, for the sake of a TPU that is not used here.
    ALLOW_MULTIPLE_LIBTPU_LOAD="1",
)

import jax
import libtpu
import numpy as np
from jax._src.interpreters import mlir
from jax._src.lib import _jax, xla_client
from jax.experimental import topologies
from stablehlo import to_stablehlo


def main() -> None:
    """Answers one request."""
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    answer = compile_program(**request)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answer, file)


def compile_program(
    *, program: str, topology: str, options: dict[str, str], replicas: int, text: str
) -> dict[str, Any]:
    """Compiles a program.

    Args:
        program: path of a serialized HloModuleProto.
        topology: name of a topology, such as "v5e:2x4".
        options: further options of the topology.
        replicas: number of devices that run the program.
        text: path to which the optimized program is written.

    Returns:
        Plain values: either "refused", what the compiler said, or "memory" and "cost". "seconds"
        and "cpu_seconds" are of the compiler alone.
    """
    with open(program, "rb") as file:
        serialized = file.read()
    described = topologies.get_topology_desc(platform="tpu", topology_name=topology, **options)
    devices = described.devices[:replicas]
    compile_options = xla_client.CompileOptions()
    compile_options.num_replicas = replicas
    compile_options.num_partitions = 1
    compile_options.device_assignment = xla_client.DeviceAssignment.create(
        np.array([[device.id] for device in devices])
    )
    answer: dict[str, Any] = {"libtpu": libtpu.__version__, "jax": jax.__version__}
    with mlir.make_ir_context():
        module, _ = to_stablehlo(serialized)
        del serialized
        started, cpu_started = time.monotonic(), time.process_time()
        try:
            executable = devices[0].client.compile(
                module, xla_client.DeviceList(tuple(devices)), compile_options
            )
        except _jax.JaxRuntimeError as error:
            answer["refused"] = str(error)
    answer["seconds"] = time.monotonic() - started
    answer["cpu_seconds"] = time.process_time() - cpu_started
    # Linux counts in KiB.
    answer["host_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if "refused" in answer:
        return answer
    memory = executable.get_compiled_memory_stats()
    answer["memory"] = {
        "arguments": memory.argument_size_in_bytes,
        "results": memory.output_size_in_bytes - memory.alias_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "code": memory.generated_code_size_in_bytes,
    }
    # What a program has none of is left out.
    cost = executable.cost_analysis()
    answer["cost"] = {
        "flops": cost.get("flops", 0.0),
        "bytes": cost.get("bytes accessed", 0.0),
    }
    with open(text, "w", encoding="utf-8") as file:
        file.writelines(f"{part.to_string()}\n" for part in executable.hlo_modules())
    return answer


if __name__ == "__main__":
    main()
