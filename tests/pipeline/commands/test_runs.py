"""Runs listed, compared and tidied up, on metadata as TFX's local orchestrator leaves them."""

import json

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline import cli, output_folder

State = metadata_store_pb2.Execution.State
Event = metadata_store_pb2.Event


class Store:
    """Writes runs into the metadata of an output folder."""

    def __init__(self, root):
        self.root = root
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(root / "metadata.sqlite")
        config.sqlite.connection_mode = 3
        self._store = metadata_store.MetadataStore(config)
        self._run_type = self._type("context", "pipeline_run")
        self._context = None
        self.artifacts = {}

    def _type(self, what, name):
        message = getattr(metadata_store_pb2, f"{what.capitalize()}Type")(name=name)
        return getattr(self._store, f"put_{what}_type")(message)

    def start(self, name):
        context = metadata_store_pb2.Context(type_id=self._run_type, name=name)
        (self._context,) = self._store.put_contexts([context])

    def execute(
        self, component, inputs, outputs, *, resolved=(), state=State.COMPLETE, **properties
    ):
        """Adds an execution; outputs are arguments of `_make`, or the names of cached ones."""
        execution = metadata_store_pb2.Execution(
            type_id=self._type("execution", f"some.module.{component}"), last_known_state=state
        )
        for name, value in properties.items():
            execution.custom_properties[name].string_value = value
        (execution_id,) = self._store.put_executions([execution])
        association = metadata_store_pb2.Association(
            execution_id=execution_id, context_id=self._context
        )
        self._store.put_attributions_and_associations([], [association])
        for output in outputs:
            if isinstance(output, tuple):
                self._make(*output)
        for kind, names in (
            (Event.INPUT, inputs),
            (Event.OUTPUT, outputs),
            (Event.INTERNAL_OUTPUT, resolved),
        ):
            for name in names:
                key = name[0] if isinstance(name, tuple) else name
                event = Event(artifact_id=self.artifacts[key], execution_id=execution_id, type=kind)
                self._store.put_events([event])

    def states(self):
        """Returns the state of each artifact."""
        found = {one.id: one.state for one in self._store.get_artifacts()}
        return {name: found[number] for name, number in self.artifacts.items()}

    def _make(self, name, type_name, blessed=None, content=b"x" * 1000):
        folder = self.root / "artifacts" / name
        folder.mkdir(parents=True)
        (folder / "results.json").write_bytes(content)
        artifact = metadata_store_pb2.Artifact(
            type_id=self._type("artifact", type_name),
            uri=str(folder),
            state=metadata_store_pb2.Artifact.LIVE,
        )
        if blessed is not None:
            artifact.custom_properties["blessed"].int_value = blessed
        (self.artifacts[name],) = self._store.put_artifacts([artifact])


def _evaluate(store, number, *, blessed, accuracy, steps, pusher="Pusher"):
    results = {"blessed": blessed, "metrics": {"accuracy": accuracy, "macro_f1": 0.5}}
    configuration = {
        "training": {"train_steps": steps},
        "evaluation": {"thresholds": {"accuracy": {"minimum": 0.7}}},
    }
    settings = {"lineage": {"configuration": json.dumps(configuration)}}
    outputs = (
        (f"evaluation{number}", "ModelEvaluation", None, json.dumps(results).encode()),
        (f"blessing{number}", "ModelBlessing", int(blessed)),
    )
    store.execute(
        "Evaluator",
        ["examples", f"model{number}"],
        outputs,
        report_settings=json.dumps(settings),
    )
    store.execute(
        pusher, [f"model{number}", f"blessing{number}"], [(f"pushed{number}", "PushedModel")]
    )


@pytest.fixture
def output(tmp_path):
    """Two whole runs, of which the second is not blessed, and a third that failed."""
    store = Store(tmp_path)
    store.start("20260101-000000.000000")
    store.execute("TextExampleGen", [], [("examples", "Examples")])
    store.execute("Trainer", ["examples"], [("model1", "Model"), ("model_run1", "ModelRun")])
    _evaluate(store, 1, blessed=True, accuracy=0.9, steps=400)
    store.start("20260102-000000.000000")
    store.execute("TextExampleGen", [], ["examples"], state=State.CACHED)
    store.execute("Trainer", ["examples"], [("model2", "Model"), ("model_run2", "ModelRun")])
    store.execute("Resolver", [], [], resolved=["blessing1", "model2"])
    # The Pusher has another name for some kinds of task.
    _evaluate(store, 2, blessed=False, accuracy=0.6, steps=2, pusher="QuestionAnsweringPusher")
    store.start("20260103-000000.000000")
    store.execute("TextExampleGen", [], [("other", "Examples")])
    store.execute("Trainer", ["other"], [], state=State.FAILED)
    return store


def test_runs_are_listed_with_what_was_changed(output, capsys):
    assert cli.main(["runs", str(output.root)]) == 0
    header, first, second, third = capsys.readouterr().out.splitlines()
    assert header.split()[:5] == ["run", "started", "result", "accuracy", "macro_f1"]
    assert "pushed" in first
    assert "0.9000" in first
    # What the run made: five artifacts of 1,000 bytes, and the results.
    assert "5.1 kB" in first
    assert "not blessed" in second
    assert "4.1 kB" in second
    assert second.endswith("1: training.train_steps=2")
    assert "failed in Trainer" in third


def test_two_runs_are_compared(output, capsys):
    assert cli.main(["runs", str(output.root), "1", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (accuracy,) = [line.split() for line in lines if line.startswith("accuracy")]
    assert accuracy == ["accuracy", "0.9000", "0.6000", "-0.3000"]
    assert lines[-1].split() == ["training.train_steps", "400", "2"]
    assert cli.main(["runs", str(output.root), "1", "4"]) == 1
    assert "the runs 1 to 3" in capsys.readouterr().err


def test_what_no_blessed_model_needs_is_removed_after_asking(output, capsys, monkeypatch):
    root = output.root
    everything = {path.name for path in (root / "artifacts").iterdir()}
    assert cli.main(["runs", str(root), "--remove"]) == 1
    assert "add --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    assert cli.main(["runs", str(root), "--remove"]) == 1
    assert {path.name for path in (root / "artifacts").iterdir()} == everything
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert cli.main(["runs", str(root), "--remove"]) == 0
    kept = {"examples", "model1", "model_run1", "evaluation1", "blessing1", "pushed1"}
    assert {path.name for path in (root / "artifacts").iterdir()} == kept
    capsys.readouterr()
    assert cli.main(["runs", str(root), "--remove", "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().out
    assert cli.main(["runs", str(root)]) == 0
    assert "removed" in capsys.readouterr().out


def test_what_a_run_that_goes_on_uses_is_kept(output, capsys):
    output.start("20260104-000000.000000")
    output.execute("TextExampleGen", [], ["other"], state=State.CACHED)
    output.execute("Trainer", ["other"], [("model4", "Model")], state=State.RUNNING)
    assert cli.main(["runs", str(output.root), "--remove", "--yes"]) == 0
    assert "Run 4 is not finished" in capsys.readouterr().out
    kept = {path.name for path in (output.root / "artifacts").iterdir()}
    assert {"other", "model4", "model1"} <= kept
    assert "model2" not in kept
    assert cli.main(["runs", str(output.root), "--remove", "--yes"]) == 0
    assert "belongs to a blessed model or to that run; nothing" in capsys.readouterr().out


def test_an_interrupted_removal_leaves_nothing_for_the_cache_and_can_go_on(output, monkeypatch):
    def interrupted(uri):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("components.files.remove", interrupted)
        assert cli.main(["runs", str(output.root), "--remove", "--yes"]) == 130
    states = output.states()
    gone = metadata_store_pb2.Artifact.DELETED
    (marked,) = [name for name, state in states.items() if state == gone]
    assert (output.root / "artifacts" / marked).is_dir()
    assert cli.main(["runs", str(output.root), "--remove", "--yes"]) == 0
    assert not (output.root / "artifacts" / marked).exists()


def test_nothing_is_removed_while_a_run_works_there(output, capsys):
    with output_folder.reserved(str(output.root)):
        assert cli.main(["runs", str(output.root), "--remove", "--yes"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: Another run works in {output.root} (process ")
    assert (output.root / "artifacts" / "model2").is_dir()


def test_a_folder_without_runs_is_named(tmp_path, capsys):
    assert cli.main(["runs", str(tmp_path)]) == 1
    assert "holds no runs" in capsys.readouterr().err
