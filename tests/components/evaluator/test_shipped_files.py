"""The model card and the examples, read back as somebody else would."""

import json

import yaml

from components.evaluator import shipped_files
from components.example_gen.question_answering.squad import Paragraph, Question
from tests.components.evaluator.test_report import make


def _card(folder):
    _, head, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head), text


def test_the_card_says_task_metrics_data_limits_and_lineage(tmp_path):
    report = make(
        blessed=True,
        failures=[],
        notices=["left out 3 of 9 rows"],
        labels=["no", "<b>*yes*</b>"],
        lineage={"vocabulary": "a|b\nc", "code version": "1.2", "half a pair": "\ud83d"},
    )
    shipped_files.write(str(tmp_path), report, kind="classification", split="eval")
    head, text = _card(tmp_path)
    assert head["pipeline_tag"] == "text-classification"
    assert "xlnet" in head["tags"]
    assert "\n# sample: evaluation\n" in text
    # Punctuation from data is escaped, so that it makes neither markup nor another cell.
    assert r"\<b\>\*yes\*\</b\>" in text
    assert "| accuracy | 0.5000 | ≥ 0.9000 | 0.7500 | − 0.0100 |" in text
    assert "- left out 3 of 9 rows" in text
    assert r"| vocabulary | a\|b c |" in text
    for title in ("Task", "Metrics", "Data", "Limits", "Made from"):
        assert f"\n## {title}\n" in text
    assert not (tmp_path / "examples.json").exists()


def test_examples_are_of_different_labels_and_not_too_long(tmp_path):
    rows = [
        {"text_a": [b"one"], "label": [b"x"], "line": [1]},
        {"text_a": [b"two"], "label": [b"x"]},
        {"text_a": [b"z" * 3000], "label": [b"y"]},
        {"text_a": [b"three"], "text_b": [b"four"], "options": [b"p", b"q"], "label": [b"y"]},
    ]
    found = shipped_files.rows_to_try(rows)
    assert found == [
        {"text_a": "one"},
        {"text_a": "three", "text_b": "four", "options": ["p", "q"]},
    ]
    shipped_files.write(str(tmp_path), make(), kind="multiple_choice", split="eval", examples=found)
    assert json.loads((tmp_path / "examples.json").read_text()) == found
    assert _card(tmp_path)[0]["pipeline_tag"] == "multiple-choice"


def test_questions_are_of_different_paragraphs():
    def paragraph(context, *questions):
        asked = tuple(Question(text, text, (), False) for text in questions)
        return Paragraph(context=context, questions=asked, article="t", source="f", position=0)

    paragraphs = [paragraph("a", "Who?", "Why?"), paragraph("b"), paragraph("c", "When?")]
    assert shipped_files.questions_to_try(paragraphs) == [
        {"question": "Who?", "context": "a"},
        {"question": "When?", "context": "c"},
    ]
