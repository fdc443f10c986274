"""Runs libtpu's compiler in its own environment, one program at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from components import plain_json
from pipeline.tpu_compiler.topologies import GENERATIONS, Target

# Names the interpreter of an environment made elsewhere.
INTERPRETER_VARIABLE = "XLNET_PREFLIGHT_PYTHON"
_INSTALLED = pathlib.Path(__file__).resolve().parents[2] / ".preflight" / "bin" / "python"
_SCRIPT = pathlib.Path(__file__).parent / "outside" / "compile_script.py"
_GIB = 1 << 30
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
# "the total memory required for HLO temporaries (18.66G) exceeds available HBM (15.75G)"; the first
# means arguments and results, too.
_EXCEEDED = re.compile(r"\(([\d.]+)([KMGT]?)\) exceeds available HBM \(([\d.]+)([KMGT]?)\)")
# The end of what a compiler that fails has to say; its stack traces are longer.
_SHOWN_CHARACTERS = 2000


class CompilerError(RuntimeError):
    """A program that could not be compiled; the message says why and what to do."""


class OutOfMemoryError(CompilerError):
    """A program that needs more memory than the device has.

    Attributes:
        needed: bytes that the program takes at its peak.
        allowed: bytes that the compiler allows.
    """

    def __init__(self, message: str, *, needed: int, allowed: int):
        super().__init__(message)
        self.needed, self.allowed = needed, allowed


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What the compiler says of a program; everything is of one replica.

    Attributes:
        argument_bytes: memory of variables, batch and state.
        result_bytes: memory of the results that take no argument's place.
        temporary_bytes: memory of everything in between, at its peak.
        code_bytes: memory of the instructions.
        flops: floating point operations, with those of loops.
        accessed_bytes: bytes that instructions read and write, with those of loops.
        seconds: how long the compiler took.
        cpu_seconds: what it took of the processors.
        host_bytes: memory of this machine that it took at its peak.
        versions: versions of "libtpu" and "jax".
    """

    argument_bytes: int
    result_bytes: int
    temporary_bytes: int
    code_bytes: int
    flops: float
    accessed_bytes: float
    seconds: float
    cpu_seconds: float
    host_bytes: int
    versions: dict[str, str]

    @property
    def total_bytes(self) -> int:
        """Memory of the device that the program takes."""
        return self.argument_bytes + self.result_bytes + self.temporary_bytes + self.code_bytes


def interpreter() -> str:
    """Returns the interpreter that has JAX and libtpu.

    Raises:
        CompilerError: if there is none; the message says how to install it.
    """
    named = os.environ.get(INTERPRETER_VARIABLE)
    path = named or str(_INSTALLED)
    if not os.access(path, os.X_OK):
        raise CompilerError(
            f"The TPU's compiler is not installed: there is no {path}"
            f"{f' ({INTERPRETER_VARIABLE})' if named else ''}. Run `make preflight-tools` in the "
            f"project's folder (1.1 GB, Linux on x86-64), or let {INTERPRETER_VARIABLE} name the "
            "interpreter of an environment with its packages."
        )
    return path


def check_host_memory(needed: int, purpose: str) -> None:
    """Checks that this machine has the memory for something, before it begins.

    Raises:
        CompilerError: if it has not. Where the system does not say, nothing is checked.
    """
    available = _available_bytes()
    if available is not None and available < needed:
        raise CompilerError(
            f"{purpose} takes about {needed / _GIB:.1f} GiB of this machine's memory, of which "
            f"{available / _GIB:.1f} GiB are free. End other programs, or use a larger machine; "
            "--set model.n_layer=2 compiles two layers of the same sizes."
        )


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Holds the lock that keeps a second compile from starting beside this one.

    Two of them would need the memory twice, and each would take twice as long.

    Raises:
        CompilerError: if someone else holds it.
    """
    path = pathlib.Path(tempfile.gettempdir()) / f"xlnet-preflight-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CompilerError(
                f"Another program is being compiled for a TPU, by process {file.read(20).strip()}. "
                "One at a time takes what memory and processors there are; wait for it to end."
            ) from error
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
        # The lock ends with the file's last descriptor; the file stays.
        file.truncate(0)


def compile_program(program: pathlib.Path, target: Target, *, text: pathlib.Path) -> Compiled:
    """Compiles an XLA program.

    Args:
        program: a serialized HloModuleProto.
        target: what it is compiled for.
        text: where the optimized program is written.

    Raises:
        OutOfMemoryError: if the program needs more memory than the device has.
        CompilerError: if the compiler refuses the program, or dies.
    """
    python = interpreter()
    with tempfile.TemporaryDirectory(prefix="xlnet-preflight-") as folder:
        request, answer = pathlib.Path(folder, "request.json"), pathlib.Path(folder, "answer.json")
        request.write_text(
            json.dumps(
                {
                    "program": str(program),
                    "topology": target.topology,
                    "options": dict(GENERATIONS[target.device].options),
                    "replicas": target.replicas,
                    "text": str(text),
                }
            ),
            encoding="utf-8",
        )
        process = subprocess.run(
            # No variable and no folder of the user's leads it to other packages than its own.
            [python, "-E", "-s", str(_SCRIPT), str(request), str(answer)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if process.returncode or not answer.exists():
            raise CompilerError(_why_it_died(python, process.returncode, process.stderr))
        content = answer.read_bytes()
    return read_answer(content, target)


def read_answer(content: bytes, target: Target) -> Compiled:
    """Reads what `compile_script.py` wrote.

    Raises:
        OutOfMemoryError: if the program needs more memory than the device has.
        CompilerError: if it was refused for another reason, or if the answer is damaged.
    """
    answer = plain_json.mapping(content, where="the compiler's answer")
    if refused := answer.get("refused"):
        if exceeded := _EXCEEDED.search(refused):
            needed, allowed = (
                round(float(exceeded[place]) * _UNITS[exceeded[place + 1]]) for place in (1, 3)
            )
            raise OutOfMemoryError(
                f"The step needs {needed / _GIB:.2f} GiB of a {target.device}'s memory, of which "
                f"programs can have {allowed / _GIB:.2f} GiB: {(needed - allowed) / _GIB:.2f} GiB "
                "too much.",
                needed=needed,
                allowed=allowed,
            )
        raise CompilerError(f"The TPU's compiler refuses the step: {refused[:_SHOWN_CHARACTERS]}")
    try:
        memory, cost = answer["memory"], answer["cost"]
        return Compiled(
            argument_bytes=int(memory["arguments"]),
            result_bytes=int(memory["results"]),
            temporary_bytes=int(memory["temporaries"]),
            code_bytes=int(memory["code"]),
            flops=float(cost["flops"]),
            accessed_bytes=float(cost["bytes"]),
            seconds=float(answer["seconds"]),
            cpu_seconds=float(answer["cpu_seconds"]),
            host_bytes=int(answer["host_bytes"]),
            versions={name: str(answer[name]) for name in ("libtpu", "jax")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CompilerError(
            f"The TPU's compiler answered something else than expected "
            f"({type(error).__name__}: {error}). Run `make preflight-tools` again; it installs the "
            "versions that this project knows."
        ) from error


def _why_it_died(python: str, status: int, said: str) -> str:
    end = said.strip()[-_SHOWN_CHARACTERS:] or "nothing"
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return (
            f"{python} lacks what the TPU's compiler needs; run `make preflight-tools`. It says: "
            f"{end.splitlines()[-1]}"
        )
    if status == -signal.SIGKILL:
        return (
            "The TPU's compiler was killed, as the system does when memory runs out. End other "
            "programs, or use a larger machine."
        )
    if status < 0:
        how = f"died of {signal.Signals(-status).name}"
    else:
        how = f"ended with status {status} and without an answer"
    return f"The TPU's compiler {how}. The end of what it said: {end}"


def _available_bytes() -> int | None:
    if sys.platform != "linux":
        return None
    for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None
