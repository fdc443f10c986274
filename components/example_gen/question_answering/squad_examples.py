"""Encodes SQuAD paragraphs as raw tf.train.Examples and decodes them again.

An Example holds one paragraph; its questions and answers are stored as lists.
"""

from __future__ import annotations

from components import tf_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question

# JSON can contain lone surrogates; they are passed on unchanged.
_ERRORS = "surrogatepass"


class ParagraphExampleError(ValueError):
    """A tf.train.Example that does not hold a SQuAD paragraph."""


def encode(paragraph: Paragraph) -> bytes:
    """Serializes a paragraph as a tf.train.Example.

    The features with one value are `article`, `source`, `context` (bytes), `position`,
    `num_repaired_answers` and `num_lost_answers` (int64). With one value per question there are
    `question_id`, `question` (bytes), `is_impossible`, `num_answers` (int64) and, if any question
    has no label, `unlabelled` (bytes). With one value per answer, over all questions in order,
    there are `answer_text` (bytes) and `answer_start` (int64).
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
    """Restores the paragraph that `encode` serialized.

    Raises:
        ParagraphExampleError: if a feature is missing; the message names the feature.
        google.protobuf.message.DecodeError: if the bytes are not a tf.train.Example.
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
