import pytest

from components import tf_examples
from components.example_gen.question_answering import squad_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question

PARAGRAPHS = [
    Paragraph(
        context="שלום 😀 lone \ud800 surrogate",
        questions=(
            Question("a", "Who?", (Answer("שלום", 0), Answer("lost", -1)), False),
            Question("b\udfff", "", (), True),
            Question("c", "What?", (Answer("", -1),), False),
        ),
        article="Article",
        source="/data/a.json",
        position=7,
        num_repaired_answers=1,
        num_lost_answers=1,
    ),
    Paragraph("", (), "article 0", "file", 0),
]


@pytest.mark.parametrize("paragraph", PARAGRAPHS)
def test_paragraphs_are_read_back(paragraph):
    assert squad_examples.decode(squad_examples.encode(paragraph)) == paragraph


def test_other_examples_are_refused():
    with pytest.raises(squad_examples.ParagraphExampleError, match=r"features are \['text'\]"):
        squad_examples.decode(tf_examples.encode({"text": [b"x"]}))
