"""The evaluator as TFX runs it, with models whose answers are known beforehand."""

import dataclasses
import json
import math
import re

import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import channel_utils, standard_artifacts

from components import files, manifest, tf_examples, tfrecords
from components.evaluator.config import Threshold
from components.evaluator.question_answering import component, executor
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig
from components.example_gen.question_answering import squad_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.export import saved_model_records
from components.span_decoding.decoder import DecodingConfig, DecodingError

# Tokens are words, and each is known by its place. The last one is never an answer.
CONTEXT = "Ann met Ben near Rome yesterday"
WORDS = CONTEXT.split()
BEGINS = [CONTEXT.index(word) for word in WORDS]
ENDS = [begin + len(word) - 1 for begin, word in zip(BEGINS, WORDS, strict=True)]
# Question id, question, answer, and what the models do: places of start and end, null odds.
QUESTIONS = [
    ("q-who", "Who met Ben?", "Ann", (0, 0, -2.0)),
    ("q-where", "Where did they meet?", "Rome", (4, 4, -1.0)),
    ("q-near", "How did they meet?", "near Rome", (4, 4, 0.0)),
    ("q-why", "Why did they meet?", None, (1, 1, 3.0)),
]


class _KnownModel(tf.Module):
    """Says for each record what its `cls_index` says; `null_odds` by record."""

    def __init__(self, says):
        super().__init__()
        self.says = tf.constant([list(map(float, row)) for row in says])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serving_records(self, records):
        parsed = tf.io.parse_example(records, {"cls_index": tf.io.FixedLenFeature([], tf.int64)})
        row = tf.gather(self.says, parsed["cls_index"])
        log_prob = tf.zeros_like(row[:, :1])
        return {
            "start_top_log_probs": log_prob,
            "start_top_index": tf.cast(row[:, :1], tf.int32),
            "end_top_log_probs": log_prob,
            "end_top_index": tf.cast(row[:, 1:2], tf.int32),
            "cls_logits": row[:, 2],
        }


def save_model(directory, says, made):
    module = _KnownModel(says)
    path = f"{directory}/Format-Serving"
    tf.saved_model.save(module, path, signatures={"serving_records": module.serving_records})
    saved_model_records.write(path, made, names=("max_seq_length",))
    artifact = standard_artifacts.Model()
    artifact.uri = str(directory)
    return artifact


def record(number, question_id):
    return tf_examples.encode(
        {
            "unique_ids": [number],
            "cls_index": [number],
            "qas_id": [question_id.encode()],
            "paragraph_len": [len(WORDS)],
            "tok_start_to_orig_index": BEGINS,
            "tok_end_to_orig_index": ENDS,
            "token_is_max_context": [1] * len(WORDS),
        }
    )


@pytest.fixture
def records(tmp_path):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "records")
    tfrecords.write_records(
        f"{artifact.uri}/Split-eval/r-00000-of-00001.gz",
        [record(number, entry[0]) for number, entry in enumerate(QUESTIONS)],
    )
    questions = tuple(
        Question(
            question_id,
            text,
            (Answer(answer, CONTEXT.index(answer)),) if answer else (),
            not answer,
        )
        for question_id, text, answer, _ in QUESTIONS
    )
    tfrecords.write_records(
        f"{artifact.uri}/paragraphs/eval-0.gz",
        [squad_examples.encode(Paragraph(CONTEXT, questions, "a", "f", 0))],
    )
    manifest.Manifest(
        record_type="question_answering",
        parameters={"max_seq_length": 8, "max_query_length": 4},
        vocabulary_sha256="0" * 64,
        shards={},
        counts={},
    ).write(artifact.uri)
    return artifact


CONFIG = QuestionAnsweringEvaluationConfig(
    thresholds={"best_f1": Threshold(minimum=90.0, maximum_drop=1.0)}
)


def run(tmp_path, records, model, *, config=CONFIG, baseline=None, name="out"):
    made = component.QuestionAnsweringEvaluator(
        records=channel_utils.as_channel([records]),
        model=channel_utils.as_channel([model]),
        model_run=None,
        baseline_model=None,
        config=config,
        decoding=DecodingConfig(n_best_size=2, max_answer_length=3),
        batch_size=3,
        title="t",
        lineage={},
    )
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / name), str(tmp_path / name / "blessing")
    inputs = {"records": [records], "model": [model]}
    if baseline is not None:
        inputs["baseline_model"] = [baseline]
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(tmp_path / "temporary"),
        unique_id=name,
    )
    executor.Executor(context).Do(
        inputs, {"evaluation": [evaluation], "blessing": [blessing]}, dict(made.exec_properties)
    )

    def read(file):
        return json.loads(files.read_bytes(f"{evaluation.uri}/{file}"))

    return read, blessing


GOOD = [entry[3] for entry in QUESTIONS]


def test_scores_predictions_and_blessing(tmp_path, records):
    model = save_model(tmp_path / "model", GOOD, manifest.read(records.uri))
    model.id = 17
    read, blessing = run(tmp_path, records, model)
    assert read("predictions.json") == {
        "q-who": "Ann",
        "q-where": "Rome",
        "q-near": "Rome",
        "q-why": "met",
    }
    assert read("null_odds.json") == {"q-who": -2.0, "q-where": -1.0, "q-near": 0.0, "q-why": 3.0}
    assert [entry["text"] for entry in read("nbest_predictions.json")["q-near"]] == ["Rome"]
    results = read("results.json")
    # By hand: "near Rome" against "Rome" has F1 2/3; q-why is right if it is left unanswered.
    assert results["null_threshold"] == 0.0
    assert results["metrics"]["exact"] == pytest.approx(75)
    assert results["metrics"]["f1"] == pytest.approx(100 * (3 + 2 / 3) / 4)
    assert results["metrics"]["HasAns_f1"] == pytest.approx(100 * (2 + 2 / 3) / 3)
    assert results["metrics"]["NoAns_f1"] == 100
    assert results["metrics"]["best_exact"] == pytest.approx(75)
    assert results["metrics"]["best_f1"] == pytest.approx(100 * (3 + 2 / 3) / 4)
    assert results["metrics"]["best_f1_thresh"] == 0.0
    assert results["slices"]["question_word"]["how"]["f1"] == pytest.approx(200 / 3)
    assert results["slices"]["windows"]["1"]["total"] == 4
    assert results["blessed"]
    assert results["failures"] == []
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_int_custom_property("current_model_id") == 17
    assert blessing.get_string_custom_property("current_model") == model.uri
    assert files.expand(f"{blessing.uri}/BLESSED")
    report = files.read_bytes(f"{tmp_path}/out/report.html").decode()
    assert "Precision and recall" in report
    assert "question_word = how" in report


def test_thresholds_overall_of_slices_and_of_the_change(tmp_path, records):
    made = manifest.read(records.uri)
    good = save_model(tmp_path / "good", GOOD, made)
    bad = save_model(tmp_path / "bad", [(3, 3, 0.0)] * 4, made)
    config = QuestionAnsweringEvaluationConfig(
        thresholds={"best_f1": Threshold(maximum_drop=1.0)},
        slice_thresholds={"question_word": {"how": {"f1": Threshold(minimum=70.0)}}},
    )
    read, blessing = run(tmp_path, records, good, config=config)
    assert blessing.get_int_custom_property("blessed") == 0
    assert files.expand(f"{blessing.uri}/NOT_BLESSED")
    assert read("results.json")["failures"] == [
        "f1 is 66.6667 where question_word = how, below the minimum of 70.0000."
    ]
    read, blessing = run(tmp_path, records, bad, config=CONFIG, baseline=good, name="again")
    failures = read("results.json")["failures"]
    assert len(failures) == 2
    assert "below the minimum of 90.0000" in failures[0]
    assert "lower than that of the latest blessed model (91.6667)" in failures[1]
    assert read("results.json")["baseline"]["best_f1"] == pytest.approx(100 * (3 + 2 / 3) / 4)
    assert blessing.get_string_custom_property("baseline_model") == good.uri


def test_a_blessed_model_of_another_vocabulary_is_not_compared_with(tmp_path, records):
    made = manifest.read(records.uri)
    good = save_model(tmp_path / "good", GOOD, made)
    other = dataclasses.replace(made, vocabulary_sha256="1" * 64)
    foreign = save_model(tmp_path / "foreign", GOOD, other)
    read, blessing = run(tmp_path, records, good, baseline=foreign)
    assert read("results.json")["baseline"] is None
    assert not blessing.has_custom_property("baseline_model")
    report = files.read_bytes(f"{tmp_path}/out/report.html").decode()
    assert "not compared with the latest blessed model" in report
    with pytest.raises(manifest.ManifestError, match="vocabulary_sha256"):
        run(tmp_path, records, foreign)


def test_a_question_without_windows_is_an_error_that_names_it(tmp_path, records):
    model = save_model(tmp_path / "model", GOOD, manifest.read(records.uri))
    path = f"{records.uri}/Split-eval/r-00000-of-00001.gz"
    kept = list(tfrecords.read_records(path))[1:]
    tfrecords.write_records(path, kept)
    with pytest.raises(DecodingError, match=r"1 questions: there is no window.*q-who"):
        run(tmp_path, records, model)


def test_a_diverged_model_is_one_problem_of_all_questions(tmp_path, records):
    says = [(start, end, math.nan) for start, end, _ in GOOD]
    model = save_model(tmp_path / "model", says, manifest.read(records.uri))
    problem = r"The model's output is not a number: its weights are damaged, or training diverged"
    with pytest.raises(DecodingError) as caught:
        run(tmp_path, records, model)
    (found,) = re.findall(rf"(\d+) questions: {problem} \(e\.g\. ", str(caught.value))
    assert int(found) == len(QUESTIONS)
