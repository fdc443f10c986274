"""Answers found in a graph against those of the Python decoding."""

import numpy as np
import pytest
import tensorflow as tf

from components.preprocessing.question_answering.graph_windows import GraphWindows
from components.span_decoding import graph_decoder
from components.span_decoding.decoder import DecodingConfig, WindowOutput, decode_question
from components.span_decoding.window_outputs import SPAN_OUTPUTS

K, L, T = 3, 2, 12
CONTEXTS = [
    "ab ab  cd é ab x",
    # Marks, and what is not seen, at the ends and in between: gaps between the tokens.
    "\ufeff\u0301b \u2003 a\u200eb \u200ba\u0308 b\u0301\u200e",
    "x",
    "",
]
CONFIG = DecodingConfig(n_best_size=4, max_answer_length=4)


def _random_windows(rng, num_windows):
    """Windows of the first two contexts in turn, then one each of the others."""
    question = np.sort(np.concatenate([rng.integers(0, 2, num_windows - 2), [2, 3]]))
    length = np.where(question < 2, rng.integers(2, 8, num_windows), 1)
    size = np.array([len(context) for context in CONTEXTS])[question]
    starts = np.sort(rng.integers(0, np.maximum(size, 1)[:, None], [num_windows, T]), axis=1)
    ends = np.minimum(starts + rng.integers(0, 4, starts.shape), np.maximum(size - 1, 0)[:, None])
    outputs = {
        # Few values, so that scores are equal often.
        "start_top_log_probs": -rng.integers(0, 3, [num_windows, K]).astype(np.float32),
        "start_top_index": rng.integers(0, 7, [num_windows, K]).astype(np.int32),
        "end_top_log_probs": -rng.integers(0, 3, [num_windows, K * L]).astype(np.float32),
        "end_top_index": rng.integers(0, 7, [num_windows, K * L]).astype(np.int32),
        "cls_logits": rng.normal(size=num_windows).astype(np.float32),
    }
    characters = tf.strings.unicode_decode(CONTEXTS, "UTF-8").with_row_splits_dtype(tf.int32)
    windows = GraphWindows(
        features={},
        question=tf.constant(question, tf.int32),
        paragraph_len=tf.constant(length, tf.int32),
        tok_start_to_orig_index=tf.constant(starts, tf.int32),
        tok_end_to_orig_index=tf.constant(ends, tf.int32),
        token_is_max_context=tf.constant(rng.random([num_windows, T]) < 0.7),
        contexts=tf.constant(CONTEXTS),
        characters=characters,
    )
    return outputs, windows


def _expected(outputs, windows, row):
    members = [
        WindowOutput(
            "q",
            *(outputs[name][i] for name in SPAN_OUTPUTS),
            int(windows.paragraph_len[i]),
            windows.tok_start_to_orig_index.numpy()[i],
            windows.tok_end_to_orig_index.numpy()[i],
            windows.token_is_max_context.numpy()[i],
        )
        for i in np.flatnonzero(windows.question.numpy() == row)
    ]
    return decode_question(members, CONTEXTS[row], CONFIG)


@pytest.mark.parametrize("seed", range(20))
def test_answers_are_those_of_the_python_decoding(seed):
    outputs, windows = _random_windows(np.random.default_rng(seed), num_windows=9)
    # Both of the first two must have a window.
    if len(set(windows.question.numpy())) < len(CONTEXTS):
        pytest.skip("a question without a window")
    found = graph_decoder.decode(outputs, windows, CONFIG)
    for row, context in enumerate(CONTEXTS):
        candidates, null_odds = _expected(outputs, windows, row)
        assert float(found["null_score"][row]) == pytest.approx(null_odds, abs=1e-6)
        answers = [answer.decode() for answer in found["answers"][row].numpy()]
        expected = [candidate.text for candidate in candidates]
        padding = CONFIG.n_best_size - len(expected)
        assert answers == expected + [""] * padding
        starts, ends = (found[name][row].numpy() for name in ("answer_starts", "answer_ends"))
        if candidates[0].start_log_prob <= -1e6:  # what stands for no legal span at all
            assert starts.tolist() == [-1] * CONFIG.n_best_size
            assert not found["scores"][row].numpy().any()
            continue
        probabilities = [candidate.probability for candidate in candidates] + [0.0] * padding
        np.testing.assert_allclose(found["scores"][row], probabilities, atol=1e-6)
        for answer, start, end in zip(answers[: len(expected)], starts, ends, strict=False):
            assert context[start:end] == answer


def test_outputs_that_are_no_numbers_are_an_error():
    outputs, windows = _random_windows(np.random.default_rng(0), num_windows=9)
    outputs["cls_logits"][3] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="weights are damaged"):
        graph_decoder.decode(outputs, windows, CONFIG)
