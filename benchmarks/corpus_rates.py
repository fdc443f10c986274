"""Measures what a corpus for pretraining costs per token: the rates of `pipeline.corpus_cost`.

    python -m benchmarks.corpus_rates [--shards 4]

The corpus is `text/` in the data folder, with the published vocabulary; the records are those of
XLNet (seq_len 512, reuse_len 256, 85 predictions, bi-directional). Each stage does its work in this
process, without a runner; time is that of the processor.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import os
import pathlib
import tempfile
import time
from collections.abc import Callable

import apache_beam as beam

from benchmarks.pretraining_preprocessing import CONFIG, PROJECT_ROOT
from components import tfrecords
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus_files import FileRange
from components.preprocessing.pretraining import exchange, pipeline
from components.preprocessing.pretraining.plan import make_plan
from components.tokenization.tokenizer import Tokenizer


def main() -> None:
    """Parses the command line and prints the rates."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shards", type=int, default=4, help="among which the text is divided")
    options = parser.parse_args()
    data = pathlib.Path(os.environ.get("XLNET_DATA_ROOT", PROJECT_ROOT.parent / "shared/data"))
    texts = sorted((data / "text").rglob("*.txt"))
    with tempfile.TemporaryDirectory() as folder:
        _measure(texts, Tokenizer.from_file(str(data / "xlnet/spiece.model")), folder, options)


def _measure(
    texts: list[pathlib.Path], tokenizer: Tokenizer, folder: str, options: argparse.Namespace
) -> None:
    examples = os.path.join(folder, "documents.gz")

    def convert() -> int:
        documents = (
            corpus.document_to_example(document)
            for path in texts
            for document in corpus.read_documents(
                FileRange(str(path)),
                file_format="text",
                reject=lambda letter: None,
                counts=collections.Counter(),
            )
        )
        return tfrecords.write_records(examples, documents)

    num_documents, converting = _timed(convert)
    plan = make_plan(
        inputs={"train": [examples]},
        output_directory=os.path.join(folder, "records"),
        config=dataclasses.replace(CONFIG, num_shards=options.shards),
        tokenizer=tokenizer,
        file_format="tfrecord",
    )
    through = exchange.ThroughRunner()
    tokenise = pipeline._Tokenise(plan, through)
    shards: dict[tuple, list[bytes]] = collections.defaultdict(list)

    def encode() -> None:
        tokenise.setup()
        tokenise.start_bundle()
        outputs = list(tokenise.process((("train", examples, 0), [FileRange(examples)])))
        for output in [*outputs, *(value.value for value in tokenise.finish_bundle())]:
            if not isinstance(output, beam.pvalue.TaggedOutput):
                shards[output[0]].append(output[1])

    def build() -> collections.Counter[str]:
        fn, counts = pipeline._Build(plan, through), collections.Counter()
        fn.setup()
        for item in shards.items():
            counts.update(dict(fn.process(item)))
        fn.finish_bundle()
        fn.teardown()
        return counts

    _, tokenising = _timed(encode)
    counts, building = _timed(build)
    text_bytes = sum(path.stat().st_size for path in texts)
    sent = sum(len(part) for parts in shards.values() for part in parts)
    # Every token is two bytes of a section, next to 16 bytes for each document and so on.
    dtype = pipeline.encoding.id_dtype(tokenizer)
    tokens = sum(
        len(pipeline.blocks.read_shard(parts, dtype=dtype).ids) for parts in shards.values()
    )
    written = sum(
        path.stat().st_size for path in pathlib.Path(plan.output_directory).rglob("*.tf*")
    )
    print(f"text                    {text_bytes:,} bytes, {num_documents:,} documents")
    print(f"bytes per token         {text_bytes / tokens:.2f} ({tokens:,} tokens)")
    print(f"raw examples            {os.path.getsize(examples) / text_bytes:.3f} of the text")
    print(f"shuffled per token      {sent / tokens:.2f} bytes")
    print(
        f"bytes of a record       {written / counts['train/records'] / CONFIG.seq_len:.2f} "
        "per token of its seq_len"
    )
    print(f"converting to examples  {converting / tokens * 1e6:.2f} µs per token")
    print(f"tokenising              {tokenising / tokens * 1e6:.2f} µs per token")
    print(
        f"building                {building / tokens * 1e6:.2f} µs per token, "
        f"{building / counts['train/records'] * 1e6:.0f} µs per record"
    )


def _timed(run: Callable[[], object]) -> tuple[object, float]:
    begin = time.process_time()
    result = run()
    return result, time.process_time() - begin


if __name__ == "__main__":
    main()
