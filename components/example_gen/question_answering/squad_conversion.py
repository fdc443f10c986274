"""Converts SQuAD files into raw examples in Beam, one example per paragraph.

The articles can be divided into splits on the way:

    settings = SquadSettings(patterns={"train": "train-v2.0.json", "eval": "dev-v2.0.json"})
    inputs = squad_inputs.find_files(settings, data_root)
    with beam.Pipeline(options=...) as pipeline:
        convert(pipeline, settings, inputs, directory=..., split_directories=...)
    counts = finish(settings, inputs, directory=...)

One worker converts a whole file, paragraph by paragraph, so memory does not grow with its size.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import apache_beam as beam

from components import files, tfrecords
from components.dead_letter_file import DeadLetterFile
from components.dead_letters import DEAD_LETTERS_DIRECTORY, DeadLetter
from components.example_gen import counts_file
from components.example_gen.counts_file import EmptySplitError
from components.example_gen.question_answering import squad, squad_examples, squad_labels
from components.example_gen.question_answering.squad_inputs import SquadSettings, name_in

METRICS_NAMESPACE = "xlnet/example_gen/squad"
_MAX_NAMED = 10
# Training on questions without labels would teach the model never to answer.
_LABELLED_SPLITS = ("train", squad_labels.JUDGED_SPLIT)
_PARAGRAPHS, _QUESTIONS, _ANSWERABLE = "paragraphs", "questions", "questions/answerable"
_IMPOSSIBLE = "questions/impossible"
_REPAIRED, _LOST = "answers/repaired", "answers/lost"


def convert(
    pipeline: beam.Pipeline,
    settings: SquadSettings,
    inputs: Mapping[str, Sequence[str]],
    *,
    data_root: str,
    directory: str,
    split_directories: Mapping[str, str],
) -> None:
    """Adds the conversion to a pipeline, which writes the examples and leaves counts for `finish`.

    Args:
        pipeline: Beam pipeline to add to.
        settings: how files become splits.
        inputs: the paths that `squad_inputs.find_files` returned.
        data_root: the data root that was given to `squad_inputs.find_files`.
        directory: directory that dead letters and counts are written to.
        split_directories: directory of each output split.
    """
    numbered = [
        (name, number, len(paths), path, name_in(data_root, path))
        for name, paths in inputs.items()
        for number, path in enumerate(paths)
    ]
    convert_file = _ConvertFile(settings, directory, dict(split_directories))
    converted = (
        pipeline
        | "Files" >> beam.Create(numbered)
        | "Spread" >> beam.Reshuffle()
        | "Convert" >> beam.ParDo(convert_file)
    )
    counts_file.write_sums(converted, directory)


def finish(
    settings: SquadSettings,
    inputs: Mapping[str, Sequence[str]],
    *,
    directory: str,
    kept: str | None = None,
) -> dict[str, int]:
    """Checks the result of the conversion and writes `counts.json` last.

    Args:
        settings: the settings that were given to `convert`.
        inputs: the paths that were given to `convert`.
        directory: the directory that was given to `convert`.
        kept: directory where the dead letters will be found if this fails, for the error message;
            None if they stay where they are.

    Returns:
        The counts.

    Raises:
        TooManyDeadLettersError: if more was unusable than the settings allow.
        EmptySplitError: if a split got no question.
        UnlabelledError: if no question of "eval" has a label.
    """
    counts = counts_file.read(directory)
    for name in inputs:
        read_from = settings.output_splits if settings.article_split else [name]
        questions = sum(counts.get(f"{split}/{_QUESTIONS}", 0) for split in read_from)
        counts_file.check_dead_letters(
            counts,
            directory,
            split=name,
            # Dead letters are weighted: a lost article counts as many questions as it contained.
            total=questions + counts.get(f"{name}/{counts_file.LOST}", 0),
            unit="questions",
            allowed_share=settings.max_dead_letter_share,
            kept=kept,
        )
    for split in settings.output_splits:
        paths = inputs.get(split, next(iter(inputs.values())))
        if not counts.get(f"{split}/{_QUESTIONS}"):
            raise EmptySplitError(
                f"The split {split!r} got no question. Its files are {_list(paths)}. "
                + (f"{_titles(paths)} " if settings.article_split else "")
                + counts_file.describe_dead_letters(counts, directory, kept=kept)
            )
        if split in _LABELLED_SPLITS and not (
            counts[f"{split}/{_ANSWERABLE}"] or counts[f"{split}/{_IMPOSSIBLE}"]
        ):
            raise squad_labels.no_labels(_list(paths), counts[f"{split}/{_QUESTIONS}"])
    for split in settings.output_splits:
        files.remove_leftovers(files.join(directory, f"Split-{split}"))
    counts_file.finish(counts, directory)
    return counts


def _list(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MAX_NAMED:,} more" if len(paths) > _MAX_NAMED else ""
    return ", ".join(paths[:_MAX_NAMED]) + more


def _titles(paths: Sequence[str]) -> str:
    """Explains why dividing the articles may have left a split empty; reads the files once more."""
    articles = {
        (item.article, path)
        for path in paths
        for item in squad.read_file(path)
        if isinstance(item, squad.Paragraph)
    }
    titles = {title for title, _ in articles}
    if len(titles) < len(articles):
        return (
            f"Its {len(articles):,} articles have {len(titles):,} different titles, such as "
            f"{min(titles)!r}; an article is drawn by its title, so that a topic stands in one "
            "split. Give articles titles of their own, or none."
        )
    return f"It has {len(titles):,} articles; with so few choose another seed."


class _ConvertFile(beam.DoFn):
    """Writes the examples of one file, one TFRecord file per output split, and yields counts."""

    def __init__(
        self, settings: SquadSettings, directory: str, split_directories: dict[str, str]
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._split_directories = split_directories

    def process(self, element: tuple[str, int, int, str, str]) -> Iterator[tuple[str, int]]:
        name, number, num_files, path, file_name = element
        settings = self._settings
        splits = settings.output_splits if settings.article_split else [name]
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        letters_path = files.join(
            self._directory, DEAD_LETTERS_DIRECTORY, f"{name}-file-{number:05d}.jsonl"
        )
        with contextlib.ExitStack() as stack:
            rejected = stack.enter_context(DeadLetterFile(letters_path))
            writers = {
                split: stack.enter_context(
                    tfrecords.open_writer(
                        files.join(
                            self._split_directories[split],
                            # TFX's file patterns expect this form of name.
                            f"data_tfrecord-{number:05d}-of-{num_files:05d}.gz",
                        )
                    )
                )
                for split in splits
            }
            for item in squad.read_file(path, name=file_name):
                if isinstance(item, DeadLetter):
                    rejected.add(item)
                    continue
                split = name
                if settings.article_split:
                    split = squad.split_of_article(
                        item.article, weights=settings.article_split, seed=settings.seed
                    )
                if split == squad_labels.JUDGED_SPLIT:
                    for question in item.questions:
                        squad_labels.check_question(question, path)
                writers[split].write(squad_examples.encode(item))
                found = counts[split]
                found[_PARAGRAPHS] += 1
                found[_QUESTIONS] += len(item.questions)
                found[_ANSWERABLE] += sum(bool(q.answers) for q in item.questions)
                found[_IMPOSSIBLE] += sum(q.is_impossible for q in item.questions)
                found[_REPAIRED] += item.num_repaired_answers
                found[_LOST] += item.num_lost_answers
        counts[name].update(counts_file.of_dead_letters(rejected))
        for split, found in sorted(counts.items()):
            yield from counts_file.for_beam(found, split=split, namespace=METRICS_NAMESPACE)
