"""SQuAD paragraphs as raw tf.train.Examples: one Example a paragraph, its questions as lists."""

from __future__ import annotations

from components import tf_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question

# JSON lets lone surrogates into a str; they travel as they are.
_ERRORS = "surrogatepass"


class ParagraphExampleError(ValueError):
    """A tf.train.Example that holds no paragraph."""


def encode(paragraph: Paragraph) -> bytes:
    """A serialized tf.train.Example.

    Features: `article`, `source`, `context` (bytes), `position`, `num_repaired_answers`,
    `num_lost_answers` (int64); for each question `question_id`, `question` (bytes),
    `is_impossible`, `num_answers` (int64), and if any has no label `unlabelled` (bytes); for each
    answer of each question `answer_text` (bytes), `answer_start` (int64).
    """
    questions = paragraph.questions
    answers = [answer for question in questions for answer in question.answers]
    features = {
        "article": [paragraph.article.encode(errors=_ERRORS)],
        "source": [paragraph.source.encode(errors="surrogateescape")],
        "context": [paragraph.context.encode(errors=_ERRORS)],
        "position": [paragraph.position],
        "num_repaired_answers": [paragraph.num_repaired_answers],
        "num_lost_answers": [paragraph.num_lost_answers],
        "question_id": [question.id.encode(errors=_ERRORS) for question in questions],
        "question": [question.text.encode(errors=_ERRORS) for question in questions],
        "is_impossible": [int(question.is_impossible) for question in questions],
        "num_answers": [len(question.answers) for question in questions],
        "answer_text": [answer.text.encode(errors=_ERRORS) for answer in answers],
        "answer_start": [answer.start for answer in answers],
    }
    if any(question.unlabelled for question in questions):
        features["unlabelled"] = [
            question.unlabelled.encode(errors=_ERRORS) for question in questions
        ]
    return tf_examples.encode(features)


def decode(serialized: bytes) -> Paragraph:
    """The paragraph that `encode` was called on.

    Raises:
        ParagraphExampleError: naming the feature that is missing.
        google.protobuf.message.DecodeError: if the bytes are no tf.train.Example.
    """
    features = tf_examples.decode(serialized)
    try:
        answers = list(map(Answer, map(_text, features["answer_text"]), features["answer_start"]))
        questions = []
        begin = 0
        for question_id, text, is_impossible, num_answers, unlabelled in zip(
            features["question_id"],
            features["question"],
            features["is_impossible"],
            features["num_answers"],
            features.get("unlabelled") or [b""] * len(features["question_id"]),
            strict=True,
        ):
            end = begin + num_answers
            questions.append(
                Question(
                    _text(question_id),
                    _text(text),
                    tuple(answers[begin:end]),
                    bool(is_impossible),
                    _text(unlabelled),
                )
            )
            begin = end
        return Paragraph(
            context=_text(features["context"][0]),
            questions=tuple(questions),
            article=_text(features["article"][0]),
            source=features["source"][0].decode(errors="surrogateescape"),
            position=features["position"][0],
            num_repaired_answers=features["num_repaired_answers"][0],
            num_lost_answers=features["num_lost_answers"][0],
        )
    except (KeyError, IndexError) as error:
        raise ParagraphExampleError(
            f"The Example holds no SQuAD paragraph ({error}); its features are {sorted(features)}. "
            "Make the examples with components.example_gen.question_answering.squad_examples."
        ) from error


def _text(content: bytes) -> str:
    return content.decode(errors=_ERRORS)
