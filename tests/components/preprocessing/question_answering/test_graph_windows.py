"""Windows made in a graph against those that records are made of."""

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.question_answering.squad import Paragraph, Question
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.preprocessing.question_answering.graph_windows import GraphWindowMaker
from components.span_decoding.squad_evaluation import read_dataset
from components.tokenization.graph_tokenizer import GraphTokenizer
from components.tokenization.tokenizer import Tokenizer


def _assert_same_windows(tokenizer, config, paragraphs):
    """Returns the number of windows."""
    featurizer = Featurizer(tokenizer, config, for_training=False)
    asked = [
        (found.question.text, paragraph.context, found.windows)
        for paragraph in paragraphs
        for found in featurizer.featurize(paragraph)
    ]
    graph_tokenizer = GraphTokenizer(tokenizer.vocabulary, keep_accents=tokenizer.keep_accents)
    made = GraphWindowMaker(graph_tokenizer, config)(
        tf.constant([question for question, _, _ in asked]),
        tf.constant([context for _, context, _ in asked]),
    )
    windows = [window for _, _, of_question in asked for window in of_question]
    expected = {
        "input_ids": [window.input_ids for window in windows],
        "segment_ids": [window.layout.segment_ids for window in windows],
        "input_mask": [window.layout.input_mask for window in windows],
        "p_mask": [window.layout.p_mask for window in windows],
        "cls_index": [window.layout.cls_index for window in windows],
    }
    for name, value in expected.items():
        np.testing.assert_array_equal(made.features[name], value, err_msg=name)
    for name in ("tok_start_to_orig_index", "tok_end_to_orig_index", "token_is_max_context"):
        np.testing.assert_array_equal(
            getattr(made, name), [getattr(window.span, name) for window in windows], err_msg=name
        )
    assert made.paragraph_len.numpy().tolist() == [window.span.length for window in windows]
    numbers = [row for row, (_, _, found) in enumerate(asked) for _ in found]
    assert made.question.numpy().tolist() == numbers
    return len(windows)


def _paragraph(context, *questions):
    asked = tuple(
        Question(f"q{i}", text, answers=(), is_impossible=True) for i, text in enumerate(questions)
    )
    return Paragraph(context, asked, "article", "file", 0)


@pytest.mark.parametrize(("max_seq_length", "doc_stride"), [(16, 4), (16, 100), (40, 7), (200, 9)])
def test_windows_are_those_of_the_records(tiny_tokenizer, max_seq_length, doc_stride):
    config = WindowConfig(max_seq_length, doc_stride, max_query_length=8)
    long = "The cat sat on the mat, and the dog lay on the rug. " * 3
    paragraphs = [
        _paragraph("The cat sat.", "Where?", "", "Where did the cat sit? Who lay on the rug?"),
        _paragraph("", "Where?"),
        _paragraph("  ½ of the   cats \n", "Who?"),
        _paragraph(long, "Where did the cat sit?", "?"),
    ]
    assert _assert_same_windows(tiny_tokenizer, config, paragraphs) >= 7


@pytest.mark.parametrize("keep_accents", [False, True])
def test_windows_of_bytes(byte_tokenizer, keep_accents):
    tokenizer = Tokenizer(byte_tokenizer.vocabulary, keep_accents=keep_accents)
    config = WindowConfig(max_seq_length=16, doc_stride=4, max_query_length=8)
    paragraphs = [
        _paragraph("李梅 sat. e\u0301té", "谁？"),
        _paragraph("สมชายอาศัยอยู่ที่เชียงใหม่", "Who?"),
    ]
    assert _assert_same_windows(tokenizer, config, paragraphs) > 2


@pytest.mark.real_data
def test_windows_of_real_paragraphs(data_root, published_tokenizer):
    paragraphs = read_dataset(str(data_root / "squad" / "dev-v2.0.json"))[::40]
    config = WindowConfig(max_seq_length=128, doc_stride=32, max_query_length=24)
    assert _assert_same_windows(published_tokenizer, config, paragraphs) > 500
