"""The TFX executor of QuestionAnsweringEvaluator."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs

from components import (
    configuration,
    files,
    manifest,
    records,
    runtime_values,
    tfrecords,
)
from components.evaluator import (
    blessing,
    circumstances,
    counts_table,
    data_notices,
    shipped_files,
    training_history,
)
from components.evaluator import report as report_lib
from components.evaluator.names import NULL_THRESHOLD, RESULTS_NAME
from components.evaluator.question_answering import inference, reporting, wrong_answers
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig
from components.evaluator.records_evaluator import RECORDS_KEY, SETTINGS_KEY
from components.evaluator.report_content import DataReport
from components.example_gen.question_answering import squad_examples
from components.export import saved_model_records
from components.preprocessing.question_answering import paragraph_files
from components.span_decoding import squad_evaluation
from components.span_decoding.decoder import DecodingConfig

_SPLIT = "eval"
_CANDIDATE, _BASELINE = "candidate", "baseline"


class Executor(blessing.BlessingExecutor):
    """Answers the questions of the split "eval" with the model and with the latest blessed one."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates, and writes predictions, scores, the report and the blessing.

        Args:
            input_dict: `records` (made by `QuestionAnsweringPreprocessor`), `model`, and optionally
                `baseline_model` and `model_run`.
            output_dict: `evaluation` and `blessing`.
            exec_properties: `settings`, a JSON object with "title", "evaluation", "decoding",
                "batch_size" and "lineage"; and optionally `thresholds`, which replace those in
                "evaluation".

        Raises:
            DecodingError, PredictionsError: if no answer could be computed for a question.
            ManifestError: if the model was trained on records made with other settings.
        """
        settings = json.loads(
            runtime_values.merge_evaluation(exec_properties[SETTINGS_KEY], exec_properties)
        )
        config = configuration.build(
            QuestionAnsweringEvaluationConfig, settings["evaluation"], where="evaluation"
        )
        records_dir = artifact_utils.get_single_uri(input_dict[RECORDS_KEY])
        directory = artifact_utils.get_single_uri(
            output_dict[standard_component_specs.EVALUATION_KEY]
        )
        training = training_history.read(input_dict)
        lineage = {
            **settings["lineage"],
            **training.lineage,
            "model": artifact_utils.get_single_uri(input_dict[standard_component_specs.MODEL_KEY]),
            "records": records_dir,
            **circumstances.now(),
        }
        made = manifest.read(records_dir)
        lineage["vocabulary's sha256"] = made.vocabulary_sha256
        made.check_agrees({"record_type": records.QUESTION_ANSWERING.name})
        models = {_CANDIDATE: blessing.model_path(input_dict[standard_component_specs.MODEL_KEY])}
        saved_model_records.check(models[_CANDIDATE], made)
        if input_dict.get(standard_component_specs.BASELINE_MODEL_KEY):
            path = blessing.model_path(input_dict[standard_component_specs.BASELINE_MODEL_KEY])
            try:
                saved_model_records.check(path, made)
                models[_BASELINE] = path
            except manifest.ManifestError as error:
                input_dict, line = blessing.without_baseline(input_dict, str(error))
                lineage |= line

        found = files.expand(
            paragraph_files.pattern(records_dir, _SPLIT), purpose="paragraphs of the split 'eval'"
        )
        paragraphs = [
            squad_examples.decode(serialized)
            for path in found
            for serialized in tfrecords.read_records(path)
        ]
        answers = self._answer(models, records_dir, found, paragraphs, settings)
        evaluations = {
            name: squad_evaluation.evaluate_predictions(
                paragraphs, given.predictions, given.null_odds, num_windows=given.num_windows
            ).at_threshold()
            for name, given in answers.items()
        }
        judged = reporting.judge(
            evaluations[_CANDIDATE], baseline=evaluations.get(_BASELINE), config=config
        )
        candidate = answers[_CANDIDATE]
        threshold = evaluations[_CANDIDATE].threshold
        notices = data_notices.of_question_answering(made)
        report = reporting.make_report(
            evaluations[_CANDIDATE],
            metrics=judged.rows,
            blessed=judged.blessed,
            failures=judged.failures,
            slice_by=config.slice_by,
            threshold=threshold,
            title=settings["title"],
            history=training.curves,
            repeats=training.repeats,
            lineage=lineage,
            wrong_examples=wrong_answers.find(
                paragraphs,
                candidate.predictions,
                candidate.null_odds,
                threshold=threshold,
            ),
            data=DataReport([counts_table.make(made)]),
            notices=[notice.text for notice in notices if notice.is_much],
            data_line=data_notices.sentence(notices),
        )
        _write_json(files.join(directory, "predictions.json"), candidate.predictions)
        _write_json(files.join(directory, "nbest_predictions.json"), candidate.nbest)
        _write_json(files.join(directory, "null_odds.json"), candidate.null_odds)
        report_lib.write(report, directory)
        shipped_files.write(
            directory,
            report,
            kind="question_answering",
            split=_SPLIT,
            examples=shipped_files.questions_to_try(paragraphs),
        )
        results = reporting.results(
            evaluations[_CANDIDATE],
            blessed=judged.blessed,
            failures=judged.failures,
            baseline=evaluations.get(_BASELINE),
        )
        results[NULL_THRESHOLD] = threshold
        results["data"] = data_notices.sentence(notices)
        _write_json(files.join(directory, RESULTS_NAME), results)
        blessing.write(input_dict, output_dict, exec_properties, blessed=judged.blessed)

    def _answer(
        self,
        models: dict[str, str],
        records_dir: str,
        found: list[str],
        paragraphs: list[Any],
        settings: dict[str, Any],
    ) -> dict[str, inference.Answers]:
        temporary = self._get_tmp_dir()
        outputs = {name: files.join(temporary, f"answers-{name}") for name in models}
        record_files = files.in_folder(
            files.join(records_dir, f"Split-{_SPLIT}"), purpose="evaluation records"
        )
        with self._make_beam_pipeline() as pipeline:
            for name, path in models.items():
                inference.add_to_pipeline(
                    pipeline,
                    name=name,
                    model_path=path,
                    record_files=record_files,
                    paragraph_files=found,
                    output=outputs[name],
                    decoding=configuration.build(
                        DecodingConfig, settings["decoding"], where="decoding"
                    ),
                    batch_size=settings["batch_size"],
                )
        ids = [question.id for paragraph in paragraphs for question in paragraph.questions]
        answers = {name: inference.read_answers(path, ids) for name, path in outputs.items()}
        for output in outputs.values():
            files.remove(*files.expand(f"{files.escape(output)}*"))
        return answers


def _write_json(path: str, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=True) + "\n"
    files.write_bytes(path, text.encode())
