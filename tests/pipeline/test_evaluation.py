"""Pushed models judged on files, with models whose predictions can be told from the texts."""

import csv
import json
import pathlib

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from components import tf_examples
from components.classification_metrics import ScoresError
from components.export import null_threshold
from components.export.input_columns import InputColumns
from components.judging.judgement import JudgementError
from components.serving.pushed_model import Signature
from pipeline import evaluation, result_lines

LABELS = ("bad", "fair", "good")


class _Texts:
    """Predicts the label that a text begins with, and is as sure as its second word says."""

    version = 7

    def __init__(self, path: pathlib.Path, columns: InputColumns, labels=LABELS):
        self.path = str(path)
        self.kind = "classification" if labels else "regression"
        self.columns = columns
        self._labels = labels

    def predict(self, **texts):
        names = [label.encode() for label in self._labels]
        return {"labels": np.array([names] * len(texts["text_a"]), object)}

    def run(self, signature, inputs):
        examples = [tf_examples.decode(one) for one in inputs["examples"]]
        if signature == "transform_features":
            assert all("label" in one for one in examples)
            return {"length": np.array([b"001-016"] * len(examples), object)}
        words = [one["text_a"][0].decode().split() for one in examples]
        if not self._labels:
            return {"scores": np.array([float(first) for first, *_ in words], np.float32)}
        scores = np.zeros((len(words), len(self._labels)), np.float32)
        for row, (label, sure, *_) in enumerate(words):
            scores[row] = (1 - float(sure)) / (len(self._labels) - 1)
            scores[row, self._labels.index(label)] = float(sure)
        return {"scores": scores}


def _rows(number=60):
    rng = np.random.default_rng(5)
    said = rng.choice(LABELS, number, p=[0.5, 0.3, 0.2])
    right = np.where(rng.random(number) < 0.7, said, rng.choice(LABELS, number))
    return said, right, rng.choice([0.55, 0.75, 0.95], number)


def _write(path, said, right, sure, header=("id", "message", "team")):
    with open(path, "w", newline="") as file:
        rows = zip(said, right, sure, strict=True)
        table = [(n, f"{a} {s} text", b) for n, (a, b, s) in enumerate(rows)]
        csv.writer(file).writerows([header, *table])
    return str(path)


def test_a_table_with_the_columns_of_the_training(tmp_path):
    said, right, sure = _rows()
    # Two rows that cannot be used: no text, and a label that the model does not know.
    path = _write(tmp_path / "new.csv", said, right, sure)
    with open(path, "a") as file:
        file.write("60,,bad\n61,good 0.5 text,unheard of\n")
    model = _Texts(tmp_path / "model", InputColumns({"text_a": "message", "label": "team"}))
    judged = evaluation.evaluate(model, path, directory=str(tmp_path / "out"), batch_size=7)
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results == judged.results
    assert results["blessed"] is None
    assert results["metrics"] == pytest.approx(
        {
            "accuracy": sklearn_metrics.accuracy_score(right, said),
            "macro_f1": sklearn_metrics.f1_score(right, said, average="macro"),
            "weighted_f1": sklearn_metrics.f1_score(right, said, average="weighted"),
            # Three bins, each with one probability: 0.55, 0.75 and 0.95.
            "calibration_error": sum(
                (sure == s).mean() * abs((said == right)[sure == s].mean() - s)
                for s in (0.55, 0.75, 0.95)
            ),
        },
        abs=1e-6,
    )
    report = sklearn_metrics.classification_report(right, said, output_dict=True)
    for label in LABELS:
        assert results["classes"][label] == pytest.approx(
            {
                "precision": report[label]["precision"],
                "recall": report[label]["recall"],
                "f1": report[label]["f1-score"],
                "examples": report[label]["support"],
            }
        )
    assert "left out 2 of 62 rows" in results["data"]
    page = pathlib.Path(judged.report).read_text()
    for shown in ("Calibration", "Confusion matrix", "weighted_f1", "Most confident wrong"):
        assert shown in page
    assert "Blessed" not in page


def test_the_metrics_are_those_by_which_the_model_was_judged(tmp_path):
    said, right, sure = _rows()
    path = _write(tmp_path / "new.csv", said, right, sure)
    columns = InputColumns(
        {"text_a": "message", "label": "team"}, metrics=("recall/good", "matthews_correlation")
    )
    model = _Texts(tmp_path / "model", columns)
    judged = evaluation.evaluate(model, path, directory=str(tmp_path / "out"))
    first, second, *beside = judged.results["metrics"].items()
    assert first == ("recall/good", pytest.approx((said == right)[right == "good"].mean()))
    expected = sklearn_metrics.matthews_corrcoef(right, said)
    assert second == ("matthews_correlation", pytest.approx(expected))
    assert [name for name, _ in beside] == ["macro_f1", "weighted_f1", "calibration_error"]


def test_options_name_columns_and_a_missing_one_is_named(tmp_path):
    said, right, sure = _rows(20)
    path = _write(tmp_path / "new.csv", said, right, sure, header=("id", "words", "group"))
    model = _Texts(tmp_path / "model", InputColumns({"text_a": "message", "label": "team"}))
    with pytest.raises(evaluation.UnfitDataError, match=r"'message' or 'text_a'.*with --text"):
        evaluation.evaluate(model, path, directory=str(tmp_path / "out"))
    with pytest.raises(evaluation.UnfitDataError, match=r"'team' or 'label'.*with --label"):
        evaluation.evaluate(model, path, directory=str(tmp_path / "out"), texts=["words"])
    judged = evaluation.evaluate(
        model, path, directory=str(tmp_path / "out"), texts=["words"], label="group"
    )
    assert judged.results["metrics"]["accuracy"] == pytest.approx((said == right).mean())


def test_columns_that_were_joined_for_the_training_are_joined_again(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("start,rest,team\nbad,0.9 text,bad\ngood 0.8 text,,fair\n")
    columns = InputColumns({"text_a": ("start", "rest"), "label": "team"})
    model = _Texts(tmp_path / "model", columns)
    judged = evaluation.evaluate(model, str(path), directory=str(tmp_path / "out"))
    assert judged.results["metrics"]["accuracy"] == 0.5
    assert judged.results["confusion"]["matrix"] == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("columns", "counted"),
    [
        ({"text_a": "text", "label": "label"}, 2),
        ({"text_a": "text", "text_b": "text_b", "label": "label"}, 1),
        # What was read by its position has no name.
        ({"label": "label"}, 1),
    ],
)
def test_a_second_text_is_read_only_where_the_training_may_have_had_one(tmp_path, columns, counted):
    path = tmp_path / "new.csv"
    path.write_text(
        f"{'text' if 'text_a' in columns else 'text_a'},text_b,label\n"
        "bad 0.9 text,a note,bad\n"
        "good 0.9 text,,good\n"
    )
    model = _Texts(tmp_path / "model", InputColumns(columns))
    judged = evaluation.evaluate(model, str(path), directory=str(tmp_path / "out"))
    # Of a pair, the second text must not be empty.
    assert sum(map(sum, judged.results["confusion"]["matrix"])) == counted
    assert judged.results["metrics"]["accuracy"] == 1


def test_numbers(tmp_path):
    path = tmp_path / "new.tsv"
    path.write_text("text\tscore\n" + "".join(f"{n}.5 text\t{n * n}\n" for n in range(1, 9)))
    columns = InputColumns({"text_a": "text", "label": "score"})
    model = _Texts(tmp_path / "model", columns, labels=None)
    judged = evaluation.evaluate(model, str(path), directory=str(tmp_path / "out"))
    expected = np.corrcoef(np.arange(1, 9), np.arange(1, 9) ** 2)[0, 1]
    assert judged.results["metrics"]["pearson_correlation"] == pytest.approx(expected)
    assert judged.results["metrics"]["spearman_correlation"] == pytest.approx(1)


@pytest.mark.parametrize("labels", [LABELS, None])
def test_a_damaged_model_is_not_taken_for_one_that_chooses_the_first_label(tmp_path, labels):
    path = tmp_path / "new.csv"
    path.write_text("text,label\n" + ("bad nan text,bad\n" if labels else "nan text,1.5\n"))
    columns = InputColumns({"text_a": "text", "label": "label"})
    model = _Texts(tmp_path / "model", columns, labels=labels)
    with pytest.raises(ScoresError, match="not a number: its weights are damaged"):
        evaluation.evaluate(model, str(path), directory=str(tmp_path / "out"))


def test_of_many_classes_those_are_printed_that_occur_and_are_found_least():
    scores = {
        f"label {number}": {"precision": 1.0, "recall": 1.0, "f1": number / 20, "examples": 3}
        for number in range(14)
    }
    scores["absent"] = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "examples": 0}
    header, *rows, last = result_lines.classes(scores)
    assert header.startswith("lowest of 15 classes")
    assert [row.split("'")[1] for row in rows] == [f"label {number}" for number in range(12)]
    assert last == "  1 of the classes do not occur in these data"


def test_labels_that_the_model_does_not_know_are_listed(tmp_path):
    said, _, sure = _rows(10)
    path = _write(tmp_path / "new.csv", said, ["other"] * 10, sure)
    model = _Texts(tmp_path / "model", InputColumns({"text_a": "message", "label": "team"}))
    with pytest.raises(JudgementError, match=r"10 unknown label.* are bad, fair, good"):
        evaluation.evaluate(model, path, directory=str(tmp_path / "out"))


class _Answers:
    """Answers with the first word; is sure that there is none for questions that end in "not?"."""

    kind = "question_answering"
    version = 3
    signatures = {"serving_default": Signature({}, {})}

    def __init__(self, path):
        self.path = str(path)
        null_threshold.write(self.path, 0.0)

    def predict(self, question, context):
        words = [text.split()[0].encode() for text in context]
        odds = np.array([1.0 if text.endswith("not?") else -1.0 for text in question])
        answers = [b"" if none > 0 else word for word, none in zip(words, odds, strict=True)]
        return {
            "answer": np.array(answers, object),
            "null_score": odds,
            "answers": np.array([[word] for word in words], object),
            "scores": np.array([[0.9]] * len(words)),
            "answer_starts": np.zeros((len(words), 1), int),
        }


def test_questions_are_scored_as_the_model_answers_them(tmp_path):
    context = "Rome is old."
    rome = [{"text": "Rome", "answer_start": 0}]
    asked = {
        "Which?": rome,  # right
        "What is old?": [{"text": "Rome is old", "answer_start": 0}],  # one of two words
        "Which is not?": rome,  # wrongly left unanswered
        "Who is not?": [],  # rightly left unanswered
    }
    questions = [
        {"id": str(n), "question": text, "answers": answers, "is_impossible": not answers}
        for n, (text, answers) in enumerate(asked.items())
    ]
    path = tmp_path / "new.json"
    paragraphs = [{"context": context, "qas": questions}]
    path.write_text(json.dumps({"data": [{"title": "a", "paragraphs": paragraphs}]}))
    model = _Answers(tmp_path / "model")
    judged = evaluation.evaluate(model, str(path), directory=str(tmp_path / "out"), batch_size=3)
    metrics = judged.results["metrics"]
    assert metrics["exact"] == 50
    # F1 of "Rome" for "Rome is old": 2 * 1 * (1/3) / (1 + 1/3).
    assert metrics["f1"] == pytest.approx(100 * (1 + 0.5 + 0 + 1) / 4)
    assert metrics["NoAns_exact"] == 100
    page = pathlib.Path(judged.report).read_text()
    assert "threshold of the model" in page
    assert json.loads((tmp_path / "out/predictions.json").read_text())["2"] == ""


@pytest.mark.parametrize("options", [{"texts": ["words"]}, {"label": "group"}])
def test_columns_cannot_be_named_where_there_are_none(tmp_path, options):
    for label in ("bad", "good"):
        (tmp_path / "new" / label).mkdir(parents=True)
        (tmp_path / "new" / label / "1.txt").write_text(f"{label} 0.9 text")
    texts = _Texts(tmp_path / "texts", InputColumns())
    questions = [{"id": "1", "question": "Which?", "answers": []}]
    paragraphs = [{"context": "Rome is old.", "qas": questions}]
    article = {"title": "a", "paragraphs": paragraphs}
    (tmp_path / "new.json").write_text(json.dumps({"data": [article]}))
    answers = _Answers(tmp_path / "answers")
    for model, data in ((texts, "new"), (answers, "new.json")):
        with pytest.raises(evaluation.UnfitDataError, match="no columns to name; leave out --text"):
            evaluation.evaluate(
                model, str(tmp_path / data), directory=str(tmp_path / "out"), **options
            )


def test_data_of_another_form_are_refused(tmp_path):
    said, right, sure = _rows(10)
    path = _write(tmp_path / "new.csv", said, right, sure)
    with pytest.raises(evaluation.UnfitDataError, match=r"holds a table.*give a SQuAD file"):
        evaluation.evaluate(_Answers(tmp_path / "model"), path, directory=str(tmp_path / "out"))
