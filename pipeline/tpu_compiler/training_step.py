"""Compiles the training step of a pipeline for a TPU, and says what it takes there."""

from __future__ import annotations

import dataclasses
import multiprocessing
import pathlib
import tempfile
from concurrent import futures
from typing import Any

from components import files
from components.modeling.cost import Workload, training_cost
from pipeline import workloads
from pipeline.config import PipelineConfig
from pipeline.devices import DEVICES
from pipeline.tpu_compiler import compiler, optimized_program
from pipeline.tpu_compiler.optimized_program import OptimizedProgram
from pipeline.tpu_compiler.topologies import GENERATIONS, Target

# Of this machine's memory. TensorFlow, which traces the step, keeps the variables (weights and two
# moments) and about as much again. The compiler, which comes after it, takes so much for each layer
# and stream of hidden states: 9.3 GiB for squad2_large and 17.7 GiB for pretraining_large_2048,
# rounded up.
_EXPORT_BYTES_PER_PARAMETER = 20
_COMPILE_BYTES_PER_LAYER = 380 << 20
_HOST_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class CompiledStep:
    """A training step that was compiled for a TPU.

    Attributes:
        target: what it was compiled for.
        workload: what a replica computes.
        model_flops: operations of the model's own matrix products, without those that
            rematerialisation repeats.
        estimated_bytes: memory per replica as `estimate` computes it.
        exported_bytes: size of the program that the compiler got.
        compiled: what the compiler says.
        program: what the optimized program says.
    """

    target: Target
    workload: Workload
    model_flops: int
    estimated_bytes: int
    exported_bytes: int
    compiled: compiler.Compiled
    program: OptimizedProgram

    @property
    def seconds(self) -> float:
        """Lower bound of the time of a step."""
        return self.program.cycles / self.target.properties.clock_hz

    @property
    def utilization(self) -> float:
        """Upper bound of the share of the peak that a step can reach; 0 without any cycles."""
        if not self.seconds:
            return 0.0
        return self.model_flops / (self.seconds * self.target.properties.peak_flops)

    def to_plain(self) -> dict[str, Any]:
        """Returns everything as plain values, for JSON; sizes are in bytes, times in seconds."""
        compiled, program = self.compiled, self.program
        return {
            "topology": self.target.topology,
            "replicas": self.target.replicas,
            "rows_per_replica": self.workload.batch_size * self.workload.micro_batches,
            "micro_batches": self.workload.micro_batches,
            "seq_len": self.workload.seq_len,
            "memory": {
                "arguments": compiled.argument_bytes,
                "results": compiled.result_bytes,
                "temporaries": compiled.temporary_bytes,
                "code": compiled.code_bytes,
                "total": compiled.total_bytes,
                "allowed": self.target.properties.allowed_bytes,
                "estimated": self.estimated_bytes,
            },
            "flops": compiled.flops,
            "model_flops": self.model_flops,
            "accessed_bytes": compiled.accessed_bytes,
            "instructions": program.instructions,
            "loops": program.loops,
            "cycles": program.cycles,
            "least_seconds": self.seconds,
            "greatest_utilization": self.utilization,
            "places": [{"name": name, "cycles": cycles} for name, cycles in program.places[:10]],
            "exported_bytes": self.exported_bytes,
            "compile_seconds": compiled.seconds,
            "compile_cpu_seconds": compiled.cpu_seconds,
            "compile_host_bytes": compiled.host_bytes,
            "versions": compiled.versions,
        }


def compile_step(
    config: PipelineConfig,
    target: Target,
    *,
    text: str | None = None,
    sharing: int | None = None,
) -> CompiledStep:
    """Exports the update of one replica, and compiles it with libtpu.

    Args:
        config: configuration of the pipeline, which names the network's sizes.
        target: device and number of replicas.
        text: path to which the optimized program is written; None for nowhere.
        sharing: number of replicas that share a batch, if only one of them is compiled, without
            the sums over all; None takes those of the target.

    Raises:
        CompilerError: if the compiler is not installed or busy, if this machine has too little
            memory, or if the program is refused. Of these, an `OutOfMemoryError` says what to
            change so that the step fits.
        ValueError: if the batch cannot be divided evenly among replicas and micro-batches, or if
            XLA does not support an operation.
    """
    compiler.interpreter()
    config = workloads.for_accelerators(config)
    sharing = sharing or target.replicas
    workload = workloads.of(config, replicas=sharing)
    model = config.sized_model()
    cost = training_cost(model, config.model_options, workload)
    streams = 2 if workload.num_predict else 1
    needed = _HOST_BYTES + max(
        _EXPORT_BYTES_PER_PARAMETER * cost.parameters,
        _COMPILE_BYTES_PER_LAYER * model.n_layer * streams,
    )
    with compiler.only_one(), tempfile.TemporaryDirectory(prefix="xlnet-preflight-") as folder:
        compiler.check_host_memory(needed, "Compiling this step")
        program = pathlib.Path(folder, "step.hlo.pb")
        exported_bytes = program.write_bytes(_exported(config, target, sharing))
        optimized = pathlib.Path(folder, "optimized.txt")
        try:
            compiled = compiler.compile_program(program, target, text=optimized)
        except compiler.OutOfMemoryError as error:
            advice = advise(config, workload, target, needed=error.needed, allowed=error.allowed)
            raise compiler.OutOfMemoryError(
                f"{error} {advice}", needed=error.needed, allowed=error.allowed
            ) from error
        found = optimized_program.read(optimized)
        if text:
            files.write_bytes(text, optimized.read_bytes())
    plain = dataclasses.replace(config.model_options, rematerialize=False)
    return CompiledStep(
        target=target,
        workload=workload,
        model_flops=training_cost(model, plain, workload).train_flops,
        estimated_bytes=cost.total_bytes,
        exported_bytes=exported_bytes,
        compiled=compiled,
        program=found,
    )


def _exported(config: PipelineConfig, target: Target, sharing: int) -> bytes:
    """Returns the update of one of the `sharing` replicas as a serialized HloModuleProto.

    It is traced in a process of its own, which ends before the compiler starts: TensorFlow would
    not give back the memory of the variables, and the compiler needs as much.
    """
    # A forked process could not use TensorFlow if this one has.
    context = multiprocessing.get_context("spawn")
    try:
        with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(_export, config, target, sharing).result()
    except futures.process.BrokenProcessPool as error:
        raise compiler.CompilerError(
            "The process that exports the step was killed, as the system does when memory runs "
            "out. End other programs, or use a larger machine."
        ) from error


def _export(config: PipelineConfig, target: Target, sharing: int) -> bytes:
    # TensorFlow, which takes seconds to import, comes after everything that can be wrong.
    from components.trainer import exported_update

    task, features = workloads.training_step(config, replicas=sharing)
    update = exported_update.replica_update(
        task, config.training, features, replicas=target.replicas
    )
    return update.export().hlo


def advise(
    config: PipelineConfig, workload: Workload, target: Target, *, needed: int, allowed: int
) -> str:
    """Says what would make a step fit that needs more than a device has.

    Args:
        config: configuration of the pipeline.
        workload: what a replica computes.
        target: what it was compiled for.
        needed: bytes that the compiler asks for.
        allowed: bytes that it may have.
    """
    cost = training_cost(config.sized_model(), config.model_options, workload)
    fixed = cost.weight_bytes + cost.optimizer_bytes
    rows = workload.batch_size * workload.micro_batches
    # What is not fixed grows with the rows of a micro-batch.
    fitting = int(workload.batch_size * max(allowed - fixed, 0) / max(needed - fixed, 1))
    ways = []
    if fitting:
        parts = next(n for n in range(1, rows + 1) if rows % n == 0 and rows // n <= fitting)
        ways.append(f"training.gradient_accumulation={parts} (the same update in smaller parts)")
        smaller = fitting * target.replicas * workload.micro_batches
        ways.append(f"training.batch_size={smaller} (about {fitting} rows at a time)")
    if not config.options.rematerialize:
        ways.append("options.rematerialize=true (a third more computation)")
    larger = [
        name
        for name in GENERATIONS
        if DEVICES[name].allowed_bytes > max(needed, DEVICES[target.device].allowed_bytes)
    ]
    if larger:
        ways.append(f"a device with more memory ({', '.join(larger)})")
    return "What would help: " + "; ".join(ways) + "." if ways else "No TPU has that much."
