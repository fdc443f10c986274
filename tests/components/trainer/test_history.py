import json

import pytest

from components.trainer import history
from components.trainer.history import HistoryError

POINTS = [
    {"kind": "train", "step": 2, "loss": 0.5, "memory_bytes": 7},
    {"kind": "eval", "step": 2, "accuracy": float("nan")},
    {"kind": "rollback", "step": 2, "from_step": 4, "cause": "a loss of nan"},
]


def test_what_a_run_writes_is_read_back(tmp_path):
    text = "".join(json.dumps(point) + "\n" for point in POINTS)
    (tmp_path / "history.jsonl").write_text(text)
    assert str(history.read(str(tmp_path))) == str(POINTS)
    assert history.read(str(tmp_path / "nothing")) == []


@pytest.mark.parametrize("writes", [True, False])
def test_one_of_several_workers_writes_the_curves(tmp_path, monkeypatch, writes):
    shown = tmp_path / "shown"
    monkeypatch.setenv("AIP_TENSORBOARD_LOG_DIR", str(shown))
    (tmp_path / "history.jsonl").write_text(json.dumps(POINTS[0]) + "\n")
    recorded = history.History(str(tmp_path), start_step=2, writes=writes)
    recorded.record_evaluation(2, {"accuracy": 0.5})
    assert recorded.evaluations() == {2: {"accuracy": 0.5}}
    assert bool(list(shown.rglob("*events*"))) == writes
    assert len(history.read(str(tmp_path))) == 1 + writes


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{",
        b"",
        b"\xff",
        b"{}",
        b"[" * 10_000,
        b'{"kind": "train", "step": "2"}',
        b'{"kind": "train", "step": 2, "loss": "0.5"}',
        b'{"kind": [], "step": 2}',
        b'{"kind": "train", "step": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_damaged_line_is_named_with_what_to_do(tmp_path, line):
    (tmp_path / "history.jsonl").write_bytes(json.dumps(POINTS[0]).encode() + b"\n" + line + b"\n")
    with pytest.raises(HistoryError, match=r"history\.jsonl, line 2 .*Remove the file"):
        history.read(str(tmp_path))
    with pytest.raises(HistoryError, match="line 2"):
        history.History(str(tmp_path), start_step=2)
