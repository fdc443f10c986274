"""Measures speed and memory of SQuAD preprocessing, against the reference and Hugging Face.

    OMP_NUM_THREADS=1 python -m benchmarks.squad_preprocessing [--train-size]
        [--hugging-face PYTHON] [--reference PYTHON --reference-root FOLDER]

Everything runs on one core, except for the measurement with `--train-size`. The reference goes from
JSON to TFRecord, but only on a sample, because for every question it fills a matrix for the longest
common subsequence in Python. Hugging Face's fast tokenizer, with the feature steps of its question
answering example, goes from JSON to features in memory and writes no records. benchmarks/README.md
says how to make the environments of these peers.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

from components.example_gen.question_answering import squad
from components.preprocessing.question_answering import pipeline
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.tokenization.tokenizer import Tokenizer

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_CONFIG = WindowConfig(max_seq_length=512, doc_stride=128, max_query_length=64)
# Number of questions in the training set of SQuAD 2.0.
_TRAIN_QUESTIONS = 130_319


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_root = os.environ.get("XLNET_DATA_ROOT", str(_ROOT.parent / "shared" / "data"))
    parser.add_argument("--data-root", default=default_root)
    parser.add_argument("--hugging-face", metavar="PYTHON", help="interpreter that has it")
    parser.add_argument("--reference", metavar="PYTHON", help="interpreter with TensorFlow")
    parser.add_argument("--reference-root", metavar="FOLDER", help="that holds its official/nlp")
    parser.add_argument("--reference-questions", type=int, default=100, help="size of its sample")
    parser.add_argument(
        "--train-size", action="store_true", help="also 130,319 questions, 2 workers"
    )
    arguments = parser.parse_args()
    data_root = pathlib.Path(arguments.data_root)
    data = data_root / "squad" / "dev-v2.0.json"
    model = str(data_root / "xlnet" / "spiece.model")
    if arguments.reference and not arguments.reference_root:
        parser.error("--reference PYTHON needs --reference-root FOLDER")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # The peers inherit this.
    tokenizer = Tokenizer.from_file(model)

    peers = {}
    if arguments.hugging_face:
        peers["hugging_face"] = _run_peer(arguments.hugging_face, "hugging_face", data, model)
    if arguments.reference:
        os.environ["XLNET_REFERENCE_ROOT"] = arguments.reference_root
        size = arguments.reference_questions
        peers["reference"] = _run_peer(arguments.reference, "reference", data, model, size)

    start, start_cpu = time.perf_counter(), time.process_time()
    maker = Featurizer(tokenizer, _CONFIG, for_training=False)
    for paragraph in squad.read_file(str(data)):
        for _ in maker.featurize(paragraph):
            pass
    num_questions = maker.counts["questions"]
    _report("JSON to features in memory", num_questions, start, start_cpu, peers)

    with tempfile.TemporaryDirectory() as directory:
        start, start_cpu = time.perf_counter(), time.process_time()
        _preprocess(str(data), tokenizer, directory, ["--runner=FnApiRunner"])
        _report("JSON to TFRecord, Beam, one process", num_questions, start, start_cpu, peers)

    os.sched_setaffinity(0, cores)
    if arguments.train_size:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "train.json")
            num_questions = _repeat(data, path, _TRAIN_QUESTIONS)
            start, start_cpu = time.perf_counter(), time.process_time()
            workers = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
            _preprocess(str(path), tokenizer, directory, ["--runner=FnApiRunner", *workers])
            _report("train-set size, two workers", num_questions, start, start_cpu, peers)
        for name, who in (("main", resource.RUSAGE_SELF), ("worker", resource.RUSAGE_CHILDREN)):
            peak = resource.getrusage(who).ru_maxrss / 1024
            print(f"  peak memory of the {name} process: {peak:,.0f} MiB")


def _report(
    what: str, questions: int, start: float, start_cpu: float, peers: dict[str, float]
) -> None:
    wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    rate = questions / wall
    ratios = "".join(f", {rate / peer:,.1f} times {name}" for name, peer in peers.items())
    print(
        f"{what}: {questions:,} questions in {wall:.1f} s ({cpu:.1f} s of the processor): "
        f"{rate:,.0f} questions/s{ratios}"
    )


def _run_peer(python: str, name: str, *arguments: object) -> float:
    """Runs a peer's script in its own interpreter; returns questions per second."""
    script = pathlib.Path(__file__).with_name(f"peer_{name}_squad.py")
    process = subprocess.run(
        [python, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    result = json.loads(process.stdout.strip().splitlines()[-1])
    rate = result["questions"] / result["seconds"]
    print(f"{name}: {result}: {rate:,.1f} questions/s")
    return rate


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
    """Writes a data set of copies of another, with new ids; returns its number of questions.

    Args:
        source: path of the SQuAD file to copy.
        target: path of the file to write.
        num_questions: how many questions there should be at least.
    """
    articles = json.loads(source.read_text())["data"]
    repeated, total, copy = [], 0, 0
    while total < num_questions:
        for article in articles:
            clone = json.loads(json.dumps(article))
            for paragraph in clone["paragraphs"]:
                # Change the text, so that copies get into different shards.
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


if __name__ == "__main__":
    main()
