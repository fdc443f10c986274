"""Measures what a corpus for pretraining costs per token, and whether that grows with the corpus.

    python -m benchmarks.corpus_rates [--megabytes 16 64 128]

The corpus is `text/` in the data folder, repeated, with the published vocabulary; the records are
those of XLNet (seq_len 512, reuse_len 256, 85 predictions, bi-directional). A process of its own
for each size is one worker: it converts the text, tokenises units of it, and builds one shard
after another. Files on the disk stand for the runner's shuffle, whose memory is not a worker's.
Time is that of the processor. These are the rates of `pipeline.corpus_cost`.
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import apache_beam as beam

from benchmarks.pretraining_preprocessing import CONFIG, PROJECT_ROOT
from components import tfrecords
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus_files import FileRange
from components.preprocessing.pretraining import exchange, pipeline
from components.preprocessing.pretraining.plan import make_plan
from components.tokenization.tokenizer import Tokenizer

# As much text goes into a file of raw examples (`CorpusSettings.unit_bytes` is four times as much).
_UNIT_BYTES = 16_000_000
_LENGTH = struct.Struct("<I")
_COLUMNS = (
    *("text, MB", "tokens", "shards", "bytes per token", "examples / text"),
    *("shuffled bytes per token", "record bytes per token of seq_len"),
    *("converting, µs per token", "tokenising", "building", "µs per record", "peak, MB"),
)


def main() -> None:
    """Parses the command line and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, nargs="+", default=[16, 64, 128], help="of text")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        with tempfile.TemporaryDirectory() as folder:
            _measure(options.child, pathlib.Path(folder))
        return
    print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|", flush=True)
    for megabytes in options.megabytes:
        command = [sys.executable, "-m", "benchmarks.corpus_rates", "--child", str(megabytes)]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True)


def data_root() -> pathlib.Path:
    """Returns the folder of the public data."""
    return pathlib.Path(os.environ.get("XLNET_DATA_ROOT", PROJECT_ROOT.parent / "shared" / "data"))


def write_corpus(path: pathlib.Path, num_bytes: int) -> None:
    """Writes the corpus, repeated up to this size.

    Raises:
        FileNotFoundError: if there is none in the data folder.
    """
    sources = sorted((data_root() / "text").rglob("*.txt"))
    if not sources:
        raise FileNotFoundError(f"no text/*.txt in {data_root()}; XLNET_DATA_ROOT names the folder")
    with path.open("wb") as file:
        while file.tell() < num_bytes:
            for source in sources:
                file.write(source.read_bytes().strip() + b"\n\n")
        file.truncate(num_bytes)


class _Shuffle:
    """Groups bytes by key in files, one for each key."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self.num_bytes = 0

    def put(self, key: tuple[str, int, int], content: bytes) -> None:
        with self._path(key).open("ab") as file:
            file.write(_LENGTH.pack(len(content)) + content)
        self.num_bytes += len(content)

    def groups(self) -> Iterator[tuple[tuple[str, int, int], Iterator[bytes]]]:
        for path in sorted(self._folder.iterdir()):
            split, pass_index, shard = path.name.split("-")
            yield (split, int(pass_index), int(shard)), self._values(path)

    def _values(self, path: pathlib.Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                yield file.read(*_LENGTH.unpack(head))

    def _path(self, key: tuple[str, int, int]) -> pathlib.Path:
        return self._folder / "-".join(map(str, key))


def _measure(megabytes: int, folder: pathlib.Path) -> None:
    examples = folder / "examples"
    examples.mkdir()

    def convert() -> None:
        for number, begin in enumerate(range(0, megabytes * 1_000_000, _UNIT_BYTES)):
            # The place of a document decides on its shard, so units with one name would all go the
            # same ways.
            unit = folder / f"unit-{number}.txt"
            write_corpus(unit, min(_UNIT_BYTES, megabytes * 1_000_000 - begin))
            found = corpus.read_documents(
                FileRange(str(unit)),
                file_format="text",
                reject=lambda letter: None,
                counts=collections.Counter(),
            )
            documents = map(corpus.document_to_example, found)
            tfrecords.write_records(str(examples / f"documents-{number}.gz"), documents)
            unit.unlink()

    _, converting = _timed(convert)
    plan = make_plan(
        inputs={"train": [str(examples / "*")]},
        output_directory=str(folder / "records"),
        config=CONFIG,
        tokenizer=Tokenizer.from_file(str(data_root() / "xlnet/spiece.model")),
        file_format="tfrecord",
    )
    through = exchange.ThroughRunner()
    shuffle = _Shuffle(folder / "shuffle")
    tokens: collections.Counter[str] = collections.Counter()

    def tokenise() -> None:
        fn = pipeline._Tokenise(plan, through)
        fn.setup()
        for file in plan.inputs["train"]:
            fn.start_bundle()
            for output in fn.process((("train", file.path, 0), [FileRange(file.path)])):
                if isinstance(output, beam.pvalue.TaggedOutput):
                    tokens[output.value[0]] += output.value[1]
                else:
                    shuffle.put(*output)
            for output in fn.finish_bundle():
                shuffle.put(*output.value)

    def build() -> collections.Counter[str]:
        fn, counts = pipeline._Build(plan, through), collections.Counter()
        fn.setup()
        for group in shuffle.groups():
            counts.update(dict(fn.process(group)))
        fn.finish_bundle()
        fn.teardown()
        return counts

    _, tokenising = _timed(tokenise)
    counts, building = _timed(build)
    num_tokens = tokens["train/tokens"]
    written = sum(path.stat().st_size for path in (folder / "records").rglob("*.tfrecord"))
    stored = sum(path.stat().st_size for path in examples.iterdir())
    cells = (
        f"{megabytes}",
        f"{num_tokens:,}",
        f"{plan.num_shards['train']}",
        f"{megabytes * 1e6 / num_tokens:.2f}",
        f"{stored / megabytes / 1e6:.3f}",
        f"{shuffle.num_bytes / num_tokens:.2f}",
        f"{written / counts['train/records'] / CONFIG.seq_len:.2f}",
        *(f"{seconds / num_tokens * 1e6:.2f}" for seconds in (converting, tokenising, building)),
        f"{building / counts['train/records'] * 1e6:.0f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    )
    print(f"| {' | '.join(cells)} |", flush=True)


def _timed(run: Callable[[], object]) -> tuple[object, float]:
    begin = time.process_time()
    result = run()
    return result, time.process_time() - begin


if __name__ == "__main__":
    main()
