"""Preprocessing for question answering in Beam, from paragraphs to shards of records.

Paragraphs are sent between workers instead of records, because they are thirty times smaller. The
worker that receives the paragraphs of a shard makes its records and writes its file.

    plan = make_plan(...)
    clear_output(plan)
    with beam.Pipeline(options=...) as pipeline:
        add_to_pipeline(pipeline, plan)
    manifest = finish(plan)

`preprocess` does all of these steps.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import files, seeds, tfrecords
from components import manifest as manifest_lib
from components.dead_letter_file import DeadLetterFile
from components.dead_letters import DeadLetter
from components.example_gen import counts_file
from components.example_gen.question_answering import squad, squad_examples
from components.example_gen.question_answering.squad import Paragraph
from components.preprocessing import record_digests, records_job
from components.preprocessing.question_answering import records
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.preprocessing.question_answering.plan import (
    InputFormat,
    QuestionAnsweringPlan,
    Use,
    make_plan,
)
from components.preprocessing.records_job import clear_output
from components.records import QUESTION_ANSWERING
from components.tokenization.tokenizer import Tokenizer

METRICS_NAMESPACE = "xlnet/preprocessing/question_answering"

_PARAGRAPHS, _IDS, _COUNTS = "paragraphs", "ids", "counts"
_DUPLICATES = "duplicates/"
# Records mostly consist of runs of zeros and ones. Higher levels would take longer than making the
# records.
_COMPRESSION_LEVEL = 1
# The number of question ids that an error message names.
_MAX_NAMED = 3


class DuplicateQuestionError(ValueError):
    """Several files of a split contain the same question id."""


class NoRecordsError(ValueError):
    """A split gave no records."""


def preprocess(
    *,
    inputs: Mapping[str, Sequence[str]],
    uses: Mapping[str, Use],
    output_directory: str,
    config: WindowConfig,
    tokenizer: Tokenizer,
    input_format: InputFormat = "squad",
    num_shards: int | None = None,
    seed: int = 0,
    max_dead_letter_share: float = 0.001,
    beam_pipeline_args: Sequence[str] = ("--runner=FnApiRunner",),
) -> manifest_lib.Manifest:
    """Makes question answering records from files.

    Args:
        inputs: glob patterns of the input files by split.
        uses: "training" or "evaluation" for each split.
        output_directory: directory for the records; what an earlier run left there is removed.
        config: the lengths of windows, questions and strides.
        tokenizer: tokenizer of the pretrained model.
        input_format: format of the input files: "squad" for SQuAD's JSON, or "examples" for
            TFRecords of `components.example_gen.question_answering.squad_examples`.
        num_shards: number of output files per split; None derives it from the size of the input.
        seed: seed for the order of the records.
        max_dead_letter_share: largest share of a split's questions that may be unusable, in [0, 1].
        beam_pipeline_args: flags for Beam; they do not affect the output.

    Returns:
        The manifest that was written.

    Raises:
        DuplicateQuestionError: if several files of a split contain the same question id.
        TooManyDeadLettersError: if more questions were unusable than `max_dead_letter_share`.
        NoRecordsError: if a split gave no records.
    """
    plan = make_plan(
        inputs=inputs,
        uses=uses,
        output_directory=output_directory,
        config=config,
        tokenizer=tokenizer,
        input_format=input_format,
        num_shards=num_shards,
        seed=seed,
        max_dead_letter_share=max_dead_letter_share,
    )
    clear_output(plan)
    with beam.Pipeline(options=PipelineOptions(list(beam_pipeline_args))) as pipeline:
        add_to_pipeline(pipeline, plan)
    return finish(plan)


def add_to_pipeline(pipeline: beam.Pipeline, plan: QuestionAnsweringPlan) -> None:
    """Adds both stages to a pipeline, which writes the shards and a summary for `finish`."""
    inputs = [(split, path) for split, paths in plan.inputs.items() for path in paths]
    read = (
        pipeline
        | "Files" >> beam.Create(list(enumerate(inputs)))
        # GroupByKey distributes keys evenly over the workers, and Reshuffle distributes them at
        # random.
        | "Spread files" >> beam.GroupByKey()
        | "Read" >> beam.ParDo(_Read(plan)).with_outputs(_PARAGRAPHS, _IDS, _COUNTS)
    )
    # Every shard is written, even if no paragraph belongs to it.
    shards = pipeline | "Shards" >> beam.Create(
        [((split, shard), b"") for split in plan.inputs for shard in range(plan.num_shards)]
    )
    built = (
        (read[_PARAGRAPHS], shards)
        | "With all shards" >> beam.Flatten()
        | "Gather shards" >> beam.GroupByKey()
        | "Build" >> beam.ParDo(_Build(plan))
    )
    duplicates = read[_IDS] | "Gather ids" >> beam.GroupByKey() | beam.FlatMap(_find_duplicates)
    records_job.write_summary((read[_COUNTS], built, duplicates), plan)


def finish(
    plan: QuestionAnsweringPlan,
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
        DuplicateQuestionError: if several files of a split contain the same question id.
        TooManyDeadLettersError: if more questions were unusable than the plan allows.
        NoRecordsError: if a split gave no records.
    """
    counts = records_job.read_summary(plan)
    _check_duplicates(counts)
    for split in plan.inputs:
        counts_file.check_dead_letters(
            counts,
            plan.output_directory,
            split=split,
            total=counts[f"{split}/questions read"] + counts[f"{split}/unreadable"],
            unit="questions",
            allowed_share=plan.max_dead_letter_share,
            kept=kept,
        )
        if not counts[f"{split}/records"]:
            raise NoRecordsError(
                f"The split {split!r} gave no record: {counts[f'{split}/questions read']:,} "
                f"questions were read from {', '.join(plan.inputs[split])}. "
                + counts_file.describe_dead_letters(counts, plan.output_directory, kept=kept)
            )
    return records_job.write_manifest(
        plan,
        record_type=QUESTION_ANSWERING.name,
        parameters={
            "max_seq_length": plan.config.max_seq_length,
            "doc_stride": plan.config.doc_stride,
            "max_query_length": plan.config.max_query_length,
            "uncased": plan.tokenizer.uncased,
            "keep_accents": plan.tokenizer.keep_accents,
            "uses": dict(plan.uses),
            "num_shards": plan.num_shards,
            "seed": plan.seed,
        },
        shards={
            split: [plan.shard_name(split, shard) for shard in range(plan.num_shards)]
            for split in plan.inputs
        },
        counts=counts,
        input_counts=input_counts,
    )


class _Read(beam.DoFn):
    """Reads files; yields ((split, shard), paragraph), groups of question ids, and counts."""

    def __init__(self, plan: QuestionAnsweringPlan) -> None:
        self._plan = plan

    def process(self, element: tuple[int, Iterable[tuple[str, str]]]) -> Iterator[Any]:
        number, inputs = element
        for split, path in inputs:
            yield from self._read(number, split, path)

    def _read(self, number: int, split: str, path: str) -> Iterator[Any]:
        plan = self._plan
        counts: Counter[str] = Counter()
        # Ids are grouped by the original file, because the names of example files mean nothing to
        # users.
        ids: dict[str, list[str]] = {}
        name = f"{split}-file-{number:05d}.jsonl"
        with DeadLetterFile(files.join(plan.dead_letters_directory, name)) as rejected:
            for item in _read_items(path, plan.input_format):
                if isinstance(item, DeadLetter):
                    rejected.add(item)
                    continue
                paragraph, serialized = item
                found = ids.setdefault(paragraph.source, [])
                found += [question.id for question in paragraph.questions]
                shard = seeds.integer(plan.seed, "shard", split, paragraph.context)
                yield beam.pvalue.TaggedOutput(
                    _PARAGRAPHS, ((split, shard % plan.num_shards), serialized)
                )
        counts["questions read"] = sum(map(len, ids.values()))
        # An unreadable article, paragraph or line counts as the number of questions in it.
        counts["unreadable"] = rejected.lost
        counts.update(counts_file.of_dead_letters(rejected))
        if len(plan.inputs[split]) > 1:
            for source, found in ids.items():
                for group, members in _in_groups(found, plan.num_shards):
                    yield beam.pvalue.TaggedOutput(_IDS, ((split, group), (source, members)))
        yield from (beam.pvalue.TaggedOutput(_COUNTS, count) for count in _count(split, counts))


class _Build(beam.DoFn):
    """Turns the paragraphs of a shard into its file of records; yields counts."""

    def __init__(self, plan: QuestionAnsweringPlan) -> None:
        self._plan = plan

    def process(
        self, element: tuple[tuple[str, int], Iterable[bytes]]
    ) -> Iterator[tuple[str, int]]:
        (split, shard), serialized = element
        plan = self._plan
        featurizer = Featurizer(
            plan.tokenizer, plan.config, for_training=plan.uses[split] == "training"
        )
        encoder = records.RecordEncoder()
        # Each element consists of the record's place in the order, its window, and the record
        # itself.
        built: list[tuple[bytes, int, bytes]] = []
        name = f"{split}-shard-{shard:05d}.jsonl"
        # Beam gives the members of a group in any order. Sorting them gives dead letters a fixed
        # order.
        paragraphs = sorted(content for content in serialized if content)
        with DeadLetterFile(files.join(plan.dead_letters_directory, name)) as rejected:
            for content in paragraphs:
                for item in featurizer.featurize(squad_examples.decode(content)):
                    if isinstance(item, DeadLetter):
                        rejected.add(item)
                        continue
                    question_id = item.question.id
                    place = seeds.digest(plan.seed, "order", question_id)
                    for window in item.windows:
                        index = window.span.index
                        record = encoder.encode(
                            window,
                            question_id=question_id,
                            unique_id=records.stable_unique_id(question_id, index),
                        )
                        built.append((place, index, record))
        built.sort()
        path = files.join(plan.output_directory, plan.shard_name(split, shard))
        counts = featurizer.counts + counts_file.of_dead_letters(rejected)
        with tfrecords.open_writer(path, compression_level=_COMPRESSION_LEVEL) as writer:
            for _, _, record in built:
                writer.write(record)
        counts["records"] = writer.num_records
        yield from _count(split, counts)
        yield record_digests.as_count(plan.shard_name(split, shard), writer.sha256)


def _read_items(
    path: str, input_format: InputFormat
) -> Iterator[tuple[Paragraph, bytes] | DeadLetter]:
    if input_format == "examples":
        for serialized in tfrecords.read_records(path):
            yield squad_examples.decode(serialized), serialized
        return
    for item in squad.read_file(path):
        yield item if isinstance(item, DeadLetter) else (item, squad_examples.encode(item))


def _in_groups(ids: Iterable[str], num_groups: int) -> list[tuple[int, list[str]]]:
    """Divides question ids by a hash, so that equal ids meet but no worker gets all of a split."""
    groups: dict[int, list[str]] = {}
    for question_id in ids:
        group = seeds.integer(0, "question id", question_id) % num_groups
        groups.setdefault(group, []).append(question_id)
    return sorted(groups.items())


def _find_duplicates(
    element: tuple[tuple[str, int], Iterable[tuple[str, list[str]]]],
) -> Iterator[tuple[str, int]]:
    """Counts the question ids that occur in several files of a split, and names a few of them."""
    (split, _), members = element
    first_in: dict[str, str] = {}
    found = []
    for path, ids in sorted(members):
        for question_id in ids:
            other = first_in.setdefault(question_id, path)
            if other != path:
                found.append(f"{question_id} in {other} and in {path}")
    if found:
        yield f"{split}/{_DUPLICATES}", len(found)
        for text in found[:_MAX_NAMED]:
            yield f"{split}/{_DUPLICATES}{text}", 1


def _check_duplicates(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        split, _, rest = name.partition("/")
        if rest == _DUPLICATES:
            named = sorted(_with_prefix(counts, name))
            examples = "; ".join(itertools.islice(filter(None, named), _MAX_NAMED))
            raise DuplicateQuestionError(
                f"{count:,} question ids of the split {split!r} stand in several files: {examples}."
                " Predictions are found by id: make the ids unique, or leave out a file."
            )


def _with_prefix(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): count
        for name, count in counts.items()
        if name.startswith(prefix)
    }


def _count(split: str, counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    return counts_file.for_beam(counts, split=split, namespace=METRICS_NAMESPACE)
