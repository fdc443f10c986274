import dataclasses
import json
import pathlib

import pytest

from components.modeling.cost import training_cost
from pipeline import cli, preset_loader, workloads
from pipeline.tpu_compiler import compiler, optimized_program, topologies, training_step
from tests.pipeline.tpu_compiler.test_compiler import ANSWER, TOO_LARGE

TINY = [
    *("model.n_layer=1", "model.d_model=128", "model.n_head=2", "model.d_head=64"),
    *("model.d_inner=256", "model.n_token=512", "seq_len=32"),
]
COMPILE = ["preflight", "mnli_large", "--compile", "v5e:2x4", "--set", *TINY]
# A million and a half cycles, a thousandth of a second of a v5e.
OPTIMIZED = """\
ENTRY %main (x: f32[8]) -> f32[8] {
  ROOT %x = f32[8] copy(), "estimated_cycles":"1500000", metadata={op_name="layer_0/ff/MatMul"}
}
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Folder of a fake interpreter, with the program and what the command printed with it."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "answer").write_text(json.dumps(ANSWER))
    (folder / "optimized").write_text(OPTIMIZED)
    fake = folder / "python"
    fake.write_text(
        f"""#!/bin/sh
field() {{ sed 's/.*"'$1'": "\\([^"]*\\)".*/\\1/' "$request"; }}
request=$4
cp "$4" {folder}/request && cp "$(field program)" {folder}/program
cp {folder}/optimized "$(field text)" && cp {folder}/answer "$5"
"""
    )
    fake.chmod(0o755)
    return folder


@pytest.fixture
def fake_tools(exported, monkeypatch, tmp_path):
    # Whoever compiles on this machine, and however little memory it has.
    monkeypatch.setattr(compiler.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(compiler, "_available_bytes", lambda: None)
    monkeypatch.setenv(compiler.INTERPRETER_VARIABLE, str(exported / "python"))
    return exported


def test_the_command_exports_the_step_and_says_what_it_takes(fake_tools, tmp_path, capsys):
    arguments = [*COMPILE, "--json", "--text", str(tmp_path / "kept.txt")]
    assert cli.main(arguments) == 0, capsys.readouterr().err
    result = json.loads(capsys.readouterr().out)
    assert (tmp_path / "kept.txt").read_text() == OPTIMIZED
    request = json.loads((fake_tools / "request").read_text())
    assert (request["topology"], request["replicas"]) == ("v5e:2x4", 8)
    # The preset's batch of 128, over eight chips.
    assert (result["rows_per_replica"], result["replicas"]) == (16, 8)
    assert result["memory"]["total"] == 4611072 + 1536 + 3735552 + 7568896
    assert result["memory"]["allowed"] == round(15.75 * 2**30)
    assert result["least_seconds"] == pytest.approx(1e-3)
    # The peak of a v5e is 197 TFLOP/s.
    assert result["greatest_utilization"] == pytest.approx(result["model_flops"] / 197e9)
    assert result["places"] == [{"name": "layer_*/ff/MatMul", "cycles": 1_500_000}]


def test_the_tpus_compiler_takes_the_step(exported, monkeypatch):
    """libtpu's own word on the program that the test above exported."""
    monkeypatch.delenv(compiler.INTERPRETER_VARIABLE, raising=False)
    try:
        compiler.interpreter()
    except compiler.CompilerError as error:
        pytest.skip(str(error))
    if not (exported / "program").exists():
        pytest.skip("the program is exported by the test before")
    text = exported / "real.txt"
    target = topologies.parse("v5e:2x4")
    compiled = compiler.compile_program(exported / "program", target, text=text)
    program = optimized_program.read(text)
    # Weights and two moments in float32; the batch is a few KiB.
    config = preset_loader.load("mnli_large", [*TINY, *_GIVEN])
    cost = training_cost(config.model, config.model_options, workloads.of(config, replicas=8))
    assert compiled.argument_bytes == pytest.approx(12 * cost.parameters, rel=0.05)
    assert compiled.flops > cost.train_flops
    assert program.cycles > 10_000
    assert any("MatMul" in name for name, _ in program.places)
    assert "all-reduce" in text.read_text()


_GIVEN = ["data.root=x", "vocabulary.model=x", "vocabulary.size=null", "run.output_root=x"]


def test_a_step_that_is_too_large_says_what_would_help(fake_tools, capsys):
    answer = fake_tools / "answer"
    answer.write_text(json.dumps({**ANSWER, "refused": TOO_LARGE}))
    try:
        assert cli.main([*COMPILE, "options.rematerialize=true"]) == 1
    finally:
        answer.write_text(json.dumps(ANSWER))
    said = capsys.readouterr().err
    assert (
        "needs 18.66 GiB of a v5e's memory, of which programs can have 15.75 GiB: 2.91 GiB" in said
    )
    assert "training.gradient_accumulation=2" in said
    assert "(v4, v5p, v6e)" in said


def test_advice_follows_from_what_the_rows_take():
    config = preset_loader.load("mnli_large", [*_GIVEN, "model.n_token=32000"])
    target = topologies.parse("v5e", 8)
    workload = workloads.of(config, replicas=8)
    assert workload.batch_size == 16
    fixed = 12 * training_cost(config.model, config.model_options, workload).parameters
    each = 1 << 30

    def advice(fitting: float, config=config, workload=workload) -> str:
        needed, allowed = fixed + 16 * each, round(fixed + fitting * each)
        return training_step.advise(config, workload, target, needed=needed, allowed=allowed)

    # Nine of 16 rows fit: two parts of 8, or a batch of 8 replicas with 9 rows.
    assert "training.gradient_accumulation=2 " in advice(9.5)
    assert "training.batch_size=72 " in advice(9.5)
    assert "options.rematerialize=true" in advice(9.5)
    assert "training.gradient_accumulation=16 " in advice(1.5)
    assert "accumulation" not in advice(0.5)
    # In micro-batches of 8 already, of which only 4 rows fit.
    parts = dataclasses.replace(workload, batch_size=8, micro_batches=2)
    assert "training.gradient_accumulation=4 " in advice(8.5, workload=parts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--compile", "v7"], "'v7' is unknown to the TPU's compiler"),
        (["--compile", "v5e", "--replicas", "256"], "256 replicas cannot share a batch of 128"),
        (["--json"], "add --compile DEVICE"),
    ],
)
def test_what_is_wrong_is_said_at_once(fake_tools, capsys, arguments, said):
    assert cli.main(["preflight", "mnli_large", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_tools_that_are_missing_are_named_before_anything_is_computed(
    tmp_path: pathlib.Path, monkeypatch, capsys
):
    monkeypatch.setenv(compiler.INTERPRETER_VARIABLE, str(tmp_path / "python"))
    assert cli.main(COMPILE) == 1
    assert "make preflight-tools" in capsys.readouterr().err
