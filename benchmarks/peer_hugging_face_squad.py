"""Hugging Face's SQuAD preprocessing with its fast tokenizer, from JSON to features in memory.

    PYTHON benchmarks/peer_hugging_face_squad.py DATASET.json SPIECE.model

squad_preprocessing.py runs this in an environment of its own, which needs transformers,
sentencepiece and protobuf. The steps are those of Hugging Face's question answering example for the
evaluation of XLNet: it turns batches of 1,000 paragraphs and questions into padded windows with
offsets, and then blanks the offsets outside of the paragraph. The result is one line of JSON.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import transformers

_BATCH = 1000  # The number of rows in a batch of `datasets.map(batched=True)`.
_MAX_LENGTH = 512
_STRIDE = 128


def main() -> None:
    """Reads, tokenizes and makes features; prints numbers of questions and windows, and seconds."""
    dataset, model = sys.argv[1:]
    tokenizer = transformers.XLNetTokenizer.from_pretrained(str(pathlib.Path(model).parent))
    if not tokenizer.is_fast:
        raise SystemExit("this tokenizer is not the fast one")
    started = time.perf_counter()
    articles = json.loads(pathlib.Path(dataset).read_text(encoding="utf-8"))["data"]
    rows = [
        (paragraph["context"], qa["question"].lstrip(), qa["id"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    features, tokenizing = [], 0.0
    for first in range(0, len(rows), _BATCH):
        contexts, questions, ids = zip(*rows[first : first + _BATCH], strict=True)
        before = time.perf_counter()
        encoded = tokenizer(
            list(contexts),
            list(questions),
            truncation="only_first",
            max_length=_MAX_LENGTH,
            stride=_STRIDE,
            padding="max_length",
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        tokenizing += time.perf_counter() - before
        sample_of = encoded["overflow_to_sample_mapping"]
        for index, offsets in enumerate(encoded["offset_mapping"]):
            sequence_ids = encoded.sequence_ids(index)
            kept = [
                offset if sequence_ids[place] == 0 else None for place, offset in enumerate(offsets)
            ]
            features.append((ids[sample_of[index]], encoded["input_ids"][index], kept))
    print(
        json.dumps(
            {
                "questions": len(rows),
                "windows": len(features),
                "tokenizer_seconds": tokenizing,
                "seconds": time.perf_counter() - started,
                "transformers": transformers.__version__,
            }
        )
    )


main()
