"""What an evaluation leaves for the Pusher to ship with the model: a model card and examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components import files, model_card, shown_number
from components.evaluator.names import EXAMPLES_NAME
from components.evaluator.report_content import Report
from components.example_gen.question_answering.squad import Paragraph
from components.model_card import Section, escape

# Names of tasks on Hugging Face's hub, by the kind of the pipeline or of its task.
_HUB_TASKS = {
    "classification": "text-classification",
    "regression": "text-classification",
    "multiple_choice": "multiple-choice",
    "question_answering": "question-answering",
    "pretraining": "feature-extraction",
}
_MAX_EXAMPLES = 4
# Longer texts make no good example to click.
_MAX_CHARACTERS = 2000
_INPUTS = ("text_a", "text_b", "options")


def write(
    directory: str,
    report: Report,
    *,
    kind: str,
    split: str,
    examples: Sequence[Mapping[str, object]] = (),
) -> None:
    """Writes `README.md`, and `examples.json` if there are any examples.

    Args:
        directory: folder of the evaluation.
        report: its report.
        kind: what the model does, such as "classification".
        split: name of the split that was evaluated.
        examples: rows of that split, with the names of the model's inputs.
    """
    compared = [
        (row.name, row.shown, row.bound, shown_number.shown(row.baseline), row.change_bound)
        for row in report.metrics
    ]
    task = [f"{kind.replace('_', ' ').capitalize()} with XLNet."]
    if report.labels:
        listed = ", ".join(escape(label) for label in report.labels)
        task.append(f"It chooses one of {len(report.labels)} labels: {listed}.")
    seq_len = report.data.seq_len if report.data else None
    limits = [
        "It was only measured on the split named above. For texts of another language, subject or "
        "time nothing is known.",
        *([f"Texts of more than {seq_len} tokens are cut."] if seq_len else []),
        *(["It answers with one of its labels even if none fits."] if report.labels else []),
    ]
    model_card.write(
        directory,
        title=report.title,
        metadata={
            "library_name": "tensorflow",
            "pipeline_tag": _HUB_TASKS[kind],
            "tags": ["xlnet", "xlnet-pipeline"],
        },
        sections=[
            Section("Task", task),
            Section(
                "Metrics",
                [f"On the split `{split}`:"],
                [("metric", "value", "required", "model before", "allowed change"), *compared],
            ),
            Section("Data", [f"- {escape(notice)}" for notice in report.notices]),
            *(
                Section(
                    escape(table.title),
                    [escape(table.note)] if table.note else [],
                    [table.header, *table.rows],
                )
                for table in (report.data.tables if report.data else ())
            ),
            Section("Limits", [f"- {limit}" for limit in limits]),
            Section(
                "Made from",
                table=[("", ""), *((name, str(value)) for name, value in report.lineage.items())],
            ),
        ],
    )
    if examples:
        text = json.dumps(list(examples), ensure_ascii=False, indent=1) + "\n"
        files.write_bytes(
            files.join(directory, EXAMPLES_NAME), text.encode("utf-8", "backslashreplace")
        )


def rows_to_try(rows: Iterable[Mapping[str, Sequence[Any]]]) -> list[dict[str, object]]:
    """Chooses examples from raw examples of texts: one for each of the first labels.

    Args:
        rows: features of the raw examples by name, as `tf_examples.decode` returns them.
    """
    found: dict[object, dict[str, object]] = {}
    for features in rows:
        label = tuple(features.get("label") or ())
        texts = {
            name: [value.decode(errors="replace") for value in features[name]]
            for name in _INPUTS
            if features.get(name)
        }
        if label in found or sum(len(text) for row in texts.values() for text in row) > (
            _MAX_CHARACTERS
        ):
            continue
        found[label] = {
            name: values if name == "options" else values[0] for name, values in texts.items()
        }
        if len(found) == _MAX_EXAMPLES:
            break
    return list(found.values())


def questions_to_try(paragraphs: Iterable[Paragraph]) -> list[dict[str, object]]:
    """Chooses examples from paragraphs: the first question of each."""
    found: list[dict[str, object]] = []
    for paragraph in paragraphs:
        if paragraph.questions and len(paragraph.context) <= _MAX_CHARACTERS:
            question = paragraph.questions[0].text
            found.append({"question": question, "context": paragraph.context})
        if len(found) == _MAX_EXAMPLES:
            break
    return found
