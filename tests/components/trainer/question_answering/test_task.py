import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components import manifest, records, tf_examples, tfrecords
from components.example_gen.question_answering import squad_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.export import null_threshold, saved_model_records, span_model
from components.modeling.config import ModelOptions
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding.decoder import DecodingConfig
from components.span_decoding.window_outputs import RecordedWindow, RecordsMismatchError
from components.tokenization import train_sentencepiece
from components.trainer.config import TrainingConfig
from components.trainer.question_answering.fine_tuning import (
    QuestionAnsweringFineTuningConfig,
    fine_tune,
)
from components.trainer.question_answering.task import EvaluationSet, QuestionAnsweringTask

SEQ_LEN = 12
# Paragraph of five tokens, SEP, question of two, SEP, CLS, padding.
PARAGRAPH_LEN, CLS_INDEX = 5, 9
CONTEXT = "aa bb cc dd ee"
NUM_QUESTIONS = 40


def features(ids, question):
    """The answer is the token that the question repeats; question 99 has none."""
    input_ids = [*ids, 4, question, question, 4, 3, 0, 0]
    p_mask = [0.0] * PARAGRAPH_LEN + [1.0] * 4 + [0.0] + [1.0] * 2
    return {
        "input_ids": input_ids,
        "segment_ids": [0] * 6 + [1] * 3 + [2] + [3] * 2,
        "input_mask": [0.0] * 10 + [1.0] * 2,
        "p_mask": p_mask,
        "cls_index": [CLS_INDEX],
    }


def evaluation_record(number, ids, question):
    pad = [0] * (SEQ_LEN - PARAGRAPH_LEN)
    return tf_examples.encode(
        {
            **features(ids, question),
            "unique_ids": [(1 << 40) + number],
            "qas_id": [f"q{number}".encode()],
            "paragraph_len": [PARAGRAPH_LEN],
            "tok_start_to_orig_index": [0, 3, 6, 9, 12, *pad],
            "tok_end_to_orig_index": [1, 4, 7, 10, 13, *pad],
            "token_is_max_context": [1] * PARAGRAPH_LEN + pad,
        }
    )


def training_record(number, ids, question):
    place = ids.index(question) if question in ids else CLS_INDEX
    return tf_examples.encode(
        {
            **features(ids, question),
            "unique_ids": [number],
            "start_positions": [place],
            "end_positions": [place],
            "is_impossible": [float(question not in ids)],
        }
    )


@pytest.fixture(scope="module")
def records_dir(tmp_path_factory):
    """Training records, evaluation records, and the paragraphs of the latter."""
    directory = tmp_path_factory.mktemp("qa_records")
    rng = np.random.default_rng(0)
    training, evaluation, paragraphs = [], [], []
    for number in range(NUM_QUESTIONS):
        ids = rng.choice(np.arange(10, 20), PARAGRAPH_LEN, replace=False).tolist()
        # The last token of a paragraph is never an answer in published decoding.
        place = int(rng.integers(PARAGRAPH_LEN - 1))
        question = 99 if number % 4 == 0 else ids[place]
        training.append(training_record(number, ids, question))
        evaluation.append(evaluation_record(number, ids, question))
        answers = () if question == 99 else (Answer(CONTEXT.split()[place], 3 * place),)
        paragraphs.append(
            Paragraph(
                CONTEXT, (Question(f"q{number}", "which?", answers, not answers),), "a", "f", number
            )
        )
    for split, serialized in (("train", training), ("eval", evaluation)):
        tfrecords.write_records(f"{directory}/Split-{split}/r-00000-of-00001.gz", serialized)
    tfrecords.write_records(
        f"{directory}/paragraphs/eval-0.gz", map(squad_examples.encode, paragraphs)
    )
    manifest.Manifest(
        record_type="question_answering",
        parameters={
            "max_seq_length": SEQ_LEN,
            "doc_stride": 4,
            "max_query_length": 2,
            "uncased": False,
            "vocabulary_size": 200,
        },
        vocabulary_sha256="0" * 64,
        shards={},
        counts={},
    ).write(str(directory))
    return directory


def config(tiny_model, **training) -> QuestionAnsweringFineTuningConfig:
    settings = {
        "batch_size": 8,
        "train_steps": 4,
        "learning_rate": 5e-3,
        "eval_batch_size": 16,
        **training,
    }
    return QuestionAnsweringFineTuningConfig(
        windows=WindowConfig(max_seq_length=SEQ_LEN, doc_stride=4, max_query_length=2),
        uncased=False,
        start_n_top=3,
        end_n_top=3,
        decoding=DecodingConfig(n_best_size=3, max_answer_length=3),
        model=tiny_model,
        options=ModelOptions(dropout=0.0, dropout_att=0.0, init_std=0.1),
        training=TrainingConfig(**settings),
    )


def run(directory, settings, model_dir):
    return fine_tune(
        settings,
        records_dir=str(directory),
        train_files=[f"{directory}/Split-train/*"],
        eval_files=[f"{directory}/Split-eval/*"],
        paragraph_files=[f"{directory}/paragraphs/eval-*"],
        model_dir=str(model_dir),
    )


@pytest.fixture(scope="module")
def trained(records_dir, tiny_model, tmp_path_factory):
    # Learnt by heart: what is tested is that loss, records and scores fit together.
    settings = config(dataclasses.replace(tiny_model, n_layer=2), train_steps=200, warmup_steps=10)
    return run(records_dir, settings, tmp_path_factory.mktemp("qa_trained"))


def test_what_can_be_learnt_is_learnt_and_scored(trained):
    assert trained.metrics["best_f1"] > 90
    # A quarter has no answer, so this is not reached without a threshold.
    parts = 0.75 * trained.metrics["HasAns_f1"] + 0.25 * trained.metrics["NoAns_f1"]
    assert trained.metrics["f1"] == pytest.approx(parts)
    assert trained.metrics["f1"] == pytest.approx(trained.metrics["best_f1"])


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("qa_exported"))
    texts = ["The cat sat on the mat, and the dog lay on the rug. Who, where?"] * 5
    module = span_model.SpanModel(
        model=trained.model,
        vocabulary=train_sentencepiece.train(texts, vocabulary_size=40),
        uncased=False,
        windows=WindowConfig(max_seq_length=SEQ_LEN, doc_stride=4, max_query_length=2),
        decoding=DecodingConfig(n_best_size=3, max_answer_length=3),
    )
    span_model.save(module, directory)
    return directory


def test_exported_model_takes_text_and_examples_and_says_the_same(exported):
    null_threshold.write(exported, null_threshold.ALWAYS_ANSWER)
    signatures = tf.saved_model.load(exported).signatures
    long = "The dog lay on the rug, the cat lay on the mat. " * 4
    questions, contexts = ["Who?", "", "Where?"], ["The cat sat.", "", long]
    by_text = signatures["serving_default"](
        question=tf.constant(questions), context=tf.constant(contexts)
    )
    by_example = signatures["serving_tf_examples"](
        examples=tf.constant(
            [
                tf_examples.encode({"question": [q.encode()], "context": [c.encode()]})
                for q, c in zip(questions, contexts, strict=True)
            ]
        )
    )
    for name, value in by_text.items():
        np.testing.assert_array_equal(value, by_example[name], err_msg=name)
    assert by_text["answer"].numpy().tolist() == by_text["answers"].numpy()[:, 0].tolist()
    assert by_text["answer"].numpy()[1] == b""
    for context, answers, starts, ends in zip(
        contexts,
        by_text["answers"].numpy(),
        by_text["answer_starts"].numpy(),
        by_text["answer_ends"].numpy(),
        strict=True,
    ):
        for answer, start, end in zip(answers, starts, ends, strict=True):
            if start >= 0:
                assert context[start:end] == answer.decode()


def test_questions_above_the_threshold_are_left_unanswered(exported):
    def ask():
        return tf.saved_model.load(exported).signatures["serving_default"](
            question=tf.constant(["Who?", "Where?"]),
            context=tf.constant(["The cat sat.", "The dog lay on the rug."]),
        )

    null_threshold.write(exported, null_threshold.ALWAYS_ANSWER)
    answered = ask()
    assert all(answered["answer"].numpy())
    lower, higher = sorted(answered["null_score"].numpy().tolist())
    null_threshold.write(exported, lower)
    found = ask()
    is_answered = found["null_score"].numpy() == lower
    assert lower < higher
    assert (found["answer"].numpy() != b"").tolist() == is_answered.tolist()
    assert found["null_threshold"].numpy().tolist() == [pytest.approx(lower)] * 2


def test_exported_model_takes_ids_and_records_and_says_the_same(exported, records_dir):
    signatures = tf.saved_model.load(exported).signatures
    serialized = list(tfrecords.read_records(f"{records_dir}/Split-eval/r-00000-of-00001.gz"))[:7]
    by_record = signatures["serving_records"](records=tf.constant(serialized))
    examples = [tf_examples.decode(record) for record in serialized]
    ids = signatures["serving_ids"](
        **{
            name: tf.constant([example[name] for example in examples], dtype)
            for name, dtype in (
                ("input_ids", tf.int32),
                ("segment_ids", tf.int32),
                ("input_mask", tf.float32),
                ("p_mask", tf.float32),
            )
        },
        cls_index=tf.constant([example["cls_index"][0] for example in examples], tf.int32),
    )
    shapes = {name: value.shape.as_list() for name, value in by_record.items()}
    assert shapes == {
        "start_top_log_probs": [7, 3],
        "start_top_index": [7, 3],
        "end_top_log_probs": [7, 9],
        "end_top_index": [7, 9],
        "cls_logits": [7],
    }
    for name, value in by_record.items():
        np.testing.assert_allclose(value, ids[name], atol=1e-6, err_msg=name)


def test_loss_is_the_published_one(tiny_model, records_dir):
    task = QuestionAnsweringTask(
        model_config=tiny_model,
        model_options=ModelOptions(dropout=0.0, dropout_att=0.0, init_std=0.3),
        start_n_top=2,
        end_n_top=2,
        decoding=DecodingConfig(n_best_size=1, max_answer_length=3),
    )
    serialized = list(tfrecords.read_records(f"{records_dir}/Split-train/r-00000-of-00001.gz"))[:4]
    batch = tf.io.parse_example(
        serialized, records.QUESTION_ANSWERING.feature_description(SEQ_LEN, use="training")
    )
    model = task.build_model()
    loss, _ = task.training_loss(model, batch, {}, dropout_seed=tf.constant([0, 0]))
    outputs = {k: v.numpy().astype(np.float64) for k, v in model(batch, training=True).items()}
    expected = 0.0
    for row in range(4):
        start = -outputs["start_log_probs"][row, batch["start_positions"][row]]
        end = -outputs["end_log_probs"][row, batch["end_positions"][row]]
        probability = 1 / (1 + np.exp(-outputs["cls_logits"][row]))
        right = probability if batch["is_impossible"][row] == 1 else 1 - probability
        expected += (start + end) / 2 - 0.5 * np.log(right)
    assert float(loss.total) == pytest.approx(expected, rel=1e-5)
    assert float(loss.weight) == 4


def test_other_settings_than_those_of_the_records_are_refused(records_dir, tiny_model, tmp_path):
    import dataclasses

    settings = config(tiny_model)
    wrong = dataclasses.replace(
        settings, windows=dataclasses.replace(settings.windows, doc_stride=5)
    )
    with pytest.raises(manifest.ManifestError, match="doc_stride: the records have 4"):
        run(records_dir, wrong, tmp_path)
    wrong = dataclasses.replace(settings, model=dataclasses.replace(tiny_model, n_token=100))
    with pytest.raises(ValueError, match=r"vocabulary of 200 pieces.*n_token 100"):
        run(records_dir, wrong, tmp_path)


def test_scores_refuse_outputs_of_other_records(tiny_model):
    nothing = np.zeros(0, np.int32)
    windows = [RecordedWindow("q", 7, 0, nothing, nothing, nothing)]
    task = QuestionAnsweringTask(
        model_config=tiny_model,
        model_options=ModelOptions(),
        start_n_top=1,
        end_n_top=1,
        decoding=DecodingConfig(n_best_size=1, max_answer_length=3),
        evaluation=EvaluationSet([], windows),
    )
    with pytest.raises(RecordsMismatchError, match="unique_ids differ"):
        task.metrics({"unique_ids": np.array([8])})


def test_a_model_says_which_records_it_can_be_given(records_dir, tmp_path):
    import dataclasses

    made = manifest.read(str(records_dir))
    with pytest.raises(manifest.ManifestError, match="does not say which records"):
        saved_model_records.check(str(tmp_path), made)
    saved_model_records.write(str(tmp_path), made, names=("max_seq_length", "uncased"))
    saved_model_records.check(str(tmp_path), made)
    other = dataclasses.replace(made, vocabulary_sha256="1" * 64)
    with pytest.raises(manifest.ManifestError, match="vocabulary_sha256"):
        saved_model_records.check(str(tmp_path), other)
