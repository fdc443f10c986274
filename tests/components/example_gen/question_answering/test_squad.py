import gzip
import json

import pytest

from components.dead_letters import UNCOUNTABLE, DeadLetter
from components.example_gen.question_answering import squad, squad_examples
from components.example_gen.question_answering.squad import (
    Answer,
    Paragraph,
    Question,
    SquadFormatError,
    read_file,
)

CONTEXT = "The cat sat on the mat. The dog sat on the rug."


def _answer(text, start):
    return {"text": text, "answer_start": start}


def _qa(question_id="q1", **changes):
    value = {
        "id": question_id,
        "question": "Where did the cat sit?",
        "answers": [_answer("the mat", 15)],
        "is_impossible": False,
    }
    value.update(changes)
    return {key: item for key, item in value.items() if item is not None}


def _data(*qas, context=CONTEXT, title="Pets"):
    return {
        "version": "v2.0",
        "data": [{"title": title, "paragraphs": [{"context": context, "qas": list(qas)}]}],
    }


def _read(tmp_path, data, name="data.json"):
    path = tmp_path / name
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    items = list(read_file(str(path)))
    return (
        [item for item in items if isinstance(item, Paragraph)],
        [item for item in items if isinstance(item, DeadLetter)],
    )


@pytest.mark.parametrize("name", ["data.json", "data.json.gz", "data.jsonl", "data.jsonl.gz"])
def test_reads_a_whole_data_set(tmp_path, name):
    data = _data(
        _qa(answers=[_answer("the mat", 15), _answer("mat", 19)]),
        _qa("q2", answers=[], is_impossible=True),
    )
    (paragraph,), rejected = _read(tmp_path, data, name)
    text = "Where did the cat sit?"
    assert paragraph == Paragraph(
        context=CONTEXT,
        questions=(
            Question("q1", text, (Answer("the mat", 15), Answer("mat", 19)), False),
            Question("q2", text, (), True),
        ),
        article="Pets",
        source=str(tmp_path / name),
        position=0,
    )
    assert not rejected


def test_json_lines_hold_articles_or_paragraphs(tmp_path):
    article = _data(_qa("a"))["data"][0]
    paragraph = {"context": CONTEXT, "qas": [_qa("b")]}
    lines = [json.dumps(article), "", json.dumps(paragraph), '{"cut": ', "[1]"]
    paragraphs, rejected = _read(tmp_path, "\n".join(lines).encode(), "data.jsonl")
    assert [(p.article, p.position, p.questions[0].id) for p in paragraphs] == [
        ("Pets", 0, "a"),
        ("article 1 of data.jsonl", 1, "b"),
    ]
    assert [(r.reason, r.position) for r in rejected] == [
        (squad.NOT_JSON, "line 4"),
        (squad.NOT_AN_OBJECT, "article 2"),
    ]


def test_version_1_has_no_is_impossible(tmp_path):
    (paragraph,), _ = _read(tmp_path, _data(_qa(is_impossible=None)))
    assert paragraph.questions[0].is_impossible is False


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        ("the mat", 15, 15),
        # The nearer of two places, before and behind.
        ("sat on the", 6, 8),
        ("sat on the", 30, 32),
        ("sat on the", 21, 32),
        ("sat on the", 19, 8),
        ("The cat", -5, 0),
        ("The cat", 10_000, 0),
        ("the bed", 15, -1),
    ],
)
def test_answers_are_looked_for_near_by(tmp_path, text, start, found):
    (paragraph,), rejected = _read(tmp_path, _data(_qa(answers=[_answer(text, start)])))
    assert paragraph.questions[0].answers == (Answer(text, found),)
    assert paragraph.num_lost_answers == (found == -1)
    assert paragraph.num_repaired_answers == (found not in (-1, start))
    assert not rejected


def test_far_away_only_the_single_place_counts():
    context = "word " + "x" * 1000 + " here " + "x" * 1000 + " here"
    assert squad.locate("word", 1500, context) == 0
    assert squad.locate("here", 500, context) == -1


def test_unicode_is_counted_in_characters(tmp_path):
    context = "שלום 😀 é e\u0301 done"
    # \ud83d\ude00 is one character written as two; \ud800 alone is none.
    raw = json.dumps(_data(_qa(answers=[_answer("done", 12)]), context=context + "\ud800"))
    assert "\\ud83d\\ude00" in raw
    (paragraph,), _ = _read(tmp_path, raw.encode())
    assert paragraph.context == context + "\ud800"
    assert paragraph.questions[0].answers == (Answer("done", context.index("done")),)


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"question": None}, squad.MISSING_KEY, "'question'"),
        ({"id": None}, squad.MISSING_KEY, "'id'"),
        ({"id": ""}, squad.MISSING_KEY, "id is empty"),
        ({"question": 5}, squad.WRONG_TYPE, "'question' is 5, not str"),
        ({"answers": "x"}, squad.WRONG_TYPE, "not a list"),
        ({"answers": [{"text": "x"}]}, squad.MISSING_KEY, "'answer_start'"),
        ({"answers": [3]}, squad.NOT_AN_OBJECT, "3"),
        ({"answers": [_answer("x", True)]}, squad.WRONG_TYPE, "True"),
        ({"is_impossible": "no"}, squad.WRONG_TYPE, "not a boolean"),
    ],
)
def test_unusable_questions_are_dead_letters(tmp_path, change, reason, detail):
    (paragraph,), (letter,) = _read(tmp_path, _data(_qa("good"), _qa(**{"id": "bad", **change})))
    assert [question.id for question in paragraph.questions] == ["good"]
    assert letter.reason == reason
    assert detail in letter.detail
    assert "article 'Pets', paragraph 0" in letter.position
    if change.get("id", "bad") == "bad":
        assert letter.position.endswith("question bad")


def test_duplicate_ids_keep_the_first(tmp_path):
    data = _data(_qa("a"), _qa("a", question="Again?"))
    data["data"].append(_data(_qa("a"), _qa("b"))["data"][0])
    paragraphs, rejected = _read(tmp_path, data)
    assert [[q.id for q in p.questions] for p in paragraphs] == [["a"], ["b"]]
    assert paragraphs[0].questions[0].text == "Where did the cat sit?"
    assert [letter.reason for letter in rejected] == [squad.DUPLICATE_ID] * 2


def test_an_id_that_utf8_cannot_express_is_a_dead_letter(tmp_path):
    paragraphs, (letter,) = _read(tmp_path, _data(_qa("a"), _qa("q\ud800")))
    assert [[q.id for q in p.questions] for p in paragraphs] == [["a"]]
    assert letter.reason == squad.UNDECODABLE
    assert letter.position == "article 'Pets', paragraph 0, question q\ud800"


def test_unusable_paragraphs_and_articles_are_dead_letters(tmp_path):
    data = _data(_qa())
    data["data"][0]["paragraphs"] += [{"qas": []}, "text", {"context": 3, "qas": []}]
    data["data"] += [{"title": "T"}, 5]
    paragraphs, rejected = _read(tmp_path, data)
    assert len(paragraphs) == 1
    assert [letter.position for letter in rejected] == [
        "article 'Pets', paragraph 1",
        "article 'Pets', paragraph 2",
        "article 'Pets', paragraph 3",
        "article 1",
        "article 2",
    ]


def test_empty_texts_are_handed_on(tmp_path):
    (paragraph,), rejected = _read(
        tmp_path, _data(_qa(question="", answers=[_answer("", 3)]), context="")
    )
    assert paragraph.context == paragraph.questions[0].text == ""
    assert paragraph.questions[0].answers == (Answer("", -1),)
    assert paragraph.num_lost_answers == 0
    assert not rejected


def test_a_cut_off_file_names_article_and_question(tmp_path):
    content = json.dumps(_data(_qa("first"), _qa("second"))).encode()
    cut = content[: content.index(b"second") + 30]
    with pytest.raises(SquadFormatError) as caught:
        _read(tmp_path, cut)
    for part in ("data.json is cut off", "article 0", '"Pets"', '"second"'):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is cut off"),
        (b"{}", 'no key "data"'),
        (b'{"data": 5}', "is not valid JSON"),
        (b"<html>", "is not valid JSON"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    with pytest.raises(SquadFormatError, match=message):
        _read(tmp_path, content)


def test_articles_are_split_by_hash():
    titles = [f"title {i}" for i in range(2000)]
    weights = {"train": 9, "eval": 1}
    splits = [squad.split_of_article(title, weights=weights, seed=1) for title in titles]
    # Four standard deviations of a binomial with 2,000 draws and p = 0.1.
    assert abs(splits.count("eval") - 200) < 54
    weights = {"eval": 1, "train": 9}
    assert splits == [squad.split_of_article(title, weights=weights, seed=1) for title in titles]
    assert splits != [squad.split_of_article(title, weights=weights, seed=2) for title in titles]
    assert {squad.split_of_article(t, weights={"a": 0, "b": 1}, seed=0) for t in titles} == {"b"}
    with pytest.raises(ValueError, match="one positive"):
        squad.split_of_article("x", weights={"a": 0}, seed=0)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["dev-v2.0.json", "dev-v1.1.json", "train-sample-v1.1.json"])
def test_real_files_equal_the_json_module(data_root, name):
    path = data_root / "squad" / name
    expected = [
        (article["title"], paragraph["context"], qa["id"], qa["question"], qa["answers"])
        for article in json.loads(path.read_text())["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    assert expected == [
        (
            paragraph.article,
            paragraph.context,
            question.id,
            question.text,
            [_answer(answer.text, answer.start) for answer in question.answers],
        )
        for paragraph in read_file(str(path))
        for question in paragraph.questions
    ]


def test_a_list_of_articles_is_a_data_set(tmp_path):
    (paragraph,), rejected = _read(tmp_path, _data(_qa())["data"])
    assert rejected == []
    assert paragraph.questions[0].id == "q1"


def test_valid_json_of_another_form_is_told_which_form_is_read(tmp_path):
    _, (letter,) = _read(tmp_path, [{"id": 1, "data": {"text": "x"}, "annotations": []}])
    assert "there is no 'paragraphs'; the keys are ['annotations', 'data', 'id']" in letter.detail
    assert '{"data": [{"title": …, "paragraphs":' in letter.detail


def test_damage_is_where_it_is(tmp_path):
    article = json.dumps(_data(_qa("first"), _qa("second"))["data"][0])
    text = (
        f'{{"data": [{article.replace("}]}]}", "},]}]}")}, {article.replace("first", "later")}]}}'
    )
    with pytest.raises(SquadFormatError) as caught:
        _read(tmp_path, text.encode())
    message = str(caught.value)
    assert f"at character {text.index(',]'):,}: a comma too many" in message
    assert "is not valid JSON" in message
    # What stands before the damage, not what was read ahead.
    assert 'title "Pets", after question id "second"' in message
    assert "cut off" not in message


def test_a_name_without_end_is_cut_in_messages(tmp_path):
    text = '{"data": [{"title": "T", "paragraphs": [{"context": "c", "qas": [{"id": "IDID"},]}]}]}'
    with pytest.raises(SquadFormatError, match=r'after question id "9{39}…;') as caught:
        _read(tmp_path, text.replace("IDID", "9" * 6000).encode())
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("tail", ["x]}", '"\\x"]}', '"\\u12"]}', "nul]}", "1,]}", "tru, 2]}"])
def test_only_what_ends_inside_a_value_is_cut_off(tmp_path, tail):
    for content, is_cut_off in (('{"data": [' + tail, False), ('{"data": [tr', True)):
        with pytest.raises(SquadFormatError) as caught:
            _read(tmp_path, content.encode())
        assert ("is cut off" in str(caught.value)) == is_cut_off


def test_a_lost_part_weighs_the_questions_in_it(tmp_path):
    paragraph = {"context": CONTEXT, "qas": [_qa(f"q{n}") for n in range(7)]}
    articles = [
        {"title": "key", "paragraph": [paragraph, paragraph]},
        {"title": "context", "paragraphs": [{**paragraph, "context": None}]},
        {"title": "none", "paragraphs": None},
        7,
        "text",
    ]
    _, rejected = _read(tmp_path, {"data": articles})
    assert [letter.weight for letter in rejected] == [14, 7, 1, UNCOUNTABLE, UNCOUNTABLE]


def test_a_lost_line_weighs_the_questions_in_it(tmp_path):
    article = json.dumps(_data(_qa("a"), _qa("b"))["data"][0])
    lines = [article[:-1].encode(), article.replace("cat", "c\u00e9t").encode("latin-1")]
    lines[1] = lines[1].replace(b"c\\u00e9t", b"c\xe9t")
    paragraphs, rejected = _read(tmp_path, b"\n".join(lines), "data.jsonl")
    assert paragraphs == []
    assert [(letter.position, letter.reason, letter.weight) for letter in rejected] == [
        ("line 1", squad.NOT_JSON, 2),
        # Not repaired to U+FFFD without a word.
        ("line 2", squad.UNDECODABLE, 2),
    ]
    assert "Windows-1252" in rejected[1].detail


def test_numbers_of_thousands_of_digits_are_one_error(tmp_path):
    digits = "7" * 5000
    text = json.dumps(_data(_qa(answers=[_answer("the mat", 15)]))).replace("15", digits)
    with pytest.raises(SquadFormatError, match="4300"):
        _read(tmp_path, text.encode())
    _, (letter,) = _read(tmp_path, text.encode(), "data.jsonl")
    assert letter.reason == squad.NOT_JSON


@pytest.mark.parametrize("depth", range(150, 1000, 50))
def test_nesting_near_the_recursion_limit_is_a_result_or_an_error_of_the_reader(tmp_path, depth):
    deep = "[" * depth + "]" * depth
    for text in (
        f'{{"data": [{{"title": "x", "paragraphs": [{{"context": {deep}, "qas": {deep}}}]}}]}}',
        f'{{"data": [{{"title": "x", "nothing": {deep}}}]}}',
    ):
        try:
            found = sum(map(len, _read(tmp_path, text.encode())))
        except SquadFormatError:
            found = 1
        assert found == 1


def test_a_small_file_cannot_ask_for_all_memory(tmp_path):
    with pytest.raises(SquadFormatError, match="of which at most 4,000,000 are read at once"):
        list(read_file(_bomb(tmp_path / "data.json.gz", b'{"data": [[', b"[],", b"0]]}")))
    (letter,) = read_file(_bomb(tmp_path / "data.jsonl.gz", b'{"x": [', b"[],", b"0]}"))
    assert "at once" in letter.detail
    # In small pieces there may be as many as there are.
    piece = b"[" + b"[]," * 200 + b"0],"
    (tmp_path / "data.json").write_bytes(b'{"data": [' + piece * 10_000 + b"0]}")
    assert sum(1 for _ in read_file(str(tmp_path / "data.json"))) == 10_001


def _bomb(path, before, unit, behind):
    path.write_bytes(gzip.compress(before + unit * 2_100_000 + behind, 1))
    return str(path)


@pytest.mark.parametrize(
    ("changes", "unlabelled"),
    [
        ({}, ""),
        ({"answers": None, "is_impossible": True}, ""),
        ({"answers": [], "is_impossible": True}, ""),
        # As SQuAD's official script reads it: no answer. A whole data set of these is refused.
        ({"answers": [], "is_impossible": None}, ""),
        ({"answers": [], "is_impossible": False}, "is_impossible is false, but 'answers' is empty"),
        (
            {"answers": None, "is_impossible": None, "answer": [_answer("the mat", 15)]},
            "there is no key 'answers' and no is_impossible: true; its keys are 'answer', 'id', "
            "'question'",
        ),
    ],
)
def test_a_question_may_lack_its_label_and_says_so(tmp_path, changes, unlabelled):
    (paragraph,), rejected = _read(tmp_path, _data(_qa(**changes)))
    assert rejected == []
    assert paragraph.questions[0].unlabelled == unlabelled
    assert squad_examples.decode(squad_examples.encode(paragraph)) == paragraph
