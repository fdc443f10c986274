"""Measures scoring of 11,873 real predictions, with thresholds, against a naive search for them.

    python -m benchmarks.squad_scoring

The peer computes the score again for each of the possible thresholds. Decoding is measured, too, on
random outputs of a model.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import time

import numpy as np

from components.span_decoding.decoder import DecodingConfig, WindowOutput, decode
from components.span_decoding.squad_evaluation import evaluate_predictions, read_dataset

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_START_N_TOP = _END_N_TOP = 5
_PARAGRAPH_LEN = 160


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_root = os.environ.get("XLNET_DATA_ROOT", str(_ROOT.parent / "shared" / "data"))
    parser.add_argument("--data-root", default=default_root)
    folder = pathlib.Path(parser.parse_args().data_root, "squad")

    start = time.perf_counter()
    dataset = read_dataset(str(folder / "dev-v2.0.json"))
    predictions = json.loads((folder / "xlnet_base_run" / "predictions.json").read_text())
    null_odds = json.loads((folder / "xlnet_base_run" / "null_odds.json").read_text())
    read = time.perf_counter()
    metrics = evaluate_predictions(dataset, predictions, null_odds).metrics()
    scored = time.perf_counter()
    total = metrics["total"]
    print(f"read: {read - start:.2f} s; scores, thresholds, slices: {scored - read:.2f} s")
    print(f"  {total:,} questions, best F1 {metrics['best_f1']:.3f}")

    start = time.perf_counter()
    has_answer = {q.id: bool(q.answers) for p in dataset for q in p.questions}
    _search_one_by_one(has_answer, null_odds)
    seconds = time.perf_counter() - start
    print(f"peer: trying each of {total:,} thresholds anew: {seconds:.2f} s for one score")

    outputs = _random_outputs(list(has_answer))
    contexts = {q.id: p.context for p in dataset for q in p.questions}
    start = time.perf_counter()
    decode(outputs, contexts, DecodingConfig(n_best_size=5, max_answer_length=64))
    print(f"decoding {total:,} windows of 5 × 5 spans: {time.perf_counter() - start:.2f} s")


def _search_one_by_one(has_answer: dict[str, bool], null_odds: dict[str, float]) -> float:
    odds = np.array([null_odds[question_id] for question_id in has_answer])
    right = np.array(list(has_answer.values()))
    return max(float(np.mean((odds <= threshold) == right)) for threshold in odds)


def _random_outputs(question_ids: list[str]) -> list[WindowOutput]:
    rng = np.random.default_rng(0)
    places = np.arange(_PARAGRAPH_LEN)
    num_spans = _START_N_TOP * _END_N_TOP
    return [
        WindowOutput(
            question_id=question_id,
            start_top_log_probs=-rng.random(_START_N_TOP),
            start_top_index=rng.integers(0, _PARAGRAPH_LEN, _START_N_TOP),
            end_top_log_probs=-rng.random(num_spans),
            end_top_index=rng.integers(0, _PARAGRAPH_LEN, num_spans),
            cls_logit=float(rng.normal()),
            paragraph_len=_PARAGRAPH_LEN,
            tok_start_to_orig_index=places * 4,
            tok_end_to_orig_index=places * 4 + 3,
            token_is_max_context=np.ones(_PARAGRAPH_LEN),
        )
        for question_id in question_ids
    ]


if __name__ == "__main__":
    main()
