"""The committed sample: what the generator writes, and fit for its purpose."""

import collections
import json
import os
import subprocess
import sys

import pytest

from components.example_gen.classification import inputs
from components.example_gen.classification.dataset import Columns, Split, TextDataset
from components.example_gen.classification.file_conversion import convert_file
from components.example_gen.classification.plan import make_plan
from pipeline.sample_data import SAMPLE_DATA_DIRECTORY
from pipeline.sample_data.generate import generate


def _reviews(split):
    path = SAMPLE_DATA_DIRECTORY / "classification" / f"{split}.tsv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert header == "text\tlabel"
    texts, labels = zip(*(line.split("\t") for line in lines), strict=True)
    return list(texts), list(labels)


def _data_set(split):
    path = SAMPLE_DATA_DIRECTORY / "question_answering" / f"{split}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _paragraphs(split):
    return [p for article in _data_set(split)["data"] for p in article["paragraphs"]]


def test_committed_files_are_what_the_generator_writes():
    for name, content in generate().items():
        assert (SAMPLE_DATA_DIRECTORY / name).read_bytes() == content.encode(), name


def test_no_other_data_files_lie_there():
    committed = {
        str(path.relative_to(SAMPLE_DATA_DIRECTORY))
        for path in SAMPLE_DATA_DIRECTORY.glob("*/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert committed == set(generate())


def test_generator_does_not_depend_on_the_process(tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-m", "pipeline.sample_data.generate", str(tmp_path)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    for name in generate():
        assert (tmp_path / name).read_bytes() == (SAMPLE_DATA_DIRECTORY / name).read_bytes()


def test_it_is_small():
    assert sum(len(content) for content in generate().values()) < 1_000_000


@pytest.mark.parametrize(("split", "number"), [("train", 1000), ("eval", 200), ("test", 100)])
def test_reviews_are_balanced(split, number):
    _, labels = _reviews(split)
    assert len(labels) == number
    share = labels.count("positive") / number
    assert 0.4 < share < 0.6
    assert set(labels) == {"negative", "positive"}


def test_no_review_is_in_two_splits():
    texts = [text for split in ("train", "eval", "test") for text in _reviews(split)[0]]
    assert len(set(texts)) == len(texts) == 1300


def test_reviews_need_more_than_their_words():
    """A linear model of words is well above chance and below one that sees word order."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, held_out = _reviews("train"), _reviews("eval")
    scores = {}
    for length in (1, 3):
        vectorizer = CountVectorizer(ngram_range=(1, length), token_pattern=r"\w+|[^\w\s]")
        model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
        scores[length] = model.fit(*train).score(*held_out)
    assert 0.70 < scores[1] < 0.90
    assert scores[1] + 0.02 < scores[3]


def test_reviews_are_read_without_dead_letters():
    dataset = TextDataset(
        name="sample",
        file_format="tsv",
        header=True,
        columns=Columns(text_a="text", label="label"),
        labels=("negative", "positive"),
        splits={name: Split(f"{name}.tsv") for name in ("train", "eval", "test")},
    )
    found = inputs.check_inputs(dataset, str(SAMPLE_DATA_DIRECTORY / "classification"))
    plan = make_plan(dataset, found, seed=0, shard_bytes=1 << 20, max_row_bytes=1000)
    counts = collections.Counter()
    for files in found.values():
        for file in files:
            assert all(output.is_example for output in convert_file(plan, file, counts))
    assert counts == {
        (split, what, ""): number
        for split, number in (("train", 1000), ("eval", 200), ("test", 100))
        for what in ("read", "produced")
    }


def test_documents_are_sentences_with_blank_lines_between():
    text = (SAMPLE_DATA_DIRECTORY / "corpus" / "documents.txt").read_text(encoding="utf-8")
    documents = [document.splitlines() for document in text.strip("\n").split("\n\n")]
    assert len(documents) == 300
    for document in documents:
        assert len(document) >= 3
        for sentence in document:
            assert sentence == sentence.strip()
            assert sentence[-1] in '.?"'


def test_a_vocabulary_can_be_made_from_the_corpus(tmp_path):
    import sentencepiece

    sentencepiece.SentencePieceTrainer.Train(
        input=str(SAMPLE_DATA_DIRECTORY / "corpus" / "documents.txt"),
        model_prefix=str(tmp_path / "sample"),
        vocab_size=600,
        character_coverage=0.99995,
        model_type="unigram",
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "sample.model"))
    texts = [*_reviews("eval")[0], *(paragraph["context"] for paragraph in _paragraphs("dev"))]
    texts += [qa["question"] for paragraph in _paragraphs("dev") for qa in paragraph["qas"]]
    # The tokenizer takes the accent off "café" before it encodes.
    ids = [piece for text in texts for piece in model.encode(text.replace("é", "e"))]
    assert model.unk_id() not in ids
    # Whole words for the most part, so that a small model has something to learn from.
    assert len(ids) < 2 * sum(len(text.split()) for text in texts)


@pytest.mark.parametrize(("split", "number"), [("train", 480), ("dev", 30)])
def test_answers_stand_where_they_are_said_to(split, number):
    data_set = _data_set(split)
    assert data_set["version"] == "v2.0"
    paragraphs = _paragraphs(split)
    assert len(paragraphs) == number
    for paragraph in paragraphs:
        context = paragraph["context"]
        for qa in paragraph["qas"]:
            assert qa["question"].endswith("?")
            assert bool(qa["answers"]) != qa["is_impossible"]
            for answer in [*qa["answers"], *qa.get("plausible_answers", [])]:
                start = answer["answer_start"]
                assert context[start : start + len(answer["text"])] == answer["text"]
            if split == "train":
                assert len(qa["answers"]) <= 1


def test_one_question_in_three_is_impossible():
    for split in ("train", "dev"):
        questions = [qa for paragraph in _paragraphs(split) for qa in paragraph["qas"]]
        assert sum(qa["is_impossible"] for qa in questions) * 3 == len(questions)


def test_ids_of_questions_are_unique():
    questions = [
        qa
        for split in ("train", "dev")
        for paragraph in _paragraphs(split)
        for qa in paragraph["qas"]
    ]
    assert len({qa["id"] for qa in questions}) == len(questions) == 3060


def test_questions_have_one_answer_in_their_paragraph():
    """What a careful reader would answer, by rules of its own, is what the file says."""
    import re

    rules = [
        (r"Where does (.+) live\?|In which town does (.+) live\?", r"lives in ([\w ]+)\."),
        (r"What does (.+) do for a living\?|What is the job of (.+)\?", r"works as an? ([\w ]+)\."),
    ]
    num_checked = 0
    for paragraph in [*_paragraphs("train"), *_paragraphs("dev")]:
        context = paragraph["context"]
        names = list(dict.fromkeys(re.findall(r"[A-Z][a-z]+ [A-Z][a-z]+(?= \w+s )", context)))
        for qa in paragraph["qas"]:
            for question, statement in rules:
                match = re.fullmatch(question, qa["question"])
                if not match:
                    continue
                name = match[1] or match[2]
                # What is told of a person stands between the name and the next name.
                start = context.index(name)
                ends = [context.index(other) for other in names if context.index(other) > start]
                found = re.search(statement, context[start : min(ends, default=len(context))])
                num_checked += 1
                assert bool(found) != qa["is_impossible"], (context, qa)
                if found:
                    assert found[1] == qa["answers"][0]["text"]
    assert num_checked > 80
