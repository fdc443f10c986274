import math
import random

import numpy as np
import pytest

from components.preprocessing.question_answering.alignment import align
from components.span_decoding.decoder import (
    Candidate,
    DecodingConfig,
    DecodingError,
    WindowOutput,
    decode,
    decode_question,
)
from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer
from tests.components.preprocessing.question_answering.adversarial_text import (
    adversarial_paragraphs,
    random_answers,
    visible,
)

CONTEXT = "ab cd ef gh ij"
# Token i stands for characters 3 i and 3 i + 1.
STARTS = np.arange(5) * 3


def _window(starts, ends, *, cls_logit=0.0, question_id="q", paragraph_len=6, max_context=None):
    """`starts` are (token, log prob), `ends` a list of such for each start."""
    flat = [end for group in ends for end in group]
    return WindowOutput(
        question_id=question_id,
        start_top_log_probs=np.array([log_prob for _, log_prob in starts], np.float32),
        start_top_index=np.array([token for token, _ in starts]),
        end_top_log_probs=np.array([log_prob for _, log_prob in flat], np.float32),
        end_top_index=np.array([token for token, _ in flat]),
        cls_logit=cls_logit,
        paragraph_len=paragraph_len,
        tok_start_to_orig_index=np.append(STARTS, 0),
        tok_end_to_orig_index=np.append(STARTS + 1, 0),
        token_is_max_context=np.ones(6, int) if max_context is None else np.array(max_context),
    )


def test_hand_made_list():
    window = _window(
        [(1, -0.5), (3, -1.0)],
        # Of the first start: itself, one behind, one before; of the second: too far, itself.
        [[(1, -0.25), (2, -2.0), (0, -0.1)], [(9, -0.1), (3, -0.5), (4, -3.0)]],
        cls_logit=-1.5,
    )
    found, null_odds = decode_question([window], CONTEXT, DecodingConfig(3, 2))
    weights = [math.exp(-0.75), math.exp(-1.5), math.exp(-2.5)]
    assert found == [
        Candidate("cd", pytest.approx(weights[0] / sum(weights)), -0.5, -0.25),
        Candidate("gh", pytest.approx(weights[1] / sum(weights)), -1.0, -0.5),
        Candidate("cd ef", pytest.approx(weights[2] / sum(weights)), -0.5, -2.0),
    ]
    assert null_odds == -1.5


@pytest.mark.parametrize(
    ("start", "end", "changes", "text"),
    [
        (1, 2, {}, "cd ef"),
        # Longer than max_answer_length = 3.
        (0, 3, {}, ""),
        (2, 1, {}, ""),
        # The last token of the paragraph is never taken.
        (3, 4, {"paragraph_len": 5}, ""),
        (4, 4, {"paragraph_len": 5}, ""),
        (3, 3, {"paragraph_len": 5}, "gh"),
        (1, 1, {"max_context": [1, 0, 1, 1, 1, 1]}, ""),
        (0, 1, {"max_context": [1, 0, 1, 1, 1, 1]}, "ab cd"),
    ],
)
def test_which_spans_are_legal(start, end, changes, text):
    window = _window([(start, -1.0)], [[(end, -1.0)]], **changes)
    found, _ = decode_question([window], CONTEXT, DecodingConfig(5, 3))
    assert [candidate.text for candidate in found] == [text]
    if not text:
        assert found == [Candidate("", 1.0, -1e6, -1e6)]


def test_windows_are_compared_and_the_smallest_null_score_counts():
    first = _window([(0, -2.0)], [[(0, -2.0)]], cls_logit=3.0)
    second = _window([(2, -1.0)], [[(2, -1.0)]], cls_logit=1.0)
    found, null_odds = decode_question([first, second], CONTEXT, DecodingConfig(5, 3))
    assert [candidate.text for candidate in found] == ["ef", "ab"]
    assert null_odds == 1.0


@pytest.fixture(scope="module")
def tokenizer():
    lines = ["The cat sat on the mat, and the dog lay on the rug.", "In 2019, ten cats lived here."]
    return Tokenizer(train_sentencepiece.train(lines * 5, vocabulary_size=44))


def _answer(text, found, first, last):
    """What is answered where the model is sure of the first and the last piece."""
    size = len(found.tok_start_to_orig_index)
    window = WindowOutput(
        question_id="q",
        start_top_log_probs=np.zeros(1),
        start_top_index=np.array([first]),
        end_top_log_probs=np.zeros(1),
        end_top_index=np.array([last]),
        cls_logit=0.0,
        paragraph_len=size,
        tok_start_to_orig_index=found.tok_start_to_orig_index,
        tok_end_to_orig_index=found.tok_end_to_orig_index,
        token_is_max_context=np.ones(size),
    )
    candidates, _ = decode_question([window], text, DecodingConfig(1, 1000))
    return candidates[0].text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("he said '''ten''' cats", "'''ten'''"),
        ("'''ten''' cats", "'''ten'''"),
        ("\u2167 is a king", "\u2167"),
        ("King \u2167III of the old house", "\u2167"),
        ("the cafe\u0301 lay by the river", "cafe\u0301"),
    ],
)
def test_answers_come_back_as_they_were_given(tokenizer, text, answer):
    found = align(text, tokenizer.pieces(text), uncased=False)
    start = text.index(answer)
    first, last = found.piece_span(start, start + len(answer) - 1)
    assert _answer(text, found, first, last) == answer


def test_what_is_not_seen_is_not_added_to_an_answer(tokenizer):
    text = "\ufeffThe cat\ufeff  sat\u200e on the mat"
    found = align(text, tokenizer.pieces("The cat sat on the mat"), uncased=False)
    for answer in ("The cat", "sat", "on the"):
        start = text.index(answer)
        first, last = found.piece_span(start, start + len(answer) - 1)
        assert _answer(text, found, first, last) == answer


def test_adversarial_answers_keep_what_is_seen_of_them(tokenizer):
    rng = random.Random(5)
    number = 0
    for text in adversarial_paragraphs(rng, 300):
        found = align(text, tokenizer.pieces(text), uncased=False)
        for start, end in random_answers(rng, text, 8):
            answer = _answer(text, found, *found.piece_span(start, end))
            assert visible(text[start : end + 1]) in visible(answer), ascii(text)
            number += 1
    assert number > 1000


def test_answers_of_ordinary_paragraphs_are_what_their_pieces_stand_for(tokenizer):
    rng = random.Random(6)
    words = ["The", "cat", "sat,", "(2,019)", "it's", '"ten"', "été", "£5", "中文", "dog?"]
    for _ in range(200):
        text = "".join(rng.choice(words) + rng.choice([" ", " ", "\n", "  "]) for _ in range(12))
        found = align(text, tokenizer.pieces(text), uncased=False)
        size = len(found.tok_start_to_orig_index) - 1
        first, last = sorted(rng.choices(range(size), k=2))
        begin, end = found.tok_start_to_orig_index[first], found.tok_end_to_orig_index[last]
        assert _answer(text, found, first, last) == text[begin : end + 1].strip()


def _decode_slowly(windows, context, n_best_size, max_answer_length):
    """The published steps, span by span."""
    spans = []
    for window in windows:
        num_ends = len(window.end_top_index) // len(window.start_top_index)
        for i, start in enumerate(window.start_top_index.tolist()):
            for j in range(i * num_ends, (i + 1) * num_ends):
                end = int(window.end_top_index[j])
                inside = max(start, end) < window.paragraph_len - 1
                if not inside or not start <= end < start + max_answer_length:
                    continue
                if not window.token_is_max_context[start]:
                    continue
                log_probs = float(window.start_top_log_probs[i]), float(window.end_top_log_probs[j])
                begin = window.tok_start_to_orig_index[start]
                text = context[begin : window.tok_end_to_orig_index[end] + 1].strip()
                spans.append((text, *log_probs))
    best = {}
    for text, start_log_prob, end_log_prob in sorted(
        spans, key=lambda s: s[1] + s[2], reverse=True
    ):
        if text not in best and len(best) < n_best_size:
            best[text] = (start_log_prob, end_log_prob)
    return [(text, *log_probs) for text, log_probs in best.items()] or [("", -1e6, -1e6)]


def test_random_outputs_equal_the_span_by_span_search():
    rng = random.Random(6)
    config = DecodingConfig(4, 3)
    for _ in range(400):
        windows = [
            _window(
                # Few different scores, so that many are equal.
                [(rng.randrange(8), -rng.randint(1, 3)) for _ in range(3)],
                [[(rng.randrange(8), -rng.randint(1, 3)) for _ in range(3)] for _ in range(3)],
                paragraph_len=rng.randint(0, 6),
                max_context=[rng.random() < 0.8 for _ in range(6)],
                cls_logit=rng.uniform(-2, 2),
            )
            for _ in range(rng.randint(1, 3))
        ]
        found, null_odds = decode_question(windows, CONTEXT, config)
        expected = _decode_slowly(windows, CONTEXT, 4, 3)
        assert [(c.text, c.start_log_prob, c.end_log_prob) for c in found] == expected
        assert sum(c.probability for c in found) == pytest.approx(1)
        assert null_odds == min(window.cls_logit for window in windows)


def test_every_question_is_answered():
    outputs = [
        _window([(1, -1.0)], [[(1, -1.0)]], question_id="b", cls_logit=2.0),
        _window([(0, -1.0)], [[(0, -1.0)]], question_id="a", cls_logit=-1.0),
    ]
    found = decode(outputs, {"a": CONTEXT, "b": CONTEXT}, DecodingConfig(5, 3))
    assert found.predictions == {"a": "ab", "b": "cd"}
    assert found.null_odds == {"a": -1.0, "b": 2.0}
    assert found.nbest["a"] == [Candidate("ab", 1.0, -1.0, -1.0)]


def test_what_does_not_fit_is_named():
    config = DecodingConfig(5, 3)
    window = _window([(1, -1.0)], [[(1, -1.0)]])
    with pytest.raises(DecodingError, match=r"1 questions .* have no window .* e\.g\. other"):
        decode([window], {"q": CONTEXT, "other": CONTEXT}, config)
    with pytest.raises(DecodingError, match=r"1 windows belong to questions .* e\.g\. q"):
        decode([window], {}, config)
    for broken in (
        _window([(1, math.nan)], [[(1, -1.0)]]),
        _window([(1, -1.0)], [[(1, -1.0)]], cls_logit=math.nan),
    ):
        with pytest.raises(DecodingError, match="output is not a number"):
            decode([broken], {"q": CONTEXT}, config)
