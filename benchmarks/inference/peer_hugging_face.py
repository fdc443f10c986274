"""Hugging Face's XLNet (transformers on PyTorch), for an environment of its own.

Since transformers 5 there is one tokenizer for XLNet, which is compiled. Rows are padded to the
longest of a request. The answer is the best of the model's own beams of spans, which leaves out the
merging of beams that ours does.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping

import contestant
import torch
import transformers
from cases import DOC_STRIDE, LABELS, N_TOKEN, SIZES, WINDOW_LEN, num_threads


def make(
    size: str,
    dtype: str,
    folder: str,
    *,
    compiled: Callable[[torch.nn.Module], Callable] = lambda model: model,
) -> Mapping[str, contestant.Prepare]:
    """Makes models with random weights, and the tokenizer from the pieces in the folder.

    Args:
        size: key of `SIZES`.
        dtype: "float32" or "bfloat16", of weights and activations.
        folder: holds `pieces.json`.
        compiled: makes the function to call from a model.
    """
    torch.set_num_threads(num_threads())
    n_layer, d_model, d_inner = SIZES[size]
    config = transformers.XLNetConfig(
        vocab_size=N_TOKEN,
        d_model=d_model,
        n_layer=n_layer,
        n_head=SIZES[size].n_head,
        d_inner=d_inner,
        ff_activation="gelu_new",
        num_labels=len(LABELS),
    )
    torch.set_default_dtype(getattr(torch, dtype))
    classification = compiled(transformers.XLNetForSequenceClassification(config).eval())
    # Made only if there are questions.
    question_answering = functools.cache(
        lambda: compiled(transformers.XLNetForQuestionAnswering(config).eval())
    )
    with open(os.path.join(folder, "pieces.json"), encoding="utf-8") as file:
        pieces = [tuple(piece) for piece in json.load(file)]
    tokenizer = transformers.XLNetTokenizer(vocab=pieces, unk_id=0)

    def in_its_dtype() -> torch.autocast:
        """Some of transformers' position encodings are float32 whatever the weights are."""
        return torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")

    @torch.inference_mode()
    def scores(inputs: Mapping[str, torch.Tensor]) -> object:
        with in_its_dtype():
            logits = classification(**inputs, use_mems=False).logits
        return torch.softmax(logits.float(), -1).numpy()

    def score_ids(rows: int, length: int) -> contestant.Answer:
        ids = torch.randint(9, N_TOKEN, (rows, length))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        return lambda: scores(inputs)

    def label(texts: list[str]) -> contestant.Answer:
        def answer() -> list[str]:
            inputs = tokenizer(texts, padding=True, return_tensors="pt")
            return [LABELS[i] for i in scores(inputs).argmax(-1)]

        return answer

    @torch.inference_mode()
    def find(questions: list[str], contexts: list[str]) -> list[str]:
        encoded = tokenizer(
            contexts,
            questions,
            truncation="only_first",
            max_length=WINDOW_LEN,
            stride=DOC_STRIDE,
            padding=True,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        question_of = encoded.pop("overflow_to_sample_mapping").tolist()
        offsets = encoded.pop("offset_mapping")
        with in_its_dtype():
            outputs = question_answering()(**encoded, use_mems=False)
        best: dict[int, tuple[float, str]] = {}
        for window, question in enumerate(question_of):
            start = int(outputs.start_top_index[window, 0])
            end = int(outputs.end_top_index[window, 0])
            score = float(outputs.start_top_log_probs[window, 0])
            text = contexts[question][offsets[window, start, 0] : offsets[window, end, 1]]
            best[question] = max(best.get(question, (float("-inf"), "")), (score, text))
        return [best[number][1] for number in range(len(questions))]

    return {
        "ids": score_ids,
        "texts": label,
        "questions": lambda questions, contexts: lambda: find(questions, contexts),
    }


if __name__ == "__main__":
    contestant.main(make)
