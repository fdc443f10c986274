from components.evaluator.question_answering import wrong_answers
from components.example_gen.question_answering.squad import Answer, Paragraph, Question

CONTEXT = "Ada met Bob in Rome. " + "x" * 400 + " Then Cy went home."


def _paragraphs():
    questions = (
        Question("right", "Who met Bob?", (Answer("Ada", 0),), is_impossible=False),
        Question("wrong", "Where?", (Answer("Rome", 15),), is_impossible=False),
        Question("surer", "Where then?", (Answer("Rome", 15),), is_impossible=False),
        Question("none", "When?", (), is_impossible=True),
        Question("silent", "Who went?", (Answer("Cy", CONTEXT.index("Cy")),), is_impossible=False),
    )
    return [Paragraph(CONTEXT, questions, "article", "file", 0)]


def test_wrong_answers_are_sorted_by_what_is_wrong_and_marked_in_their_context():
    predictions = {"right": "Ada", "wrong": "Bob", "surer": "Ada", "none": "Cy", "silent": "Bob"}
    odds = {"right": -9.0, "wrong": -1.0, "surer": -2.0, "none": -3.0, "silent": 4.0}
    found = wrong_answers.find(_paragraphs(), predictions, odds, threshold=0.0)
    confident, impossible, silent = found.values()
    assert [example.given for example in confident] == ["Ada", "Bob"]
    marked = [(part.text, part.mark) for part in confident[1].texts[1] if part.mark]
    assert marked == [("Bob", "given"), ("Rome", "expected")]
    text = "".join(part.text for part in confident[1].texts[1])
    assert text == CONTEXT[: len(text) - 2] + " …"
    assert [example.expected for example in impossible] == ["(no answer)"]
    (left,) = silent
    assert (left.given, left.expected) == ("(no answer)", "Cy")
    assert left.texts[1][0].text == "… "
    assert "".join(part.text for part in left.texts[1])[2:] in CONTEXT


def test_a_question_that_rightly_gets_no_answer_is_not_listed():
    predictions = {"right": "Ada", "wrong": "", "surer": "Rome", "none": "", "silent": "Cy"}
    found = wrong_answers.find(
        _paragraphs(), predictions, dict.fromkeys(predictions, -1.0), threshold=None
    )
    assert [len(examples) for examples in found.values()] == [0, 0, 1]


def test_overlapping_marks_keep_the_text_whole():
    question = Question("q", "Who?", (Answer("met Bob in", 4),), is_impossible=False)
    paragraph = Paragraph(CONTEXT, (question,), "article", "file", 0)
    for given in ("Bob in Rome", "Ada met", "met Bob in Rome", "Bob"):
        parts = wrong_answers._excerpt(
            CONTEXT,
            [
                (4, 14, "expected"),
                (CONTEXT.index(given), CONTEXT.index(given) + len(given), "given"),
            ],
        )
        text = "".join(part.text for part in parts)
        assert text.removesuffix(" …") == CONTEXT[: len(text) - 2], given
    assert wrong_answers.find([paragraph], {"q": "Ada"}, {"q": 0.0}, threshold=1.0)
