"""Preprocessing for pretraining in Beam, in two stages.

The first stage turns documents into blocks of ids, and the second turns these into shards of
ordered records. A worker holds one block or one shard in memory at a time: at most 40 MB for a
block, and about 30 bytes per token for a shard (see `plan.SHARD_BYTES_PER_TOKEN`).

    plan = make_plan(...)
    clear_output(plan)
    with files.on_this_machine(plan.working_directory) as folder:
        with beam.Pipeline(options=...) as pipeline:
            add_to_pipeline(pipeline, plan, folder=folder)
    manifest = finish(plan)

`preprocess` does all of these steps.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from components import files, seeds
from components import manifest as manifest_lib
from components.dead_letter_file import DeadLetterFile
from components.example_gen import counts_file
from components.example_gen.pretraining import corpus, corpus_files
from components.example_gen.pretraining.corpus import CorpusFormat, Document
from components.example_gen.pretraining.corpus_files import FileRange
from components.preprocessing import record_digests, records_job
from components.preprocessing.pretraining import blocks, encoding, exchange, shard
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.preprocessing.pretraining.exchange import Exchange
from components.preprocessing.pretraining.plan import PretrainingPlan, make_plan
from components.preprocessing.pretraining.unfinished_files import UnfinishedFiles
from components.preprocessing.records_job import clear_output, split_directory
from components.records import PRETRAINING
from components.tokenization.special_ids import UNK_ID
from components.tokenization.tokenizer import Tokenizer

METRICS_NAMESPACE = "xlnet/preprocessing/pretraining"

# The size of the ranges into which files are divided; each range is one piece of work.
_RANGE_BYTES = 4 << 20
# How much text SentencePiece gets at once, and how many ids are collected for a block. Documents
# are limited too, because each takes about 1 kB beside its text. None of this affects the records.
_CHARACTERS_AT_ONCE = 1 << 19
_BLOCK_TOKENS = 1 << 21
_MAX_DOCUMENTS = 1 << 14
# The end of a file's path that its dead letters are named by; file systems allow 255 bytes in all.
_MAX_NAME_BYTES = 100

UNKNOWN_TOKENS = "unknown tokens"
# Text that gets into no record: documents (or parts of very long ones) that give no token, and
# tokens of all passes that fill no batch.
DOCUMENTS_WITHOUT_TOKENS = "documents without tokens"
TOKENS_WITHOUT_BATCH = "tokens in shards without a batch"
TOKENS_AT_ROW_ENDS = "tokens at row ends"

_COUNTS = "counts"
_SECTIONS = "sections"


class CorpusTooSmallError(ValueError):
    """A split of the corpus does not fill a single batch."""


def preprocess(
    *,
    inputs: Mapping[str, Sequence[str]],
    output_directory: str,
    config: PretrainingDataConfig,
    tokenizer: Tokenizer,
    file_format: CorpusFormat,
    text_field: str = corpus.TEXT_FEATURE,
    from_raw_text: bool = True,
    beam_pipeline_args: Sequence[str] = ("--runner=FnApiRunner",),
) -> manifest_lib.Manifest:
    """Makes pretraining records from files of text.

    Args:
        inputs: glob patterns of the input files by split.
        output_directory: directory for the records; what an earlier run left there is removed.
        config: the settings that shape the records.
        tokenizer: tokenizer for the text.
        file_format: format of the input files.
        text_field: key of the text in JSONL objects and Examples.
        from_raw_text: False if the text consists of ids of pieces.
        beam_pipeline_args: flags for Beam; they do not affect the output.

    Returns:
        The manifest that was written.

    Raises:
        TooManyDeadLettersError: if more of the text was unusable than the configuration allows.
        CorpusTooSmallError: if a split has too little text for one batch.
    """
    plan = make_plan(
        inputs=inputs,
        output_directory=output_directory,
        config=config,
        tokenizer=tokenizer,
        file_format=file_format,
        text_field=text_field,
        from_raw_text=from_raw_text,
    )
    clear_output(plan)
    with (
        files.on_this_machine(plan.working_directory) as folder,
        beam.Pipeline(options=PipelineOptions(list(beam_pipeline_args))) as pipeline,
    ):
        add_to_pipeline(pipeline, plan, folder=folder)
    return finish(plan)


def add_to_pipeline(pipeline: beam.Pipeline, plan: PretrainingPlan, *, folder: str) -> None:
    """Adds both stages to a pipeline, which writes the shards and a summary for `finish`.

    Args:
        pipeline: the pipeline to add to.
        plan: the plan to carry out.
        folder: folder on this machine's disk for the blocks of a local runner.
    """
    through = exchange.suited_to(pipeline, folder=folder)
    whole_files = [
        (split, file.path, file.size) for split, members in plan.inputs.items() for file in members
    ]
    encoded = (
        pipeline
        | "Files" >> beam.Create(list(enumerate(whole_files)))
        # GroupByKey distributes keys evenly over the workers, and Reshuffle distributes them at
        # random.
        | "Spread files" >> beam.GroupByKey()
        | "Ranges" >> beam.FlatMap(_ranges, plan=plan)
        | "Spread ranges" >> beam.GroupByKey()
        | "Tokenise" >> beam.ParDo(_Tokenise(plan, through)).with_outputs(_COUNTS, main=_SECTIONS)
    )
    built = (
        encoded[_SECTIONS]
        | "Shards" >> beam.GroupByKey()
        | "Build" >> beam.ParDo(_Build(plan, through))
    )
    records_job.write_summary((encoded[_COUNTS], built), plan)


def finish(
    plan: PretrainingPlan,
    *,
    input_counts: Mapping[str, int] | None = None,
    kept: str | None = None,
) -> manifest_lib.Manifest:
    """Checks the results of the pipeline, removes the working directory, and writes the manifest.

    Args:
        plan: the plan that the pipeline has carried out.
        input_counts: counters of the raw examples for the manifest, from `counts_file.of_input`.
        kept: directory to which dead letters are copied if this fails, for the error message; None
            if they stay where they are.

    Raises:
        TooManyDeadLettersError: if more of the text was unusable than the configuration allows.
        CorpusTooSmallError: if a split has too little text for one batch.
    """
    counts = records_job.read_summary(plan)
    config = plan.config
    for split in plan.inputs:
        counts_file.check_dead_letters(
            counts,
            plan.output_directory,
            split=split,
            total=counts[f"{split}/{corpus.BYTES}"],
            unit="bytes of text",
            num_read=counts[f"{split}/{corpus.LINES}"],
            allowed_share=config.max_dead_letter_share,
            kept=kept,
        )
        if not counts[f"{split}/records"]:
            tokens, shards = counts[f"{split}/tokens"], plan.num_shards[split]
            raise CorpusTooSmallError(
                f"The split {split!r} has {tokens:,} tokens per pass in {shards} shard(s), and no "
                f"shard fills a batch: batch_size {config.batch_size} with seq_len "
                f"{config.seq_len} needs {config.min_shard_tokens:,} tokens in a shard. Bring more "
                "text, or lower batch_size, seq_len or num_shards. "
                + counts_file.describe_dead_letters(counts, plan.output_directory, kept=kept)
            )
    shard_files = {
        split: sorted(
            name
            for name in (key.removeprefix("records_of/") for key in counts)
            if name.startswith(split_directory(split) + "/")
        )
        for split in plan.inputs
    }
    return records_job.write_manifest(
        plan,
        record_type=PRETRAINING.name,
        parameters={
            **config.parameters(),
            "num_shards": dict(plan.num_shards),
            "from_raw_text": plan.from_raw_text,
        },
        shards=shard_files,
        counts=counts,
        input_counts=input_counts,
    )


_RangeKey = tuple[str, str, int]


def _ranges(
    element: tuple[int, Iterable[tuple[str, str, int]]], plan: PretrainingPlan
) -> Iterator[tuple[_RangeKey, FileRange]]:
    for split, path, size in element[1]:
        if plan.file_format == "tfrecord":
            ranges = iter([FileRange(path)])
        else:
            ranges = corpus_files.split_into_ranges(
                path,
                size=size,
                range_bytes=_RANGE_BYTES,
                at_blank_lines=plan.file_format == "text",
            )
        for file_range in ranges:
            yield (split, path, file_range.start), file_range


class _Tokenise(beam.DoFn):
    """Encodes the documents of file ranges; yields sections of blocks with their shards."""

    def __init__(self, plan: PretrainingPlan, through: Exchange) -> None:
        self._plan = plan
        self._exchange = through

    def setup(self) -> None:
        self._encoder = encoding.DocumentEncoder(
            self._plan.tokenizer,
            use_eod=self._plan.config.use_eod,
            from_raw_text=self._plan.from_raw_text,
        )

    def start_bundle(self) -> None:
        self._blocks: dict[str, blocks.Block] = {}

    def process(self, element: tuple[_RangeKey, Iterable[FileRange]]) -> Iterator[Any]:
        (split, _, _), file_ranges = element
        for file_range in file_ranges:
            yield from self._encode(split, file_range)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for block in self._blocks.values():
            for pair in self._send(block):
                yield WindowedValue(pair, window.max_timestamp(), [window])

    def _send(self, block: blocks.Block) -> Iterator[tuple[tuple[str, int, int], bytes]]:
        if block.num_tokens:
            for key, sent in self._exchange.send(block.take_sections()):
                # Plain values, whose encoding Beam knows to be deterministic.
                yield dataclasses.astuple(key), sent

    def _encode(self, split: str, file_range: FileRange) -> Iterator[Any]:
        plan, config = self._plan, self._plan.config
        block = self._blocks.get(split)
        if block is None:
            block = self._blocks[split] = blocks.Block(
                split=split,
                seed=config.seed,
                num_passes=config.num_passes,
                num_shards=plan.num_shards[split],
            )
        counts: collections.Counter[str] = collections.Counter()
        with DeadLetterFile(_dead_letters_path(plan, split, file_range)) as rejected:
            documents = corpus.read_documents(
                file_range,
                file_format=plan.file_format,
                reject=rejected.add,
                counts=counts,
                text_field=plan.text_field,
            )
            for batch in _batches(documents):
                counts[DOCUMENTS_WITHOUT_TOKENS] += len(batch)
                for document in self._encoder.encode(batch, rejected.add):
                    counts[DOCUMENTS_WITHOUT_TOKENS] -= 1
                    counts["tokens"] += len(document.ids)
                    counts[UNKNOWN_TOKENS] += int(np.count_nonzero(document.ids == UNK_ID))
                    source, line, part = document.place
                    source = source.removeprefix(plan.common_directory).lstrip("/")
                    block.add(
                        encoding.EncodedDocument(
                            (source, line, part), document.ids, document.sentence_lens
                        )
                    )
                if block.num_tokens >= _BLOCK_TOKENS or block.num_documents >= _MAX_DOCUMENTS:
                    yield from self._send(block)
            counts.update(counts_file.of_dead_letters(rejected))
        for count in counts_file.for_beam(counts, split=split, namespace=METRICS_NAMESPACE):
            yield beam.pvalue.TaggedOutput(_COUNTS, count)


class _Build(beam.DoFn):
    """Turns the sections of a shard into its file of records; yields counts."""

    def __init__(self, plan: PretrainingPlan, through: Exchange) -> None:
        self._plan = plan
        self._exchange = through

    def setup(self) -> None:
        tokenizer = self._plan.tokenizer
        self._word_starts = encoding.word_starts(tokenizer)
        self._dtype = encoding.id_dtype(tokenizer)
        self._files = UnfinishedFiles()

    def finish_bundle(self) -> None:
        self._files.finish()

    def teardown(self) -> None:
        self._files.close()

    def process(
        self, element: tuple[tuple[str, int, int], Iterable[bytes]]
    ) -> Iterator[tuple[str, int]]:
        (split, pass_index, index), sent = element
        config = self._plan.config
        tokens = blocks.read_shard(map(self._exchange.receive, sent), dtype=self._dtype)
        unused = shard.num_unused_tokens(len(tokens.ids), config)
        if unused == len(tokens.ids):
            yield f"{split}/shards without a batch", 1
            yield f"{split}/{TOKENS_WITHOUT_BATCH}", unused
            return
        name = self._plan.shard_name(split, pass_index, index)
        statistics = shard.ShardStatistics()
        records = shard.build_records(
            tokens,
            config=config,
            starts_word=self._word_starts,
            split=split,
            shard=index,
            pass_index=pass_index,
            statistics=statistics,
        )
        num_records, sha256 = self._files.write_records(
            files.join(self._plan.output_directory, name), records
        )
        beam.metrics.Metrics.counter(METRICS_NAMESPACE, "records").inc(num_records)
        yield f"{split}/records", num_records
        yield f"{split}/{TOKENS_AT_ROW_ENDS}", unused
        yield f"{split}/records with a continuation", statistics.num_continued
        yield f"{split}/masked tokens", statistics.num_masked
        # These counters have only one summand, because they belong to this file alone.
        yield f"records_of/{name}", num_records
        yield f"max_masked_of/{name}", statistics.max_masked
        yield record_digests.as_count(name, sha256)


def _dead_letters_path(plan: PretrainingPlan, split: str, file_range: FileRange) -> str:
    source = file_range.path.removeprefix(plan.common_directory).lstrip("/")
    # The number distinguishes files such as `a/b.txt` and `a-b.txt`.
    number = seeds.integer(0, "dead letters of", source) % 10**12
    end = source.encode(errors="surrogateescape")[-_MAX_NAME_BYTES:].decode(errors="ignore")
    name = f"{split}-{end.replace('/', '-')}-{number:012d}-{file_range.start:015d}.jsonl"
    return files.join(plan.dead_letters_directory, name)


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    batch, size = [], 0
    for document in documents:
        batch.append(document)
        size += sum(map(len, document.lines))
        if size >= _CHARACTERS_AT_ONCE or len(batch) >= _MAX_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
