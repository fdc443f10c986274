import json
import os
import pathlib
import subprocess
import sys

import pytest

from pipeline.tpu_compiler import compiler, topologies

TARGET = topologies.parse("v5e:2x4")
ANSWER = {
    "libtpu": "0.0.52",
    "jax": "0.10.2",
    "seconds": 63.1,
    "cpu_seconds": 11.3,
    "host_bytes": 662433792,
    "memory": {"arguments": 4611072, "results": 1536, "temporaries": 3735552, "code": 7568896},
    "cost": {"flops": 1111134464.0, "bytes": 160724480.0},
}
# What libtpu 0.0.52 says of a program that is too large.
TOO_LARGE = (
    "RESOURCE_EXHAUSTED: E1000: CompileTimeHbmOom: Ran out of memory on HBM, the total memory "
    "required for HLO temporaries (18.66G) exceeds available HBM (15.75G). HLO module: jit_h.\n"
    "See https://openxla.org/xla/errors/error_1000 for more details."
)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Makes an interpreter out of a shell script, whose $4 is the request and $5 the answer."""

    def make(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv(compiler.INTERPRETER_VARIABLE, str(path))

    return make


def compile_with_it(tmp_path):
    program = tmp_path / "step.hlo.pb"
    program.write_bytes(b"")
    return compiler.compile_program(program, TARGET, text=tmp_path / "text")


def test_the_answer_is_read(fake, tmp_path):
    fake(f"""cp "$4" {tmp_path}/request && echo '{json.dumps(ANSWER)}' > "$5" """)
    compiled = compile_with_it(tmp_path)
    assert compiled.total_bytes == 4611072 + 1536 + 3735552 + 7568896
    assert compiled.versions == {"libtpu": "0.0.52", "jax": "0.10.2"}
    request = json.loads((tmp_path / "request").read_text())
    assert request["topology"] == "v5e:2x4"
    assert request["replicas"] == 8


def test_a_step_that_is_too_large_says_by_how_much():
    content = json.dumps({**ANSWER, "refused": TOO_LARGE}).encode()
    with pytest.raises(compiler.OutOfMemoryError, match=r"2\.91 GiB too much") as raised:
        compiler.read_answer(content, TARGET)
    assert raised.value.needed == round(18.66 * 2**30)
    assert raised.value.allowed == round(15.75 * 2**30)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "should hold a mapping"),
        (b"{}", "something else than expected.*make preflight-tools"),
        (json.dumps({**ANSWER, "memory": {}}).encode(), "something else than expected"),
        (json.dumps({**ANSWER, "refused": "UNIMPLEMENTED: f8"}).encode(), "UNIMPLEMENTED: f8"),
    ],
)
def test_other_answers_are_errors(content, said):
    with pytest.raises((compiler.CompilerError, ValueError), match=said):
        compiler.read_answer(content, TARGET)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo kaboom >&2; kill -SEGV $$", "died of SIGSEGV.*kaboom"),
        ("kill -KILL $$", "was killed, as the system does when memory runs out"),
        ("echo kaboom >&2; exit 3", "status 3 and without an answer.*kaboom"),
        ("exit 0", "status 0 and without an answer"),
        ("echo \"ModuleNotFoundError: No module named 'jax'\" >&2; exit 1", "preflight-tools.*jax"),
    ],
)
def test_a_compiler_that_dies_is_an_error(fake, tmp_path, script, said):
    fake(script)
    with pytest.raises(compiler.CompilerError, match=said):
        compile_with_it(tmp_path)


def test_tools_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv(compiler.INTERPRETER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(compiler.CompilerError, match=r"not installed.*none.*make preflight-tools"):
        compiler.interpreter()


def test_a_machine_that_is_too_small_is_told_before():
    with pytest.raises(compiler.CompilerError, match=r"takes about 1048576\.0 GiB of this machine"):
        compiler.check_host_memory(1 << 50, "Compiling this step")
    compiler.check_host_memory(1 << 20, "Nothing")


def test_a_second_compile_is_refused_while_the_first_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler.tempfile, "tempdir", str(tmp_path))
    with (
        compiler.only_one(),
        pytest.raises(compiler.CompilerError, match=f"by process {os.getpid()}"),
        compiler.only_one(),
    ):
        pass
    # One that was killed leaves its lock's file and no lock.
    script = (
        "from pipeline.tpu_compiler import compiler; import os\n"
        "with compiler.only_one(): os._exit(9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    root = pathlib.Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", script], env=environment, cwd=root).returncode == 9
    with compiler.only_one():
        pass
