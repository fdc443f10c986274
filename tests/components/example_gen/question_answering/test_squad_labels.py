import pytest

from components.example_gen.question_answering import squad_labels
from components.example_gen.question_answering.squad import Answer, Paragraph, Question

LABELLED = Question("a", "Who?", (Answer("Ada", 0),), False)
IMPOSSIBLE = Question("b", "Who?", (), True)
EMPTY = Question("c", "Who?", (), False)
UNLABELLED = Question("d", "Who?", (), False, "there is no key 'answers'")


def check(*questions):
    squad_labels.check([Paragraph("Ada.", questions, "title", "dev.json", 0)])


def test_labelled_data_may_be_judged():
    check()
    check(LABELLED)
    check(IMPOSSIBLE)
    check(EMPTY, LABELLED)


def test_a_question_without_a_label_is_refused_by_file_and_id():
    with pytest.raises(
        squad_labels.UnlabelledError, match=r"dev\.json, question d: there is no key 'answers'"
    ):
        check(LABELLED, UNLABELLED)


def test_a_data_set_without_any_label_is_refused():
    with pytest.raises(squad_labels.UnlabelledError, match=r"None of the 2 questions of dev\.json"):
        check(EMPTY, EMPTY)
