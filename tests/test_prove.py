"""The promises name tests and commands that exist; nothing is run here."""

import importlib.util
import re

import pytest

from benchmarks import prove


def test_every_promise_names_tests_or_commands_that_exist(project_root):
    found = prove.promises()
    assert len({promise.promise for promise in found}) == len(found) > 31
    for promise in found:
        for test in promise.tests:
            path, _, name = test.partition("::")
            assert (project_root / "tests" / path).exists(), test
            if name:
                assert f"def {name}(" in (project_root / "tests" / path).read_text(), test
        for command in filter(None, (promise.command, promise.quick)):
            assert importlib.util.find_spec(command[0]) is not None, command
        if promise.figure is not None:
            assert re.compile(promise.figure).groups == 1


@pytest.mark.parametrize(
    ("code", "verdict", "figure"),
    [
        ("print('3 runs, 0 lost'); print('done')", "holds", "3 runs"),
        ("print('2 runs'); raise SystemExit(1)", "BROKEN", "2 runs"),
        ("raise SystemExit(3)", "BROKEN", "exit status 3"),
    ],
)
def test_the_page_has_the_verdict_and_the_figure_of_the_command(
    code, verdict, figure, monkeypatch, tmp_path
):
    promise = prove.Promise("It | runs", command=("unused",), figure=r"(\d runs)")
    monkeypatch.setattr(prove.Promise, "arguments", lambda self, quick: ["-c", code])
    proof = prove.show(promise, quick=False)
    assert (proof.verdict, proof.figure) == (verdict, figure)
    text = prove.page([proof], quick=True, left_out=[], commit="1a2b3c4")
    assert f"| {verdict} | {figure} |" in text
    assert "make prove QUICK=1" in text
    assert "commit 1a2b3c4" in text
