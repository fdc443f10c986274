"""Questions with options through tensorflow-transform, against lists joined by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components import configuration, records, tf_examples
from components.preprocessing.classification import preprocessing, transform_graph
from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer

SEQ_LEN, MAX_QA_LENGTH = 24, 9
LABELS = ("A", "B", "C")
SHORT = "sam has a cat"
LONG = "sam has a cat and a dog and a hen and a pig and a cow"
# Passage, question, options, answer.
QUESTIONS = [
    (SHORT, "who has a cat", ["sam", "a dog", "a pig"], "A"),
    (SHORT, "_ has a cat", ["a hen", "sam", "nobody and nobody"], "B"),
    ("sam", "who", ["a hen", "sam", "a dog"], "B"),
    (LONG, "what has sam", ["a cow and a cat and a dog", "a hen", "no dog"], "C"),
    ("sam", "what has sam", ["a cow and a cat and a dog and a hen", "a hen", "no dog"], "B"),
]


@pytest.fixture(scope="module")
def vocabulary():
    texts = [text for a, b, options, _ in QUESTIONS for text in (a, b, *options)]
    return train_sentencepiece.train(texts * 5, vocabulary_size=36)


@pytest.fixture(scope="module")
def graph(tmp_path_factory, vocabulary):
    directory = tmp_path_factory.mktemp("graph")
    (directory / "spiece.model").write_bytes(vocabulary.model)
    names = ("text_a", "text_b", "label", "options", "level")
    transform_graph.build(
        schema_pb2.Schema(
            feature=[schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in names]
        ),
        preprocessing.PreprocessingConfig(
            sentencepiece_model=str(directory / "spiece.model"),
            seq_len=SEQ_LEN,
            uncased=False,
            labels=LABELS,
            max_qa_length=MAX_QA_LENGTH,
        ),
        directory=str(directory / "graph"),
    )
    return transform_graph.TransformGraph(str(directory / "graph"))


def example(text_a, text_b, options, label):
    values = {"text_a": [text_a], "text_b": [text_b], "options": options, "label": [label]}
    encoded = {name: [text.encode() for text in texts] for name, texts in values.items()}
    return tf_examples.encode({**encoded, "level": [b"high"]})


def by_hand(tokenizer, text_a, joined):
    """One sequence, step by step as the published preparation has it."""
    qa = tokenizer.encode(joined)[-MAX_QA_LENGTH:]
    passage = tokenizer.encode(text_a)[: SEQ_LEN - 3 - len(qa)]
    ids = [*passage, 4, *qa, 4, 3]
    padding = SEQ_LEN - len(ids)
    segments = [0] * (len(passage) + 1) + [1] * (len(qa) + 1) + [2]
    return [0] * padding + ids, [1.0] * padding + [0.0] * len(ids), [4] * padding + segments


def test_a_record_has_a_sequence_for_each_option(graph, vocabulary):
    transformed = graph([example(*question) for question in QUESTIONS])
    assert transformed.labels == [b"A", b"B", b"B", b"C", b"B"]
    joined = [
        ["who has a cat sam", "who has a cat a dog", "who has a cat a pig"],
        ["a hen has a cat", "sam has a cat", "nobody and nobody has a cat"],
        ["who a hen", "who sam", "who a dog"],
        ["what has sam a cow and a cat and a dog", "what has sam a hen", "what has sam no dog"],
        [
            "what has sam a cow and a cat and a dog and a hen",
            "what has sam a hen",
            "what has sam no dog",
        ],
    ]
    description = records.multiple_choice(3).feature_description(SEQ_LEN, use="training")
    tokenizer = Tokenizer(vocabulary)
    found = tf.io.parse_example(tf.constant(transformed.records), description)
    # Of the longest sequence, had nothing been cut.
    assert transformed.num_tokens.tolist() == [
        len(tokenizer.encode(text_a)) + max(len(tokenizer.encode(text)) for text in texts) + 3
        for (text_a, *_), texts in zip(QUESTIONS, joined, strict=True)
    ]
    # The last question with its first option is cut, although the record has room for it.
    kept = [
        max(SEQ_LEN - int(sum(by_hand(tokenizer, text_a, text)[1])) for text in texts)
        for (text_a, *_), texts in zip(QUESTIONS, joined, strict=True)
    ]
    assert transformed.num_kept.tolist() == kept
    assert transformed.num_tokens[-1] > kept[-1] < SEQ_LEN
    lengths = set()
    for row, (text_a, *_) in enumerate(QUESTIONS):
        for choice, text in enumerate(joined[row]):
            expected = by_hand(tokenizer, text_a, text)
            lengths.add(SEQ_LEN - int(sum(expected[1])))
            for name, values in zip(
                ("input_ids", "input_mask", "segment_ids"), expected, strict=True
            ):
                np.testing.assert_array_equal(found[name][row, choice], values)
    # Padded ones and full ones were among them.
    assert min(lengths) < SEQ_LEN == max(lengths)
    assert found["label_ids"].numpy().tolist() == [0, 1, 1, 2, 1]
    assert found["is_real_example"].numpy().tolist() == [1, 1, 1, 1, 1]
    # In the file the sequences follow one another, as published.
    assert len(tf_examples.decode(transformed.records[0])["input_ids"]) == 3 * SEQ_LEN


def test_a_wrong_number_of_options_is_an_error(graph):
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs 3 values of options"):
        graph([example(SHORT, "who", ["sam", "a dog"], "A")])


def test_examples_without_options_are_named(vocabulary, tmp_path):
    (tmp_path / "spiece.model").write_bytes(vocabulary.model)
    config = {
        "sentencepiece_model": str(tmp_path / "spiece.model"),
        "seq_len": SEQ_LEN,
        "uncased": False,
        "labels": list(LABELS),
        "max_qa_length": MAX_QA_LENGTH,
    }
    with pytest.raises(ValueError, match=r"no feature options; they have \['text_a'\]"):
        preprocessing.preprocessing_fn({"text_a": tf.constant(["sam"])}, config)
    with pytest.raises(configuration.ConfigurationError, match="between 1 and 20"):
        preprocessing.preprocessing_fn({}, {**config, "max_qa_length": 21})
