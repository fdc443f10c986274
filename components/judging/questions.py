"""Judges a model for question answering on a SQuAD file."""

from __future__ import annotations

import dataclasses

from components.evaluator.question_answering import reporting, wrong_answers
from components.evaluator.question_answering.config import SLICES
from components.evaluator.report_content import DataReport, MetricRow, Table
from components.export import null_threshold
from components.judging import judgement
from components.judging.judgement import Judgement
from components.serving import squad_predictions
from components.serving.pushed_model import PushedModel
from components.span_decoding import squad_evaluation


def judge(model: PushedModel, dataset: str, *, directory: str, batch_size: int = 16) -> Judgement:
    """Measures a model on all questions of a file and writes the report.

    `exact`, `f1` and the slices are those of the answers as the model gives them, that is with its
    own threshold. `best_exact` and `best_f1` show what the best thresholds for these data would
    give.

    Args:
        model: a pushed model.
        dataset: path of a SQuAD file, v1.1 or v2.0, whose questions are labelled.
        directory: folder for `report.html`, `results.json` and the predictions.
        batch_size: number of questions per call of the model.

    Raises:
        SquadFormatError, PredictionsError: if a part of the file cannot be used.
        UnlabelledError: if a question does not say what the right answer is.
    """
    paragraphs = squad_evaluation.read_dataset(dataset)
    answers = squad_predictions.answer(model, paragraphs, batch_size=batch_size)
    best = {key: found[0]["text"] if found else "" for key, found in answers.nbest.items()}
    evaluation = dataclasses.replace(
        squad_evaluation.evaluate_predictions(paragraphs, answers.predictions),
        thresholds=squad_evaluation.evaluate_predictions(
            paragraphs, best, answers.null_odds
        ).thresholds,
    )
    squad_predictions.write_files(answers, directory)
    own = null_threshold.read(model.path)
    report = reporting.make_report(
        evaluation,
        metrics=[MetricRow(name, value) for name, value in evaluation.metrics().items()],
        blessed=None,
        failures=(),
        slice_by=SLICES,
        threshold=own,
        title=f"{dataset}: judgement of version {model.version}",
        history=(),
        lineage=judgement.lineage(model, dataset),
        wrong_examples=wrong_answers.find(
            paragraphs,
            best,
            answers.null_odds,
            threshold=own,
        ),
        data=DataReport([_questions(evaluation)]),
        notices=(),
        data_line="",
        repeats=None,
    )
    results = reporting.results(evaluation, blessed=None, failures=(), baseline=None)
    return judgement.write(report, results | {"data": ""}, directory)


def _questions(evaluation: squad_evaluation.SquadEvaluation) -> Table:
    names = {"total": "all", "HasAns": "with an answer", "NoAns": "without an answer"}
    rows = [(names[part], f"{means.total:,}") for part, means in evaluation.scores.items()]
    return Table("Questions of the file", ("questions", "number"), rows)
