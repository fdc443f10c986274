"""Lines and the bar on a terminal, as a terminal shows them."""

import fcntl
import logging
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

_PROGRAM = """
import logging
from components import events
from components.terminal_log import TerminalHandler

root = logging.getLogger()
root.addHandler(TerminalHandler())
root.setLevel(logging.INFO)
trainer = logging.getLogger("components.trainer.progress_report")

def step(number, total=40, level=logging.DEBUG):
    events.log(trainer, events.TRAINING, "step %d", number, level=level, step=number, start_step=0,
               total_steps=total, loss=0.5, examples_per_second=100.0)

logging.info("first line")
for number in range(10, 41, 10):
    step(number)
    logging.info("evaluation at step %d: %s", number, "accuracy 0.5, " * 4)
step(1, total=30)
logging.debug("a detail")
logging.warning("last line")
"""


def _screen(output: str, width: int) -> list[str]:
    """What a terminal of a width shows: the lines that a cursor has left, wrapped where it must."""
    lines, row, column = [""], 0, 0
    parts = output.replace("\x1b[A", "\v")
    for character in parts:
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif character == "\v":
            row -= 1
        else:
            if column == width:
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            padded = lines[row].ljust(column)
            lines[row] = padded[:column] + character + padded[column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def _run_on_terminal(width: int) -> str:
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stderr=secondary)
    os.close(secondary)
    output = b""
    # Linux ends the stream of a terminal that nobody has open any more with an error.
    try:
        while piece := os.read(primary, 4096):
            output += piece
    except OSError:
        pass
    os.close(primary)
    assert process.wait(timeout=60) == 0
    return output.decode()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_runs_into_the_bar(width):
    output = _run_on_terminal(width)
    shown = _screen(output, width)
    assert shown[0].endswith("first line")
    text = "".join(line.ljust(width) for line in shown)
    for number in range(10, 41, 10):
        assert f"evaluation at step {number}: accuracy 0.5, accuracy 0.5" in text
    # The first training's bar is complete when its last line stands below it; of the bars in
    # between nothing is left.
    bars = [line for line in shown if line.startswith("training")]
    assert len(bars) == 2
    if width >= 40:
        assert bars[0].startswith("training: 100%")
    assert shown.index(bars[0]) < next(n for n, line in enumerate(shown) if "last line" in line)
    assert "a detail" not in output
    assert "step 10/" not in output


def test_elsewhere_than_on_a_terminal_there_are_lines_now_and_then():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0
    assert "\r" not in done.stderr
    assert "training" not in done.stderr
    assert [line.partition("  ")[2][:18] for line in done.stderr.splitlines()] == [
        "first line",
        "evaluation at step",
        "evaluation at step",
        "evaluation at step",
        "evaluation at step",
        "last line",
    ]


def test_progress_is_a_line_at_most_every_ten_seconds_and_at_the_end(caplog, monkeypatch):
    from components.trainer import progress_report
    from components.trainer.actions import Progress

    now = iter([0.0, 1.0, 2.0, 12.0, 13.0])
    monkeypatch.setattr(progress_report.time, "monotonic", lambda: next(now))
    caplog.set_level(logging.DEBUG, logger="components.trainer.progress_report")
    report = progress_report.ProgressReport(start_step=0, total_steps=100_000)
    for step in (10, 20, 30, 100_000):
        report.report(Progress(step, 100_000, 0.5, 1.0, 1e-3, 64.0))
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "INFO", "INFO"]
    # 10 updates in a second leave 9,999 seconds; 30 in 12 seconds leave more than 11 hours.
    assert "9,999" not in caplog.messages[0]
    assert caplog.messages[0].endswith("64.0 examples/s, 2:46:39 left")
    assert caplog.messages[2].endswith("11:06:28 left")
    assert caplog.messages[3].endswith("0:00:00 left")
