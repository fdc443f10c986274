"""Measures how pretraining's documents get from tokenising to building, over a slow bucket.

    python -m benchmarks.shuffle [--megabytes 64 256] [--shards 10 4000] [--delay 0.04]

The corpus is `text/` in the data folder, repeated. It lies, like the records, on `slow://`, where
each request waits (`benchmarks.slow_files`). The work is done by one process, which Beam's local
runner starts; "runner" makes that runner group the documents itself, as Dataflow, Flink and Spark
do. The table has, for each exchange, size and number of shards:

 - requests of all kinds per gigabyte of text;
 - microseconds of one core per token, and of the clock with and without the delay;
 - the largest memory of the worker. With "runner" it also has what Beam's local runner sends it at
   once, which is all; `benchmarks.corpus_rates` measures a worker without that.

With `auto`, the size of the corpus decides how many shards there are.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import logging
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks import corpus_rates, slow_files
from benchmarks.pretraining_preprocessing import CONFIG, PROJECT_ROOT
from components.preprocessing.pretraining import exchange, pipeline

# So small a batch that 4,000 shards of 64 MB are filled.
_CONFIG = dataclasses.replace(CONFIG, batch_size=2)
_EXCHANGES = ("files", "runner")


def main() -> int:
    """Measures what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, nargs="+", default=[64, 256], help="of text")
    parser.add_argument("--shards", nargs="+", default=["10", "4000", "auto"], metavar="NUMBER")
    parser.add_argument("--exchanges", nargs="+", default=_EXCHANGES, choices=_EXCHANGES)
    parser.add_argument("--delay", type=float, default=0.04, help="seconds of each request")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _run(*options.child)
        return 0
    print(
        "| exchange | text, MB | shards | requests per GB | of them reading and writing "
        "| core, µs per token | clock without delay | with delay | ratio | worker, MB |"
    )
    print("|---" * 10 + "|")
    for megabytes in options.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            corpus_rates.write_corpus(pathlib.Path(folder, "corpus.txt"), megabytes * 1_000_000)
            for shards in options.shards:
                for name in options.exchanges:
                    slow = _measure(folder, name, shards, options.delay)
                    fast = _measure(folder, name, shards, 0) if options.delay else slow
                    _print(name, megabytes, shards, fast, slow)
    return 0


def _print(name: str, megabytes: int, shards: str, fast: dict, slow: dict) -> None:
    kinds, tokens = slow["requests"], slow["tokens"]
    per_gigabyte = 1000 / megabytes
    cells = (
        name,
        megabytes,
        shards if shards != "auto" else f"{slow['shards']} (auto)",
        f"{sum(kinds.values()) * per_gigabyte:,.0f}",
        " and ".join(f"{kinds.get(kind, 0) * per_gigabyte:,.0f}" for kind in "rw"),
        f"{slow['core_seconds'] / tokens * 1e6:.2f}",
        f"{fast['seconds']:.0f} s",
        f"{slow['seconds']:.0f} s",
        f"{slow['seconds'] / fast['seconds']:.2f}",
        f"{max(fast['peak_mb'], slow['peak_mb']):.0f}",
    )
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def _measure(folder: str, name: str, shards: str, delay: float) -> dict:
    log = pathlib.Path(folder, "requests")
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.shuffle", "--child", folder, name, shards],
        cwd=PROJECT_ROOT,
        check=True,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
            slow_files.SECONDS_VARIABLE: str(delay),
            slow_files.LOG_VARIABLE: str(log),
        },
    )
    return {
        **json.loads(done.stdout.splitlines()[-1]),
        "requests": collections.Counter(log.read_text()),
    }


def _run(folder: str, name: str, shards: str) -> None:
    logging.disable(logging.WARNING)
    # Beam looks at the command line itself.
    sys.argv = sys.argv[:1]
    exchange.suited_to = lambda _, *, folder: (
        exchange.ThroughFiles(folder) if name == "files" else exchange.ThroughRunner()
    )
    config = _CONFIG
    if shards != "auto":
        config = dataclasses.replace(_CONFIG, num_shards=int(shards))
    with tempfile.TemporaryDirectory(dir=folder) as output:
        begin = time.perf_counter()
        manifest = pipeline.preprocess(
            inputs={"train": [f"slow://{folder}/corpus.txt"]},
            output_directory=f"slow://{output}",
            config=config,
            tokenizer=slow_files.SlowFilesTokenizer.from_file(
                str(corpus_rates.data_root() / "xlnet/spiece.model")
            ),
            file_format="text",
            beam_pipeline_args=(
                "--runner=FnApiRunner",
                "--direct_running_mode=multi_processing",
                "--direct_num_workers=1",
                # The process is on this machine; without an image's name Beam looks for one.
                "--sdk_container_image=unused",
            ),
        )
        seconds = time.perf_counter() - begin
    worker = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = {
        "seconds": seconds,
        "core_seconds": worker.ru_utime + worker.ru_stime,
        "peak_mb": worker.ru_maxrss / 1024,
        "tokens": manifest.counts["train/tokens"],
        "shards": manifest.parameters["num_shards"]["train"],
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    sys.exit(main())
