"""Measures the making of pretraining records, against the published way of doing it.

The input is real text (`text/` in the data folder, 28 MB) with the published vocabulary. The
settings are seq_len 512, reuse_len 256, 85 predictions and bi-directional data. The process is
pinned to one core. There are three measurements:

1. The stage after tokenisation: segments, masks, serialisation and writing. The peer goes through
   the text token by token in plain Python, and draws from NumPy's global generator, as the
   published script does.
2. The whole way from text to TFRecords, through Beam. The peer is bare SentencePiece encoding of
   the same lines, in one call, without normalisation and without keeping the result.
3. With `--scaling`: two workers against one on the corpus repeated 50 times, and the peak memory of
   a worker on the corpus repeated 10 times.

Usage: python -m benchmarks.pretraining_preprocessing [--scaling]

The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np

from components import tf_examples, tfrecords
from components.example_gen.pretraining.corpus import Document
from components.preprocessing.pretraining import encoding, pipeline, shard
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.tokenization.tokenizer import Tokenizer

STAGE_TARGET = 15.0
WHOLE_TARGET = 1.7
WORKERS_TARGET = 1.7
MEMORY_TARGET = 0.10
# How often the corpus is repeated to measure the speed of workers: often enough that the seconds in
# which they start hardly matter.
_REPETITIONS = 50
# How often the corpus is repeated to check that a worker's memory does not grow with it.
_MEMORY_REPETITIONS = 10
# How many batches the peer makes. It does the same work for every batch, so a few are enough.
_PEER_BATCHES = 40
CONFIG = PretrainingDataConfig(
    seed=1,
    batch_size=16,
    seq_len=512,
    reuse_len=256,
    bi_data=True,
    uncased=False,
    num_predict=85,
    mask_alpha=6,
    mask_beta=1,
)
_PUNCTUATION = set('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
_CLS_ID, _SEP_ID, _EOD_ID = 3, 4, 7
PROJECT_ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the comparisons; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="the best of as many runs counts")
    parser.add_argument("--scaling", action="store_true", help="workers and memory, takes minutes")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.argv = sys.argv[:1]
    logging.disable(logging.WARNING)
    data_root = pathlib.Path(
        os.environ.get("XLNET_DATA_ROOT", PROJECT_ROOT.parent / "shared" / "data")
    )
    if arguments.child:
        return _child(data_root, *arguments.child)
    if arguments.scaling:
        return _measure_scaling(data_root)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tokenizer = Tokenizer.from_file(str(data_root / "xlnet/spiece.model"))
    with tempfile.TemporaryDirectory() as directory:
        stage = _measure_stage(tokenizer, data_root, directory, arguments.repeats)
        whole = _measure_whole(tokenizer, data_root, directory, arguments.repeats)
    return 0 if stage >= STAGE_TARGET and whole <= WHOLE_TARGET else 1


def _measure_stage(
    tokenizer: Tokenizer, data_root: pathlib.Path, directory: str, repeats: int
) -> float:
    encoder = encoding.DocumentEncoder(tokenizer, use_eod=True, from_raw_text=True)
    text = (data_root / "text/reviews.txt").read_text(encoding="utf-8")
    documents = [
        Document("reviews", number, [line.strip() for line in part.split("\n") if line.strip()])
        for number, part in enumerate(text.split("\n\n"))
    ]
    encoded = list(encoder.encode([doc for doc in documents if doc.lines], lambda letter: None))
    lens = np.concatenate([document.sentence_lens for document in encoded]).astype(np.int64)
    tokens = shard.ShardTokens(
        ids=np.concatenate([document.ids for document in encoded]),
        sentence_starts=np.cumsum(lens) - lens,
    )
    path = os.path.join(directory, "stage.tfrecord")

    def ours() -> int:
        # A worker makes the table of word starts only once; here it is part of the measured time.
        records = shard.build_records(
            tokens,
            config=CONFIG,
            starts_word=encoding.word_starts(tokenizer),
            split="train",
            shard=0,
            pass_index=0,
        )
        return tfrecords.write_records(path, records)

    parity = np.repeat(np.arange(len(lens)) % 2 == 0, lens)
    peer_rate = max(
        _rate(lambda: tfrecords.write_records(path, published_records(tokenizer, tokens, parity)))
        for _ in range(max(1, repeats - 1))
    )
    our_rate = max(_rate(ours) for _ in range(repeats))
    print(f"after tokenisation, published way: {peer_rate:9,.0f} records/s", flush=True)
    print(f"after tokenisation, ours:          {our_rate:9,.0f} records/s")
    print(f"  ratio {our_rate / peer_rate:.1f} (target {STAGE_TARGET})", flush=True)
    return our_rate / peer_rate


def _measure_whole(
    tokenizer: Tokenizer, data_root: pathlib.Path, directory: str, repeats: int
) -> float:
    lines = [
        line.strip()
        for path in _corpus_files(data_root)
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.strip()
    ]
    processor = tokenizer.vocabulary.make_processor()

    def bare() -> None:
        processor.Encode(lines, out_type=int, num_threads=1)

    def whole() -> None:
        pipeline.preprocess(
            inputs={"train": [str(path) for path in _corpus_files(data_root)]},
            output_directory=os.path.join(directory, "whole"),
            config=CONFIG,
            tokenizer=tokenizer,
            file_format="text",
        )

    # The two take turns, so that other load on the machine affects both.
    runs = [(_seconds(bare), _seconds(whole)) for _ in range(repeats)]
    bare_seconds, whole_seconds = (min(one[i] for one in runs) for i in (0, 1))
    num_bytes = sum(path.stat().st_size for path in _corpus_files(data_root))
    print(f"bare SentencePiece:  {bare_seconds:6.2f} s for {num_bytes / 1e6:.1f} MB")
    print(f"text to TFRecords:   {whole_seconds:6.2f} s")
    print(f"  ratio {whole_seconds / bare_seconds:.2f} (target at most {WHOLE_TARGET})")
    return whole_seconds / bare_seconds


def _measure_scaling(data_root: pathlib.Path) -> int:
    single = _run_child("1", "1")
    many = _run_child(str(_MEMORY_REPETITIONS), "1")
    one = _run_child(str(_REPETITIONS), "1")
    two = _run_child(str(_REPETITIONS), "2")
    speedup = one["seconds"] / two["seconds"]
    growth = many["peak_mb"] / single["peak_mb"] - 1
    print(f"corpus x {_REPETITIONS}, one worker:  {one['seconds']:7.1f} s")
    print(f"corpus x {_REPETITIONS}, two workers: {two['seconds']:7.1f} s")
    print(f"  speed-up {speedup:.2f} (target {WORKERS_TARGET}), start of the workers included")
    print(f"peak memory, corpus:   {single['peak_mb']:7.0f} MB")
    print(f"  x {_MEMORY_REPETITIONS}: {many['peak_mb']:.0f} MB, {growth:+.1%}", end=" ")
    print(f"(target within {MEMORY_TARGET:.0%}); x {_REPETITIONS}: {one['peak_mb']:.0f} MB")
    return 0 if speedup >= WORKERS_TARGET and growth <= MEMORY_TARGET else 1


def _run_child(repetitions: str, workers: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pretraining_preprocessing", "--child"]
    result = subprocess.run(
        [*command, repetitions, workers],
        cwd=PROJECT_ROOT,
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return json.loads(result.stdout.splitlines()[-1])


def _child(data_root: pathlib.Path, repetitions: str, workers: str) -> int:
    tokenizer = Tokenizer.from_file(str(data_root / "xlnet/spiece.model"))
    arguments = ["--runner=FnApiRunner"]
    if workers == "1":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    else:
        arguments += [f"--direct_num_workers={workers}", "--direct_running_mode=multi_processing"]
    with tempfile.TemporaryDirectory() as directory:
        corpus = pathlib.Path(directory, "corpus")
        corpus.mkdir()
        for number in range(int(repetitions)):
            for path in _corpus_files(data_root):
                shutil.copy(path, corpus / f"{number}-{path.name}")
        seconds = _seconds(
            lambda: pipeline.preprocess(
                inputs={"train": [str(corpus / "*")]},
                output_directory=os.path.join(directory, "out"),
                config=CONFIG,
                tokenizer=tokenizer,
                file_format="text",
                beam_pipeline_args=arguments,
            )
        )
    usage = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": seconds, "peak_mb": usage / 1024}))
    return 0


def _corpus_files(data_root: pathlib.Path) -> list[pathlib.Path]:
    return sorted((data_root / "text").rglob("*.txt"))


def _seconds(run: Callable[[], object]) -> float:
    gc.collect()
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _rate(run: Callable[[], int]) -> float:
    gc.collect()
    begin = time.perf_counter()
    number = run()
    return number / (time.perf_counter() - begin)


def published_records(
    tokenizer: Tokenizer, tokens: shard.ShardTokens, parity: np.ndarray
) -> Iterator[bytes]:
    """Makes `_PEER_BATCHES` batches token by token, as the published script does.

    Args:
        tokenizer: tokenizer with the published vocabulary.
        tokens: ids of the corpus.
        parity: bool [tokens], alternating from sentence to sentence, which shows where they begin.
    """
    streams = CONFIG.batch_size // 2
    step = len(tokens.ids) // streams
    ids = tokens.ids[: streams * step].astype(np.int64).reshape(streams, step)
    ids = np.concatenate([ids, ids[:, ::-1]])
    parity = parity[: streams * step].reshape(streams, step)
    parity = np.concatenate([parity, parity[:, ::-1]])
    processor = tokenizer.vocabulary.make_processor()
    new_goal = CONFIG.num_predict // 2
    sep, cls = np.array([_SEP_ID]), np.array([_CLS_ID])
    for batch in range(_PEER_BATCHES):
        begin = batch * CONFIG.reuse_len
        for row in range(CONFIG.batch_size):
            data, middle = ids[row], begin + CONFIG.reuse_len
            a, b, label, a_next, b_next = _published_segments(
                data, parity[row], middle, CONFIG.ab_len
            )
            reused = data[begin:middle]
            new = np.concatenate([a, sep, b, sep, cls])
            backward = row >= streams
            masks = [
                _published_mask(processor, reused, backward, CONFIG.num_predict - new_goal),
                _published_mask(processor, new, backward, new_goal),
            ]
            target = np.concatenate([data[begin + 1 : middle + 1], a_next, b_next, cls, cls])
            seg_id = [0] * (CONFIG.reuse_len + len(a) + 1) + [1] * (len(b) + 1) + [2]
            yield tf_examples.encode(
                {
                    "input": np.concatenate([reused, new]).tolist(),
                    "is_masked": np.concatenate(masks).astype(int).tolist(),
                    "target": target.tolist(),
                    "seg_id": seg_id,
                    "label": [label],
                }
            )


def _published_segments(
    data: np.ndarray, parity: np.ndarray, begin: int, total: int
) -> tuple[np.ndarray, np.ndarray, int, np.ndarray, np.ndarray]:
    end, cuts = begin + 1, []
    while end < len(data):
        if parity[end] != parity[end - 1]:
            if end - begin >= total:
                break
            cuts.append(end)
        end += 1
    last = len(data) - 1
    if not cuts or random.random() < 0.5:
        label = 0
        a_end = random.choice(cuts) if cuts else end
        b_len = max(1, total - (a_end - begin))
        b_begin = random.randint(0, last - b_len)
        b_end = b_begin + b_len
        while b_begin > 0 and parity[b_begin - 1] == parity[b_begin]:
            b_begin -= 1
        while b_end < last and parity[b_end - 1] == parity[b_end]:
            b_end += 1
    else:
        label, a_end = 1, random.choice(cuts)
        b_begin, b_end = a_end, end
    while a_end - begin + b_end - b_begin > total:
        if a_end - begin > b_end - b_begin:
            a_end -= 1
        else:
            b_end -= 1
    a, b = data[begin:a_end], data[b_begin:b_end]
    return a, b, label, data[begin + 1 : a_end + 1], data[b_begin : b_end + 1]


def _published_mask(processor, segment: np.ndarray, backward: bool, goal: int) -> np.ndarray:
    mask = np.zeros(len(segment), bool)
    lengths = np.arange(1, CONFIG.max_gram + 1)
    weights = 1.0 / lengths
    weights /= weights.sum()
    if backward:
        segment = segment[::-1]

    def begins_word(position: int) -> bool:
        piece = processor.IdToPiece(segment[position].item())
        return piece.startswith(("▁", "<")) or piece in _PUNCTUATION

    position = masked = 0
    while position < len(segment) and masked < goal:
        n = min(np.random.choice(lengths, p=weights), goal - masked)
        context = n * CONFIG.mask_alpha // CONFIG.mask_beta
        left = np.random.choice(context)
        begin = position + left
        while begin < len(segment) and not begins_word(begin):
            begin += 1
        end = begin + n
        if end >= len(segment):
            break
        mask[begin:end] = True
        masked += n
        position = end + context - left
    while masked < goal:
        place = np.random.randint(len(segment))
        if not mask[place]:
            mask[place] = True
            masked += 1
    return mask[::-1] if backward else mask


if __name__ == "__main__":
    sys.exit(main())
