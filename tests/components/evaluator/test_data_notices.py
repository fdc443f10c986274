"""What is said of the data, against counts written by hand."""

from components.evaluator import data_notices
from components.manifest import Manifest

SHA = "0" * 64


def made(counts, **parameters):
    return Manifest(
        record_type="x",
        parameters=parameters,
        vocabulary_sha256=SHA,
        shards={"train": ["a"], "eval": ["b"]},
        counts=counts,
    )


def test_nothing_to_say_is_said():
    rows = {"train": {"read": 5, "produced": 5, "blank": 0, "dead": {}}}
    assert data_notices.of_classification(rows, None) == []
    assert data_notices.sentence([]) == "nothing left out, cut or unknown"


def test_rows_and_texts_of_a_classification():
    rows = {
        "train": {
            "read": 95,
            "produced": 93,
            "blank": 0,
            "dead": {"unknown label": 1, "missing key": 1},
            "more lost": 3,
        },
        "eval": {"read": 4, "produced": 4, "blank": 0, "dead": {}},
    }
    counts = {
        "train/cut": 90,
        "train/tokens": 1000,
        "train/unknown_tokens": 9,
        "train/lengths/longer": 93,
        "eval/cut": 0,
        "eval/tokens": 50,
        "eval/unknown_tokens": 0,
        "eval/lengths/00001": 7,
    }
    notices = data_notices.of_classification(rows, made(counts, seq_len=8))
    assert [(notice.text, notice.is_much) for notice in notices] == [
        ("left out 5 of 102 rows (4.90%): 1 missing key, 1 unknown label", True),
        ("texts cut at seq_len 8: 90 of 100 (90.00%)", True),
        ("tokens unknown to the vocabulary: 9 of 1,050 (0.86%)", False),
    ]


def test_questions_lost_at_both_steps_are_added_up():
    counts = {
        "input/train/questions": 1000,
        "input/train/dead_letters/missing key": 1,
        "input/train/lost in dead letters": 40,
        "train/questions read": 960,
        "train/questions": 960,
        "train/dead_letters/answer not in the paragraph": 2,
        "train/lost in dead letters": 2,
        "eval/questions read": 40,
        "eval/questions": 40,
        "train/answers/repaired": 100,
        "train/pieces": 5000,
        "train/pieces/unknown": 100,
    }
    notices = data_notices.of_question_answering(made(counts, max_query_length=64))
    assert [(notice.text, notice.is_much) for notice in notices] == [
        (
            "left out 42 of 1,040 questions (4.04%): 2 answer not in the paragraph, 1 missing key",
            True,
        ),
        ("answers found near their offset: 100 of 1,000 questions (10.00%)", True),
        ("tokens unknown to the vocabulary: 100 of 5,000 (2.00%)", True),
    ]


def test_text_lost_and_doubtful_of_a_corpus():
    counts = {
        "input/all/bytes": 1_000_000,
        "input/all/dead_letters/not UTF-8": 1,
        "input/all/lost in dead letters": 100,
        "input/all/lines cut": 2,
        "input/all/files that look like a table with tabs": 1,
        "train/bytes": 900_000,
        "train/tokens": 200_000,
        "eval/tokens": 10,
        "train/unknown tokens": 4_000,
        "train/documents": 100,
        "train/documents without tokens": 6,
        "train/tokens in shards without a batch": 1_000,
        "train/tokens at row ends": 200,
    }
    notices = data_notices.of_pretraining(made(counts, num_passes=2))
    assert [(notice.text, notice.is_much) for notice in notices] == [
        ("left out 100 of 1,000,000 bytes of text (0.01%): 1 not UTF-8", False),
        ("1 files that look like a table with tabs", True),
        ("2 lines of more than 1,048,576 bytes cut at spaces", False),
        ("documents without tokens: 6 of 100 (6.00%)", True),
        ("tokens that fill no batch: 1,200 of 400,020 (0.30%)", False),
        ("tokens unknown to the vocabulary: 4,000 of 200,010 (2.00%)", True),
    ]
    assert data_notices.sentence(notices).count(";") == 5


def test_labels_of_very_different_frequency():
    def notices(**by_label):
        counts = {f"train/labels/{label}": number for label, number in by_label.items()}
        # What the other splits have says nothing about what is learnt.
        counts["eval/labels/no"] = 1
        return [n.text for n in data_notices.of_classification(None, made(counts, seq_len=8))]

    assert notices(no=5, yes=49) == []
    assert notices(no=5, maybe=20, yes=50) == [
        "labels of very different frequency: 5 training examples are 'no', 50 are 'yes'"
    ]
    assert notices(no=0, yes=1) != []
