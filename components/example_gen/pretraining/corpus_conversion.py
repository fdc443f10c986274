"""Converts corpus files into raw examples in Beam, one example per document.

The documents can be divided into splits on the way:

    settings = CorpusSettings(patterns={"all": ("*.txt",)}, document_split={"train": 99, "eval": 1})
    inputs = corpus_inputs.find_files(settings, data_root)
    with beam.Pipeline(options=...) as pipeline:
        convert(pipeline, settings, inputs, directory=..., split_directories=...)
    counts = finish(settings, inputs, directory=...)

Large files are cut between documents and small ones are read together, so that every worker has
about the same amount of work. A worker holds one document in memory at a time.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from components import files, tfrecords
from components.dead_letter_file import DeadLetterFile
from components.dead_letters import DEAD_LETTERS_DIRECTORY
from components.example_gen import counts_file
from components.example_gen.counts_file import EmptySplitError
from components.example_gen.pretraining import corpus, corpus_files
from components.example_gen.pretraining.corpus_files import FileRange
from components.example_gen.pretraining.corpus_inputs import CorpusFile, CorpusSettings

METRICS_NAMESPACE = "xlnet/example_gen/corpus"
_DOCUMENTS, _DIVIDED = "documents", "documents divided"


def convert(
    pipeline: beam.Pipeline,
    settings: CorpusSettings,
    inputs: Mapping[str, Sequence[CorpusFile]],
    *,
    directory: str,
    split_directories: Mapping[str, str],
) -> None:
    """Adds the conversion to a pipeline, which writes the examples and leaves counts for `finish`.

    Args:
        pipeline: Beam pipeline to add to.
        settings: how files are read and become splits.
        inputs: the files that `corpus_inputs.find_files` returned.
        directory: directory that dead letters and counts are written to.
        split_directories: directory of each output split.
    """
    groups = [
        (f"{split}-{number:05d}", (split, group))
        for split, members in inputs.items()
        for number, group in enumerate(_group(members, settings.unit_bytes))
    ]
    converted = (
        pipeline
        | "Groups" >> beam.Create(groups)
        # GroupByKey hands its keys to the workers in turn; Reshuffle would distribute them at
        # random, and so less evenly.
        | "Spread groups" >> beam.GroupByKey()
        | "Units" >> beam.FlatMap(_units, settings=settings)
        | "Spread units" >> beam.GroupByKey()
        | "Convert" >> beam.ParDo(_ConvertUnit(settings, directory, dict(split_directories)))
    )
    counts_file.write_sums(converted, directory)


def finish(
    settings: CorpusSettings,
    inputs: Mapping[str, Sequence[CorpusFile]],
    *,
    directory: str,
    kept: str | None = None,
) -> dict[str, int]:
    """Checks the result of the conversion and writes `counts.json` last.

    Args:
        settings: the settings that were given to `convert`.
        inputs: the files that were given to `convert`.
        directory: the directory that was given to `convert`.
        kept: directory where the dead letters will be found if this fails, for the error message;
            None if they stay where they are.

    Returns:
        The counts.

    Raises:
        TooManyDeadLettersError: if more of the text was unusable than the settings allow.
        EmptySplitError: if a split got no document.
    """
    counts = counts_file.read(directory)
    for split in inputs:
        counts_file.check_dead_letters(
            counts,
            directory,
            split=split,
            total=counts.get(f"{split}/{corpus.BYTES}", 0),
            unit="bytes of text",
            num_read=counts.get(f"{split}/{corpus.LINES}", 0),
            allowed_share=settings.max_dead_letter_share,
            kept=kept,
        )
    for split in settings.output_splits:
        if counts.get(f"{split}/{_DOCUMENTS}"):
            continue
        documents = sum(counts.get(f"{name}/{_DOCUMENTS}", 0) for name in settings.output_splits)
        raise EmptySplitError(
            f"The split {split!r} got no document; there are {documents:,} in all. "
            + (
                "A blank line ends a document: a text without any is a single one. "
                if settings.file_format == "text"
                else ""
            )
            + "Check the files, give the split files of its own, or a larger weight. "
            + counts_file.describe_dead_letters(counts, directory, kept=kept)
        )
    for split in settings.output_splits:
        files.remove_leftovers(files.join(directory, f"Split-{split}"))
    counts_file.finish(counts, directory)
    return counts


def _group(members: Sequence[CorpusFile], unit_bytes: int) -> Iterator[list[CorpusFile]]:
    """Yields groups of consecutive files of at most `unit_bytes` together, or one larger file."""
    group: list[CorpusFile] = []
    size = 0
    for file in members:
        if group and size + file.size > unit_bytes:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group


_CountsBySplit = collections.defaultdict[str, collections.Counter[str]]
# A range of a file, and the name of the file.
_NamedRange = tuple[FileRange, str]


def _units(
    element: tuple[str, Iterable[tuple[str, list[CorpusFile]]]], settings: CorpusSettings
) -> Iterator[tuple[tuple[str, str], list[_NamedRange]]]:
    """Yields ((split, name of the unit), what to read) for each unit of a group of files."""
    name, groups = element
    for split, group in groups:
        if len(group) > 1 or settings.file_format == "tfrecord":
            yield (split, name), [(FileRange(file.path), file.name) for file in group]
            continue
        (file,) = group
        for file_range in corpus_files.split_into_ranges(
            file.path,
            size=file.size,
            range_bytes=settings.unit_bytes,
            at_blank_lines=settings.file_format == "text",
        ):
            yield (split, f"{name}-{file_range.start:015d}"), [(file_range, file.name)]


class _ConvertUnit(beam.DoFn):
    """Writes the examples of a unit, at most one file per output split, and yields counts."""

    def __init__(
        self, settings: CorpusSettings, directory: str, split_directories: dict[str, str]
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._split_directories = split_directories

    def process(
        self, element: tuple[tuple[str, str], Iterable[list[_NamedRange]]]
    ) -> Iterator[tuple[str, int]]:
        (split, name), units = element
        counts: _CountsBySplit = collections.defaultdict(collections.Counter)
        letters_path = files.join(self._directory, DEAD_LETTERS_DIRECTORY, f"{name}.jsonl")
        with contextlib.ExitStack() as stack:
            rejected = stack.enter_context(DeadLetterFile(letters_path))
            writers: dict[str, tfrecords.RecordWriter] = {}
            for unit in units:
                for file_range, source in unit:
                    for target, example in self._read(split, file_range, source, rejected, counts):
                        if target not in writers:
                            path = files.join(
                                self._split_directories[target], f"documents-{name}.gz"
                            )
                            writers[target] = stack.enter_context(tfrecords.open_writer(path))
                        writers[target].write(example)
        counts[split].update(counts_file.of_dead_letters(rejected))
        for name, found in sorted(counts.items()):
            yield from counts_file.for_beam(found, split=name, namespace=METRICS_NAMESPACE)

    def _read(
        self,
        split: str,
        file_range: FileRange,
        source: str,
        rejected: DeadLetterFile,
        counts: _CountsBySplit,
    ) -> Iterator[tuple[str, bytes]]:
        settings = self._settings
        of_range: collections.Counter[str] = collections.Counter()
        documents = corpus.read_documents(
            file_range,
            file_format=settings.file_format,
            reject=rejected.add,
            counts=of_range,
            text_field=settings.text_field,
        )
        for document in documents:
            # A document that an ExampleGen wrote before keeps the name that it got there.
            if document.source == file_range.path:
                document = dataclasses.replace(document, source=source)
            target = split
            if settings.document_split:
                target = corpus.choose_split(document, settings.document_split, seed=settings.seed)
            counts[target][_DOCUMENTS] += document.part == 0
            counts[target][_DIVIDED] += document.part == 1
            yield target, corpus.document_to_example(document)
        for key, count in of_range.items():
            if key not in (_DOCUMENTS, _DIVIDED):
                counts[split][key] += count
