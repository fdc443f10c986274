"""What a run in this process does to the process, and how it is ended."""

import signal
import sys

import apache_beam as beam
import pytest
from tfx.dsl.components.base import base_beam_executor
from tfx.orchestration.beam import beam_dag_runner

from components import interruption, standalone
from pipeline import cli, local_runner, preset_loader


class Executor(base_beam_executor.BaseBeamExecutor):
    def Do(self, *_):  # noqa: N802
        raise NotImplementedError


@pytest.fixture
def config(tmp_path):
    return preset_loader.load("sample", [f"run.output_root={tmp_path / 'out'}"])


@pytest.fixture
def run_step(monkeypatch):
    """Replaces all components by one step of Beam, as BeamDagRunner makes steps of them."""

    def replace(step):
        def run(*_):
            with beam.Pipeline(runner="FnApiRunner") as pipeline:
                _ = pipeline | beam.Create([None]) | "Run[Trainer]" >> beam.Map(lambda _: step())

        monkeypatch.setattr(beam_dag_runner.BeamDagRunner, "run", run)

    return replace


def test_ctrl_c_in_any_component_is_no_error(run_step, config, capsys):
    run_step(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as raised:
        local_runner.run(config)
    assert str(raised.value) == ""

    arguments = ["run", "sample", "--output", config.run.output_root]
    assert cli.main(arguments) == interruption.EXIT_STATUS
    ended = "interrupted: The same command goes on from what is complete.\n"
    assert capsys.readouterr().err.endswith(ended)


def test_after_ctrl_c_in_a_training_the_process_is_as_before(run_step, config):
    def end_training():
        interruption.asked.set()
        raise RuntimeError("asked to end after update 7")

    run_step(end_training)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt, match=r"^asked to end after update 7$"):
        local_runner.run(config)
    assert not interruption.asked.is_set()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_sigterm_in_a_component_that_waits_for_a_job(run_step, config, survives_sigterm):
    def wait():
        with interruption.termination_as_exit():
            signal.raise_signal(signal.SIGTERM)

    run_step(wait)
    with pytest.raises(SystemExit) as raised:
        local_runner.run(config)
    assert raised.value.code == 128 + signal.SIGTERM


def test_any_other_exit_is_an_error(run_step, config):
    # Parsers of options exit so, and libraries may raise an error of their own after it.
    run_step(lambda: sys.exit(2))
    with pytest.raises(RuntimeError, match="SystemExit: 2"):
        local_runner.run(config)


def test_one_folder_has_one_run_at_a_time(run_step, config):
    run_step(lambda: local_runner.run(config))
    with pytest.raises(RuntimeError, match=r"^Another run works in .*out \(process \d+ on "):
        local_runner.run(config)


def test_arguments_of_the_process_are_not_tfxs(run_step, config, monkeypatch):
    def make_executor():
        Executor(Executor.Context(beam_pipeline_args=list(standalone.DEFAULT_BEAM_ARGS)))
        raise ValueError("made")

    run_step(make_executor)
    # TFX's own -v asks for a number.
    arguments = ["experiment.py", "-v"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(ValueError, match=r"^made"):
        local_runner.run(config)
    assert sys.argv is arguments
