import dataclasses
import gzip
import json

import pytest

from components.dead_letters import DeadLetter
from components.example_gen.question_answering import squad
from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.preprocessing.question_answering import featurizer, records
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer

CONFIG = WindowConfig(64, 16, 16)
CONTEXT = "The cat sat on the mat, and the dog lay on the rug."


def _paragraph(*questions, context=CONTEXT):
    return Paragraph(context, questions, "Pets", "pets.json", 3)


def _question(text="Where did the cat sit?", answers=(), is_impossible=False, unlabelled=""):
    return Question("q", text, tuple(answers), is_impossible, unlabelled)


def _run(tokenizer, paragraph, *, for_training):
    maker = Featurizer(tokenizer, CONFIG, for_training=for_training)
    return list(maker.featurize(paragraph)), maker.counts


def test_the_answer_is_found_again_in_the_window(tiny_tokenizer):
    answers = [Answer("lost", -1), Answer("on the mat", 12), Answer("the rug", 43)]
    (made,), counts = _run(
        tiny_tokenizer, _paragraph(_question(answers=answers)), for_training=True
    )
    (window,) = made.windows
    target = window.target
    begin = window.span.tok_start_to_orig_index[target.start_position]
    end = window.span.tok_end_to_orig_index[target.end_position]
    # The first answer that was found is learnt; its first piece begins with the space before it.
    assert CONTEXT[begin : end + 1].strip() == "on the mat"
    assert not target.is_impossible
    assert counts["windows/answerable"] == counts["windows"] == counts["questions"] == 1


@pytest.mark.parametrize(
    ("question", "context", "reason"),
    [
        (_question(answers=[Answer("bed", -1)]), CONTEXT, featurizer.LOST_ANSWER),
        (_question(unlabelled="there is no key 'answers'"), CONTEXT, featurizer.NO_ANSWER),
        (_question(answers=[Answer("", -1)]), CONTEXT, featurizer.NO_ANSWER),
        (_question(text=" \n", is_impossible=True), CONTEXT, featurizer.EMPTY_QUESTION),
        (_question(is_impossible=True), " \n\u0301", featurizer.EMPTY_PARAGRAPH),
    ],
)
def test_what_teaches_nothing_is_a_dead_letter_but_gets_a_prediction(
    tiny_tokenizer, question, context, reason
):
    paragraph = _paragraph(question, context=context)
    (letter,), _ = _run(tiny_tokenizer, paragraph, for_training=True)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert letter.source == "pets.json"
    assert letter.position == "article 'Pets', question q"
    (made,), counts = _run(tiny_tokenizer, paragraph, for_training=False)
    assert len(made.windows) == 1
    assert counts["questions"] == 1


@pytest.mark.parametrize(
    "question",
    [
        _question(answers=[Answer("the mat", 15)], is_impossible=True),
        # What an evaluation, too, takes for "there is no answer".
        _question(answers=[]),
    ],
)
def test_impossible_questions_point_to_cls(tiny_tokenizer, question):
    paragraph = _paragraph(question)
    (made,), _ = _run(tiny_tokenizer, paragraph, for_training=True)
    (window,) = made.windows
    assert window.target.start_position == window.layout.cls_index == window.target.end_position
    assert window.target.is_impossible


@pytest.mark.parametrize(
    "context",
    ["שלום עולם " * 300, "한국어 텍스트 " * 2000, "go 😀 \ud800 now", "x" * 100_000, "\ufb01" * 9],
)
def test_any_text_gives_windows(tiny_tokenizer, context):
    paragraph = _paragraph(_question(answers=[Answer(context[3:6], 3)]), context=context)
    for for_training in (True, False):
        (made,), counts = _run(tiny_tokenizer, paragraph, for_training=for_training)
        assert made.windows
        for window in made.windows:
            assert (window.span.tok_end_to_orig_index < len(context)).all()
    assert counts["paragraphs"] == 1


def _read_golden(path):
    """The header, and the windows by question id and number."""
    with gzip.open(path, "rt") as file:
        header = json.loads(next(file))
        windows = {}
        for line in file:
            window = json.loads(line)
            windows.setdefault(window["qas_id"], {})[window["doc_span_index"]] = window
    return header, windows


@pytest.mark.golden
@pytest.mark.real_data
@pytest.mark.parametrize("use", ["eval", "train"])
@pytest.mark.parametrize("length", [512, 384])
def test_every_feature_equals_the_reference(
    golden_root, data_root, published_tokenizer, length, use
):
    tied = set(json.loads((golden_root / "ties.json").read_text())["squad_cased"])
    path = golden_root / "squad" / f"dev2.len-{length}.{use}.jsonl.gz"
    header, expected = _read_golden(path)
    config = WindowConfig(
        header["max_seq_length"], header["doc_stride"], header["max_query_length"]
    )
    maker = Featurizer(published_tokenizer, config, for_training=header["is_training"])
    # The reference numbers windows in the order of the file; of a part of the questions the numbers
    # of the others are unknown.
    is_whole = header["n_questions"] == 11_873
    num_windows = num_compared = num_tied = 0
    for paragraph in squad.read_file(str(data_root / "squad" / header["data"])):
        if not is_whole:
            questions = tuple(q for q in paragraph.questions if q.id in expected)
            paragraph = dataclasses.replace(paragraph, questions=questions)
        for made in maker.featurize(paragraph):
            question_id = made.question.id
            for window in made.windows:
                golden = expected.get(question_id, {}).pop(window.span.index, None)
                if golden is not None and question_id in tied:
                    num_tied += 1
                elif golden is not None:
                    unique_id = 1_000_000_000 + num_windows if is_whole else golden["unique_id"]
                    _compare(window, golden, question_id, unique_id)
                    num_compared += 1
                num_windows += 1
    assert not any(expected.values())
    assert maker.counts["paragraphs/aligned: expanded"] == 0
    assert num_tied <= 3
    assert num_compared >= 600


def _compare(window, golden, question_id, unique_id):
    found = records.features(window, question_id=question_id, unique_id=unique_id)
    names = {"start_position": "start_positions", "end_position": "end_positions"}
    if window.target is None:
        for name in ("start_position", "end_position", "is_impossible"):
            del golden[name]
    names["unique_id"] = "unique_ids"
    paragraph_len = golden["paragraph_len"]
    assert window.span.length == paragraph_len
    span = {
        name: getattr(window.span, name)[:paragraph_len].tolist()
        for name in ("tok_start_to_orig_index", "tok_end_to_orig_index", "token_is_max_context")
    }
    found |= span
    for name, value in golden.items():
        if name in ("order", "example_index", "qas_id", "doc_span_index", "paragraph_len"):
            continue
        ours = found[names.get(name, name)]
        ours = ours.tolist() if hasattr(ours, "tolist") else ours
        assert ours == value, (question_id, name)
