import html.parser

import numpy as np
import pytest

from components.evaluator import report as report_lib
from components.evaluator.config import Threshold
from components.evaluator.report_content import (
    Curve,
    DataReport,
    MetricRow,
    Part,
    Report,
    SliceRow,
    Table,
    ThresholdCurve,
    WrongExample,
)
from components.preprocessing.classification.length_counts import Lengths

_HOSTILE = "<script>alert('x')</script>"


class _Reader(html.parser.HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data):
        self.text.append(data)


def make(**changes) -> Report:
    values = {
        "title": "sample: evaluation",
        "blessed": False,
        "failures": ["accuracy is 0.5000, below the minimum of 0.9000"],
        "metrics": [
            MetricRow("accuracy", 0.5, 0.75, Threshold(minimum=0.9, maximum_drop=0.01)),
            MetricRow("f1", 0.25),
        ],
        "slices": [SliceRow(f"label = {_HOSTILE}", 7, {"accuracy": 0.5})],
        "labels": ["no", _HOSTILE],
        "confusion": np.array([[3, 1], [2, 4]]),
        "history": [
            {"kind": "train", "step": 10, "loss": 0.7},
            {"kind": "train", "step": 20, "loss": 0.5},
            # A formula that matplotlib could not draw.
            {"kind": "eval", "step": 20, "loss": 0.6, "accuracy": 0.5, "f1/$x_$": 0.5},
        ],
        "lineage": {"vocabulary": _HOSTILE},
        **changes,
    }
    return Report(**values)


def read(report) -> _Reader:
    reader = _Reader()
    reader.feed(report_lib.render(report))
    return reader


def test_what_comes_from_data_is_text_and_nothing_is_fetched():
    reader = read(make())
    assert "script" not in reader.tags
    assert reader.text.count(_HOSTILE) >= 2
    # Within the SVG links point to its own shapes.
    assert all(link.startswith("#") for link in reader.links)


def test_verdict_reason_and_figures_are_shown():
    text = " ".join(read(make()).text)
    assert "Not blessed." in text
    assert "accuracy is 0.5000, below the minimum" in text
    assert "0.7500" in text
    blessed = " ".join(read(make(blessed=True, failures=[])).text)
    assert "Blessed." in blessed
    assert "Not blessed" not in blessed


def test_what_the_verdict_hangs_on_comes_first_and_counts_are_whole():
    metrics = [MetricRow("total", 1180), MetricRow("f1", 80.0, None, Threshold(minimum=70.0))]
    text = " ".join(read(make(metrics=metrics)).text)
    assert text.index("f1") < text.index("total")
    assert "1,180 " in text
    assert "80.0000" in text


def test_regression_and_an_empty_history_leave_sections_out():
    reader = read(make(labels=None, confusion=None, history=[]))
    assert "svg" not in reader.tags
    assert "Confusion matrix" not in " ".join(reader.text)


def test_the_same_report_gives_the_same_page():
    assert report_lib.render(make()) == report_lib.render(make())


def test_when_with_what_and_of_what_data_stand_at_the_top():
    lineage = {"evaluated": "2026-11-28 02:00 UTC", "code version": "1.2", "versions": "TFX 7"}
    line = "texts cut at seq_len 8: 3 of 9"
    reader = read(make(lineage=lineage, data_line=line))
    text = " ".join(" ".join(reader.text).split())
    when = "Evaluated on 2026-11-28 02:00 UTC by xlnet-pipeline 1.2 with TFX 7."
    assert text.index(when) < text.index("Not blessed") < text.index(f"Data: {line}.")
    assert text.index(f"Data: {line}.") < text.index("bound")
    # Every link of the table of contents has its target.
    page = report_lib.render(make())
    targets = [link for link in read(make()).links if link in ("#metrics", "#slices", "#lineage")]
    assert len(targets) == 3
    assert all(f'id="{target[1:]}"' in page for target in targets)


def test_on_a_phone_every_value_says_what_it_is():
    page = report_lib.render(make())
    for column in ("value", "bound", "latest blessed", "allowed change", "examples", "accuracy"):
        assert f'<td data-label="{column}">' in page


def test_half_a_surrogate_pair_does_not_stop_the_report(tmp_path):
    path = report_lib.write(make(title="cut \ud83d"), str(tmp_path))
    assert "<h1>cut ?</h1>" in (tmp_path / "report.html").read_text()
    assert path == str(tmp_path / "report.html")


def test_labels_and_matrix_must_fit():
    with pytest.raises(ValueError, match="zip"):
        report_lib.render(make(labels=["only one"]))


def test_precision_recall_curves_are_drawn_and_slices_show_their_own_metrics():
    curve = Curve(np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.9, 0.6]))
    slices = [SliceRow("question_word = who", 7, {"f1": 0.25})]
    reader = read(
        make(precision_recall={"exact": curve}, slices=slices, slice_note="At the best threshold.")
    )
    text = " ".join(reader.text)
    assert "Precision and recall" in text
    assert "At the best threshold." in text
    assert reader.tags.count("svg") == 2
    # "accuracy" is a headline metric that these slices lack: a row, but no column.
    assert reader.text.count("accuracy") == read(make()).text.count("accuracy") - 1
    assert "Precision and recall" not in " ".join(read(make()).text)


def test_wrong_examples_thresholds_and_data_are_shown_and_escaped():
    example = WrongExample(
        texts=[[Part("before "), Part(_HOSTILE, "given"), Part(" after", "expected")]],
        given=_HOSTILE,
        expected="no",
        score="sure by 0.9",
    )
    reader = read(
        make(
            wrong_examples={"Worst": [example], "Nothing of this kind": []},
            data=DataReport(
                [Table(_HOSTILE, ("split", _HOSTILE), [(_HOSTILE, _HOSTILE)], note=_HOSTILE)],
                anomalies=[f"eval, label: {_HOSTILE}"],
            ),
            threshold_curves={
                "F1": ThresholdCurve(np.array([-1.0, 2.0]), np.array([50.0, 60.0]), chosen=2.0)
            },
        )
    )
    assert "script" not in reader.tags
    assert reader.text.count(_HOSTILE) >= 8
    assert reader.tags.count("mark") == 2
    assert reader.tags.count("svg") == 2
    text = " ".join(reader.text)
    assert "sure by 0.9" in text
    assert "the dotted line is the threshold" in text
    assert "Worst" in text
    assert "Nothing of this kind" not in text
    assert "#wrong" in reader.links
    assert "#wrong" not in read(make(wrong_examples={"Nothing of this kind": []})).links


def test_anomalies_are_listed_or_their_absence_is_said_but_only_if_they_were_looked_for():
    def text_of(anomalies) -> str:
        return " ".join(read(make(data=DataReport([], anomalies=anomalies))).text)

    assert "eval, text_b: Column dropped" in text_of(["eval, text_b: Column dropped"])
    assert "found nothing" not in text_of(["eval, text_b: Column dropped"])
    assert "found nothing" in text_of([])
    assert "Anomalies" not in text_of(None)


def test_lengths_are_drawn():
    lengths = Lengths(
        bounds=(4, 8, 16), numbers=(1, 2, 0, 1), num_cut=1, num_tokens=9, num_unknown=0
    )
    data = DataReport([], lengths={"train": lengths}, seq_len=8)
    assert read(make(data=data)).tags.count("svg") == read(make()).tags.count("svg") + 1
