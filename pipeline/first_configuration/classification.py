"""Writes a configuration for texts with labels or numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from components.example_gen.classification.dataset import Columns, Split, TextDataset, parts
from pipeline.first_configuration import balance, sizes, yaml_text
from pipeline.first_configuration.common_sections import start, training
from pipeline.first_configuration.yaml_text import comment_of, line, scalar
from pipeline.first_look import examples as examples_lib
from pipeline.first_look.choice import Choice
from pipeline.first_look.examples import Examples
from pipeline.first_look.source import Source
from pipeline.first_look.table import ALL, TableFindings
from pipeline.first_look.undecided import UndecidedError

# Shares of the splits, from the usual ones to those for very few rows.
_SHARES = ({"train": 9, "eval": 1}, {"train": 4, "eval": 1}, {"train": 2, "eval": 1})
# With fewer rows for evaluation than this, a larger share is set aside.
_MIN_EVAL = 50
_MIN_EXAMPLES = 10
# Rows of which more are unusable are a wrong file or wrong columns.
_MAX_SKIPPED_SHARE = 0.5
# Longer texts are cut; a CPU takes minutes for lengths up to this one.
_MAX_SEQ_LEN = 256
# If the largest class has more rows than this, accuracy alone says little.
_UNBALANCED = 0.8
# A correlation that a model which learnt nothing does not reach.
_MIN_CORRELATION = 0.1


def dataset_of(
    findings: TableFindings,
    choice: Choice,
    shares: dict[str, int] | None,
    *,
    evaluation: Source | None = None,
) -> TextDataset:
    """Returns the data set that a choice of columns describes.

    Args:
        findings: what was found in the table.
        choice: columns and labels.
        shares: relative sizes of the splits; None if there is a table for evaluation.
        evaluation: the table for evaluation; None if some rows of the other are set aside.
    """
    source = findings.source
    columns = None
    if choice.texts:
        columns = Columns(*choice.texts, label=choice.label)
    return TextDataset(
        name=yaml_text.name_of(source.path),
        file_format=source.file_format,
        splits={ALL: Split(source.pattern)}
        if evaluation is None
        else {
            "train": Split(source.pattern),
            "eval": Split(
                evaluation.pattern_from(source.root),
                header=bool(evaluation.table and evaluation.table.header),
            ),
        },
        columns=columns,
        header=bool(source.table and source.table.header),
        delimiter=source.table.delimiter if source.table else None,
        labels=tuple(choice.labels),
        label_range=choice.label_range,
        hash_split=shares,
    )


def divide(
    findings: TableFindings, choice: Choice, *, max_rows: int, evaluation: Source | None = None
) -> tuple[TextDataset, Examples]:
    """Returns the data set with a division that leaves enough for evaluation, and its examples.

    Args:
        findings: what was found in the table.
        choice: columns and labels.
        max_rows: largest number of rows to read.
        evaluation: the table for evaluation; None sets some rows of the other aside.

    Raises:
        UndecidedError: if too few rows are usable, or the two tables have different forms.
    """
    if evaluation is not None:
        dataset, examples = _given_split(findings, choice, evaluation, max_rows)
    else:
        dataset, examples = _set_aside(findings, choice, max_rows)
    where = findings.source.path
    read = examples.total + examples.num_skipped
    if examples.num_skipped > _MAX_SKIPPED_SHARE * read:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in examples.skipped.items())
        raise UndecidedError(
            f"{examples.num_skipped:,} of {read:,} rows of {where} cannot be used ({reasons}); "
            "correct the file, or name other columns with --text and --label."
        )
    if examples.total < _MIN_EXAMPLES or not all(map(examples.counts.get, ("train", "eval"))):
        raise UndecidedError(
            f"{where} has {examples.total:,} usable rows, too few to train a model and judge it; "
            f"add rows until there are at least {_MIN_EXAMPLES}."
        )
    return dataset, examples


def _given_split(
    findings: TableFindings, choice: Choice, evaluation: Source, max_rows: int
) -> tuple[TextDataset, Examples]:
    source = findings.source
    forms = [
        (one.form, one.file_format, one.table and one.table.delimiter)
        for one in (source, evaluation)
    ]
    if forms[0] != forms[1]:
        raise UndecidedError(
            f"{source.path} and {evaluation.path} have different forms or delimiters; write both "
            "in the same way."
        )
    if source.table and source.table.header and not evaluation.table.header:
        raise UndecidedError(
            f"{source.path} names its columns in its first row, but {evaluation.path} does not; "
            "add such a row, or say with --header that the first row of both is one."
        )
    dataset = dataset_of(findings, choice, None, evaluation=evaluation)
    sources = {"train": source, "eval": evaluation}
    return dataset, examples_lib.examine(sources, dataset, max_rows=max_rows)


def _set_aside(
    findings: TableFindings, choice: Choice, max_rows: int
) -> tuple[TextDataset, Examples]:
    sources = {ALL: findings.source}
    for shares in _SHARES:
        dataset = dataset_of(findings, choice, shares)
        examples = examples_lib.examine(sources, dataset, max_rows=max_rows)
        if examples.counts.get("eval", 0) >= _MIN_EVAL:
            break
    seed = balance.hash_seed(dataset, examples.rows)
    if seed:
        dataset = dataclasses.replace(dataset, hash_seed=seed)
        examples = examples_lib.examine(sources, dataset, max_rows=max_rows)
    return dataset, examples


def write(
    findings: TableFindings,
    choice: Choice,
    dataset: TextDataset,
    examples: Examples,
    *,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> str:
    """Returns a commented configuration.

    Args:
        findings: what was found in the table.
        choice: columns and labels.
        dataset: the data set that `divide` returned.
        examples: the examples that `divide` returned.
        vocabulary: path of a SentencePiece model; None trains one.
        output_root: folder for what a run writes; None takes `runs/<name>`.
        init_from: folder of the weights to start from; None starts from random ones.
    """
    return (
        "\n".join(_lines(findings, choice, dataset, examples, vocabulary, output_root, init_from))
        + "\n"
    )


def _lines(
    findings: TableFindings,
    choice: Choice,
    dataset: TextDataset,
    examples: Examples,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> Iterator[str]:
    source = findings.source
    train = round(examples.counts["train"] / findings.share)
    schedule = sizes.schedule(train, from_weights=bool(init_from))
    looked = "the beginning of the file" if findings.is_sample else "all rows"
    yield comment_of(
        f"Written by `xlnet-pipeline init` from {source.path}, after looking at {looked}."
    )
    yield "# Run it: xlnet-pipeline run THIS_FILE. All settings: xlnet-pipeline show THIS_FILE."
    yield from map(comment_of, choice.remarks)
    yield f"extends: [{schedule.presets}]"
    yield ""
    yield "kind: classification"
    yield f"name: {dataset.name}"
    yield "data:"
    yield f"  root: {scalar(source.root)}"
    skipped = sizes.dead_letter_share(
        examples.num_skipped, examples.total + examples.num_skipped, is_sample=findings.is_sample
    )
    if skipped is not None:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in examples.skipped.items())
        reasons = reasons or "none among the rows that were looked at"
        yield line(f"  max_dead_letter_share: {skipped}", f"rows that are skipped: {reasons}")
    yield "  dataset:"
    yield f"    name: {dataset.name}"
    yield f"    file_format: {dataset.file_format}"
    if source.table:
        yield f"    delimiter: {_delimiter(source.table.delimiter)}"
        yield f"    header: {str(source.table.header).lower()}"
    if choice.texts:
        yield "    columns:"
        for name, column in zip(("text_a", "text_b"), choice.texts, strict=False):
            listed = ", ".join(scalar(part) for part in parts(column))
            yield f"      {name}: {f'[{listed}]' if isinstance(column, tuple) else listed}"
        yield f"      label: {scalar(choice.label)}"
    if choice.label_range:
        low, high = choice.label_range
        yield line(f"    label_range: [{low}, {high}]", "the numbers in the data")
    else:
        total = sum(choice.labels.values())
        yield line("    labels:", "in the order of their ids, with the rows that have them")
        for label, count in choice.labels.items():
            yield line(f"      - {scalar(label)}", f"{count:,} ({count / total:.1%})")
    guesses = _guesses(examples, dataset)
    if "macro_f1" in guesses:
        yield line("    metrics: [macro_f1, accuracy]", "accuracy alone says little here")
    yield "    splits:"
    for name, split in dataset.splits.items():
        header = (
            "" if split.header in (None, dataset.header) else f", header: {split.header}".lower()
        )
        counted = "" if name == ALL else f"{examples.counts[name]:,} rows"
        yield line(f"      {name}: {{pattern: {scalar(split.pattern)}{header}}}", counted)
    if dataset.hash_split:
        shares = ", ".join(f"{name}: {weight}" for name, weight in dataset.hash_split.items())
        counted = f"{examples.counts['train']:,} and {examples.counts['eval']:,} of the rows"
        yield line(f"    hash_split: {{{shares}}}", f"by a hash of the row's number: {counted}")
    if dataset.hash_seed:
        balanced = "of the divisions tried, labels are most alike in this one"
        yield line(f"    hash_seed: {dataset.hash_seed}", balanced)
    yield from start(examples.lengths, vocabulary=vocabulary, init_from=init_from)
    yield _seq_len(examples, is_pair=len(choice.texts) == 2)
    yield from training(schedule, train)
    yield "evaluation:"
    yield "  thresholds:"
    if dataset.is_regression:
        yield line(
            f"    pearson_correlation: {{minimum: {_MIN_CORRELATION}, maximum_drop: 0.02}}",
            "guessing gives 0",
        )
    else:
        for metric, value in guesses.items():
            guess = f"always the most frequent label gives {value:.3f}"
            bounds = f"{{minimum: {sizes.above(value)}, maximum_drop: 0.02}}"
            yield line(f"    {metric}: {bounds}", guess)
    yield f"run: {{output_root: {scalar(output_root or f'runs/{dataset.name}')}}}"


def _seq_len(examples: Examples, *, is_pair: bool) -> str:
    lengths = examples.lengths
    # SEP and CLS; pairs have two SEP.
    special = 3 if is_pair else 2
    pieces = lengths.pieces_at(0.95) + special
    seq_len = sizes.sequence_length(pieces, largest=_MAX_SEQ_LEN)
    cut = lengths.share_above(seq_len - special)
    comment = f"95 % of the texts have at most about {pieces} pieces"
    if pieces > seq_len:
        comment += f"; {cut:.0%} are cut, raise it to 512 if their ends matter"
    return line(f"seq_len: {seq_len}", comment)


def _guesses(examples: Examples, dataset: TextDataset) -> dict[str, float]:
    """Returns what always guessing the most frequent label gives, by the metric that decides.

    That is accuracy, or macro F1 if one label is so frequent that accuracy says little. If K labels
    occur, and the guessed one has the share p, macro F1 is 2 p / (1 + p) / K.
    """
    if dataset.is_regression:
        return {}
    judged = examples.labels["eval"]
    total = {
        label: sum(found[label] for found in examples.labels.values()) for label in dataset.labels
    }
    share = max(max(judged.values()) / sum(judged.values()), max(total.values()) / examples.total)
    if share <= _UNBALANCED:
        return {"accuracy": share}
    occurring = sum(count > 0 for count in judged.values())
    return {"macro_f1": 2 * share / (1 + share) / max(1, occurring)}


def _delimiter(delimiter: str) -> str:
    return r'"\t"' if delimiter == "\t" else f'"{delimiter}"'
