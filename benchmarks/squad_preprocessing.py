"""Speed and memory of SQuAD preprocessing, beside the published alignment.

    OMP_NUM_THREADS=1 python benchmarks/squad_preprocessing.py [--train-size] [--peer-questions 20]

Peers: the published steps (a matrix of the longest common subsequence for every question; here as
plain Python, which is how the reference does it; it makes 5–16 questions/s), and Hugging Face's
fast-tokenizer path, 2,400 questions/s on one core of the development machine, without records.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import tempfile
import time
import unicodedata

from components.example_gen import squad
from components.preprocessing.question_answering import pipeline
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.tokenization.tokenizer import Tokenizer

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_CONFIG = WindowConfig(max_seq_length=512, doc_stride=128, max_query_length=64)
# Of the SQuAD 2.0 train set.
_TRAIN_QUESTIONS = 130_319


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_root = os.environ.get("XLNET_DATA_ROOT", str(_ROOT.parent / "shared" / "data"))
    parser.add_argument("--data-root", default=default_root)
    parser.add_argument("--peer-questions", type=int, default=10)
    parser.add_argument(
        "--train-size", action="store_true", help="also 130,319 questions, 2 workers"
    )
    arguments = parser.parse_args()
    data_root = pathlib.Path(arguments.data_root)
    data = data_root / "squad" / "dev-v2.0.json"
    tokenizer = Tokenizer.from_file(str(data_root / "xlnet" / "spiece.model"))

    peer = _published_alignment(data, tokenizer, arguments.peer_questions)
    print(f"published alignment, {arguments.peer_questions} questions: {peer:,.1f} questions/s")

    start, start_cpu = time.perf_counter(), time.process_time()
    maker = Featurizer(tokenizer, _CONFIG, for_training=False)
    for paragraph in squad.read_file(str(data)):
        for _ in maker.featurize(paragraph):
            pass
    num_questions = maker.counts["questions"]
    _report("JSON to features in memory", num_questions, start, start_cpu, peer)

    with tempfile.TemporaryDirectory() as directory:
        start, start_cpu = time.perf_counter(), time.process_time()
        _preprocess(str(data), tokenizer, directory, ["--runner=FnApiRunner"])
        _report("JSON to TFRecord, Beam, one process", num_questions, start, start_cpu, peer)

    if arguments.train_size:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "train.json")
            num_questions = _repeat(data, path, _TRAIN_QUESTIONS)
            start, start_cpu = time.perf_counter(), time.process_time()
            workers = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
            _preprocess(str(path), tokenizer, directory, ["--runner=FnApiRunner", *workers])
            _report("train-set size, two workers", num_questions, start, start_cpu, peer)
        for name, who in (("main", resource.RUSAGE_SELF), ("worker", resource.RUSAGE_CHILDREN)):
            peak = resource.getrusage(who).ru_maxrss / 1024
            print(f"  peak memory of the {name} process: {peak:,.0f} MiB")


def _report(what: str, questions: int, start: float, start_cpu: float, peer: float) -> None:
    wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    rate = questions / wall
    print(
        f"{what}: {questions:,} questions in {wall:.1f} s ({cpu:.1f} s of the processor): "
        f"{rate:,.0f} questions/s, {rate / peer:,.0f} times the published alignment"
    )


def _preprocess(path: str, tokenizer: Tokenizer, directory: str, beam_args: list[str]) -> None:
    pipeline.preprocess(
        inputs={"eval": [path]},
        uses={"eval": "evaluation"},
        output_directory=os.path.join(directory, "records"),
        config=_CONFIG,
        tokenizer=tokenizer,
        beam_pipeline_args=beam_args,
    )


def _repeat(source: pathlib.Path, target: pathlib.Path, num_questions: int) -> int:
    """Writes a data set of copies, with new ids, until there are so many questions."""
    articles = json.loads(source.read_text())["data"]
    repeated, total, copy = [], 0, 0
    while total < num_questions:
        for article in articles:
            clone = json.loads(json.dumps(article))
            for paragraph in clone["paragraphs"]:
                # Another text, so that copies fall into different shards.
                paragraph["context"] += f" {copy}"
                for qa in paragraph["qas"]:
                    qa["id"] += f"-{copy}"
                    total += 1
            repeated.append(clone)
            if total >= num_questions:
                break
        copy += 1
    target.write_text(json.dumps({"version": "v2.0", "data": repeated}))
    return total


def _published_alignment(data: pathlib.Path, tokenizer: Tokenizer, num_questions: int) -> float:
    """Questions per second of the alignment alone, made for every question anew."""
    start = time.perf_counter()
    done = 0
    for paragraph in squad.read_file(str(data)):
        for _ in paragraph.questions:
            if done == num_questions:
                return done / (time.perf_counter() - start)
            target = "".join(tokenizer.pieces(paragraph.context)).replace("▁", " ")
            _fill_matrix(paragraph.context, target)
            done += 1
    return done / (time.perf_counter() - start)


def _fill_matrix(text: str, target: str) -> list[list[int]]:
    width = abs(len(text) - len(target)) + 5
    lengths = [[0] * (len(target) + 1) for _ in range(len(text) + 1)]
    for i, character in enumerate(text):
        for j in range(max(0, i - width), min(len(target), i + width)):
            # Normalised in every cell, as published.
            normal = "".join(
                c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)
            )
            lengths[i + 1][j + 1] = max(
                lengths[i][j + 1], lengths[i + 1][j], lengths[i][j] + (normal == target[j])
            )
    return lengths


if __name__ == "__main__":
    main()
