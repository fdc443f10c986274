"""Measures text processing in a served XLNet-Base, and what slices of a batch save.

    python -m benchmarks.text_serving --vocabulary spiece.model --squad dev-v2.0.json

The time of text processing is given as a share of the model's own. The weights are random, because
times do not depend on them.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.export.span_model import SpanModel
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.question_answering import QuestionAnsweringModel
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding import graph_decoder, squad_evaluation
from components.span_decoding.decoder import DecodingConfig
from components.tokenization import vocabulary as vocabulary_lib

# Settings of the published fine-tuning script for SQuAD, except for shorter windows for a CPU.
_WINDOWS = WindowConfig(max_seq_length=384, doc_stride=128, max_query_length=64)
_DECODING = DecodingConfig(n_best_size=5, max_answer_length=64)
_SHORT_CHARACTERS = 150
_BASE = XLNetConfig(
    n_token=32000,
    n_layer=12,
    d_model=768,
    n_head=12,
    d_head=64,
    d_inner=3072,
    ff_activation="gelu",
    untie_r=True,
)


def main() -> None:
    """Prints the times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vocabulary", required=True, help="SentencePiece model of 32,000 pieces")
    parser.add_argument("--squad", required=True, help="SQuAD file")
    parser.add_argument("--questions", type=int, default=8, help="in a request")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    model = QuestionAnsweringModel(_BASE, ModelOptions(dropout=0.0, dropout_att=0.0))
    module = SpanModel(
        model=model,
        vocabulary=vocabulary_lib.load(options.vocabulary),
        uncased=False,
        windows=_WINDOWS,
        decoding=_DECODING,
    )
    asked = [
        (question.text, paragraph.context)
        for paragraph in squad_evaluation.read_dataset(options.squad)
        for question in paragraph.questions
    ]
    random.Random(0).shuffle(asked)
    short = [(text, context[:_SHORT_CHARACTERS]) for text, context in asked]
    found = {
        "paragraphs of SQuAD": _measure(module, asked[: options.questions], options.repeats),
        f"{_SHORT_CHARACTERS} characters": _measure(
            module, short[: options.questions], options.repeats
        ),
    }
    print(json.dumps(found, indent=2))


def _measure(module: SpanModel, asked: list[tuple[str, str]], repeats: int) -> dict[str, Any]:
    questions = tf.constant([question for question, _ in asked])
    contexts = tf.constant([context for _, context in asked])
    make_windows = tf.function(module.make_windows.__call__, autograph=False)
    windows = make_windows(questions, contexts)
    features = windows.features
    sliced = tf.function(module.sliced_model.__call__, autograph=False)
    padded = module.sliced_model.at_any_length
    outputs = sliced(features)

    @tf.function(autograph=False)
    def decode(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return graph_decoder.decode(outputs, windows, _DECODING)

    seconds = {
        "text to windows": _best(lambda: make_windows(questions, contexts), repeats),
        "model": _best(lambda: sliced(features), repeats),
        "windows to answers": _best(lambda: decode(outputs), repeats),
        "all": _best(lambda: module.serve_texts(questions, contexts), repeats),
        "model, padded to the maximum": _best(lambda: padded(**features), repeats),
    }
    around = seconds["text to windows"] + seconds["windows to answers"]
    return {
        "questions": len(asked),
        "windows": int(tf.size(windows.question)),
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "text beside the model, %": round(100 * around / seconds["model"], 2),
        "speed-up by slices": round(seconds["model, padded to the maximum"] / seconds["model"], 2),
    }


def _best(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
