"""Hugging Face's fast-tokenizer path from SQuAD's JSON to features, in an environment of its own.

    PYTHON benchmarks/peer_hugging_face_squad.py DATASET.json SPIECE.model

The steps are those of its question answering example for XLNet's evaluation: paragraph and question
in batches of 1,000 to padded windows with offsets, then offsets outside of the paragraph blanked.
Prints one JSON line. Called by squad_preprocessing.py; needs transformers, sentencepiece, protobuf.
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

_BATCH = 1000  # rows that `datasets.map(batched=True)` hands over
_MAX_LENGTH = 512
_STRIDE = 128


def main() -> None:
    """Reads, tokenizes, makes features; prints questions, windows and seconds."""
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
