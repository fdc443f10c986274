"""What commands show: components as lines, JSON for programs, and a file for later."""

import json
import logging
import threading

import pytest

from components import events
from pipeline import console

_TFX = logging.getLogger("absl")
_OURS = logging.getLogger("components.example_gen")


@pytest.fixture
def set_up():
    """`console.set_up`, undone after the test."""
    with console.shown(quiet=True):
        yield console.set_up


def _component(name, *messages, amount=None):
    """What TFX and a component log while it runs, in a thread of its own."""

    def run():
        _TFX.info("node %s is running.", name)
        for message in messages:
            _TFX.info(message)
        if amount:
            amount.log(_OURS)
        _TFX.info("node %s is finished.", name)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def _story():
    logging.getLogger("pipeline").info("before")
    _TFX.warning("a library's worry")
    lost = {"unknown label": 2, "too few columns": 3}
    _component("TextExampleGen", amount=events.Amount(995, "rows", lost))
    _component("Trainer", "A cached execution 17 is used.")
    _OURS.warning("Careful.")


def test_a_component_is_one_line_with_what_it_read_and_dropped(set_up, capsys):
    set_up()
    _story()
    lines = [line.partition("  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == "before"
    assert lines[1].startswith("TextExampleGen done in 0.0 s: 995 rows (")
    assert lines[1].endswith("/s), 5 left out: 3 too few columns, 2 unknown label")
    assert lines[2:] == ["Trainer taken from the cache", "Careful."]


def test_amounts_of_components_that_run_at_the_same_time_are_kept_apart(set_up, capsys):
    set_up()
    one, other = threading.Barrier(2), threading.Barrier(2)

    def run(name, number):
        _TFX.info("node %s is running.", name)
        one.wait()
        events.Amount(number, "rows").log(_OURS)
        other.wait()
        _TFX.info("node %s is finished.", name)

    threads = [threading.Thread(target=run, args=(f"Gen{number}", number)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = sorted(line.partition("  ")[2] for line in capsys.readouterr().err.splitlines())
    assert [line.partition(" (")[0] for line in lines] == [
        "Gen1 done in 0.0 s: 1 rows",
        "Gen2 done in 0.0 s: 2 rows",
    ]


def test_a_training_is_one_line_with_its_steps_and_speed(set_up, capsys):
    set_up()
    values = {"step": 1200, "examples_per_second": 98.7}
    _TFX.info("node Trainer is running.")
    events.log(_OURS, events.TRAINING, "step %d/%d", 1200, 1200, **values)
    _TFX.info("node Trainer is finished.")
    *_, line = capsys.readouterr().err.splitlines()
    assert line.endswith("Trainer done in 0.0 s: 1,200 steps, 99 examples/s at the end")


def test_json_has_an_object_per_event(set_up, capsys):
    set_up(as_json=True)
    _story()
    events.log(_OURS, "training", "step %d", 3, step=3, loss=float("nan"))
    captured = capsys.readouterr()
    assert captured.err == ""
    found = [json.loads(line, parse_constant=pytest.fail) for line in captured.out.splitlines()]
    assert [line["event"] for line in found] == ["log", "component", "component", "log", "training"]
    generated, trained = found[1:3]
    assert generated["component"] == "TextExampleGen"
    assert (generated["number"], generated["unit"]) == (995, "rows")
    assert generated["dropped"] == {"unknown label": 2, "too few columns": 3}
    assert (generated["cached"], trained["cached"]) == (False, True)
    assert found[3]["level"] == "warning"
    assert found[4]["loss"] == "nan"
    assert found[4]["message"] == "step 3"


def test_quiet_shows_warnings_and_the_file_has_everything(set_up, capsys, tmp_path):
    path = tmp_path / "logs" / "run.log"
    set_up(quiet=True, log_file=str(path))
    _story()
    assert [line.partition("  ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "Careful."
    ]
    lines = path.read_text().splitlines()
    assert "TextExampleGen done in" in lines[1]
    assert lines[-1].endswith("WARNING  Careful.")


def test_logging_is_as_before_afterwards():
    root = logging.getLogger()
    before = root.handlers[:], root.level, _TFX.handlers[:], _TFX.propagate
    with console.shown(quiet=False):
        assert root.handlers != before[0]
    assert (root.handlers, root.level, _TFX.handlers, _TFX.propagate) == before


def test_a_library_with_a_handler_of_its_own_is_as_quiet(capsys):
    """As TensorFlow's is where a program imports it first."""
    logger = logging.getLogger("tensorflow")
    before = logger.handlers[:]
    logger.addHandler(logging.StreamHandler())
    try:
        with console.shown(quiet=False):
            logger.warning("struct2tensor is not available.")
        assert len(logger.handlers) == len(before) + 1
    finally:
        logger.handlers[:] = before
    assert capsys.readouterr().err == ""
