import numpy as np
import pytest

from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.span_decoding.squad_metrics import MeanScores, QuestionScores
from components.span_decoding.squad_slices import question_word, slice_scores


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("What is it?", "what"),
        ("In which year did who win?", "which"),
        ("To WHOM was it given?", "who"),
        ("Whose is it?", "who"),
        ("How many?", "how"),
        ("Name the whatnot.", "other"),
        ("", "other"),
    ],
)
def test_question_words(question, word):
    assert question_word(question) == word


def test_slices():
    paragraphs = [
        Paragraph(
            "word " * 120,
            (
                Question("a", "Who?", (Answer("one two three", 0), Answer("one", 0)), False),
                Question("b", "What?", (), True),
            ),
            "",
            "",
            0,
        ),
        Paragraph("word", (Question("c", "Who?", (Answer("a b c d e", 0),), False),), "", "", 1),
    ]
    values = np.array([1.0, 0.0, 0.5])
    scores = QuestionScores(values, values, np.array([True, False, True]), np.ones(3, bool))
    found = slice_scores(paragraphs, scores, num_windows={"a": 1, "b": 1, "c": 9})
    one, zero, half = (MeanScores(100.0 * v, 100.0 * v, 1) for v in values)
    assert found == {
        "question_word": {"what": zero, "who": MeanScores(75.0, 75.0, 2)},
        # By the shortest answer.
        "answer_words": {"no answer": zero, "1": one, "4-7": half},
        "paragraph_words": {"0-99": half, "100-149": MeanScores(50.0, 50.0, 2)},
        "windows": {"1": MeanScores(50.0, 50.0, 2), "3+": half},
    }
    assert list(found["question_word"]) == ["what", "who"]
    assert "windows" not in slice_scores(paragraphs, scores)
