"""Says in plain words what was found in a table, in SQuAD files or in running text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from components import json_text
from components.example_gen.classification.dataset import parts
from pipeline.first_look import column_roles
from pipeline.first_look.choice import Choice
from pipeline.first_look.column_profile import ColumnProfile, shown
from pipeline.first_look.documents import DocumentFindings
from pipeline.first_look.examples import Examples
from pipeline.first_look.questions import QuestionFindings
from pipeline.first_look.source import Source
from pipeline.first_look.table import TableFindings
from pipeline.first_look.text_lengths import TextLengths

_MAX_LABELS = 20
_MAX_NAMES = 5
# A label with fewer rows than this can hardly be learnt.
_FEW_ROWS = 10
_UNBALANCED = 0.8
_DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "vertical bar"}


def of_table(findings: TableFindings) -> Iterator[str]:
    """Yields lines that describe a table and its columns."""
    source = findings.source
    yield from _of_source(source)
    if source.table:
        yield _line("delimiter", _DELIMITERS[source.table.delimiter])
        header = "the first row names the columns" if source.table.header else "none"
        yield _line("header", header)
    rows = f"{findings.rows:,}"
    if findings.is_sample:
        total = round(findings.rows / findings.share, -2)
        rows += (
            f" looked at, {findings.share:.1%} of the data (about {total:,.0f} rows); labels that "
            "only occur later are not known"
        )
    yield _line("rows", rows)
    yield _line("duplicates", f"{findings.duplicates:,} rows equal an earlier one")
    if findings.bad:
        yield _line("unreadable", f"{_counted(findings.bad)}; the first is {findings.first_bad}")
    yield "columns:"
    for column in findings.columns:
        yield f"  {column.shown:20} {_column(column)}"


def of_choice(choice: Choice, examples: Examples) -> Iterator[str]:
    """Yields lines that describe what a model would be trained on, and what looks wrong with it."""
    if choice.texts:
        yield _line("text", " and ".join("+".join(map(shown, parts(one))) for one in choice.texts))
        yield _line("label", f"{shown(choice.label)} ({choice.task})")
    else:
        yield _line("label", "the name of the folder")
    if choice.label_range:
        yield _line("numbers", f"from {choice.label_range[0]} to {choice.label_range[1]}")
    total = sum(choice.labels.values())
    for label, count in list(choice.labels.items())[:_MAX_LABELS]:
        yield f"  {json_text.shown(label):20} {count:>9,} {count / total:>7.1%}"
    if len(choice.labels) > _MAX_LABELS:
        yield f"  and {len(choice.labels) - _MAX_LABELS:,} more labels"
    yield _line("usable rows", f"{examples.total:,}")
    yield _line("lengths", _lengths(examples.lengths))
    for remark in choice.remarks:
        yield f"note: {remark}"
    yield from (f"warning: {warning}" for warning in _warnings(choice, examples))


def of_questions(findings: QuestionFindings) -> Iterator[str]:
    """Yields lines that describe SQuAD files."""
    yield from _of_source(findings.source)
    more = " looked at; there are more" if findings.is_sample else ""
    yield _line("articles", f"{len(findings.articles):,}")
    yield _line("paragraphs", f"{findings.paragraphs:,}, {_lengths(findings.contexts)}")
    yield _line("questions", f"{findings.total:,}{more}, {_lengths(findings.questions)}")
    yield _line("answers", f"{findings.answerable:,} questions, {_lengths(findings.answers)}")
    yield _line("no answer", f"{findings.impossible:,} questions")
    yield _line("duplicates", f"{findings.duplicates:,} questions equal an earlier one")
    if findings.repaired:
        yield f"note: {findings.repaired:,} answers are not where the data say, and were found."
    if findings.lost:
        yield f"warning: {findings.lost:,} answers are not in their paragraphs."
    if findings.first_unlabelled:
        yield (
            f"warning: {sum(findings.unlabelled.values()):,} questions have no label; the first is "
            f"{findings.first_unlabelled}."
        )
    if findings.skipped:
        yield f"warning: questions that cannot be used: {_counted(findings.skipped)}."


def of_documents(findings: DocumentFindings) -> Iterator[str]:
    """Yields lines that describe running text."""
    yield from _of_source(findings.source)
    more = " looked at; there are more" if findings.is_sample else ""
    documents = f"{len(findings.places):,}{more}, {_lengths(findings.lengths)}"
    yield _line("documents", documents)
    yield _line("lines", f"{findings.lines:,} that are not blank")
    yield _line("duplicates", f"{findings.duplicates:,} documents equal an earlier one")
    if len(findings.places) == 1:
        yield "warning: there is one document only; blank lines separate documents."
    if findings.likeness:
        yield f"warning: the files look like {findings.likeness}, and are read as running text."
    if findings.skipped:
        yield f"warning: bytes of lines that cannot be used: {_counted(findings.skipped)}."


def _of_source(source: Source) -> Iterator[str]:
    forms = {
        "table": f"a table ({source.file_format})",
        "folders": f"a folder of texts for each of {len(source.labels)} labels",
        "squad": "questions about paragraphs (SQuAD)",
        "text": f"running text ({source.file_format})",
    }
    yield _line(source.path, forms[source.form])
    yield _line("encoding", source.encoding)
    if source.left_out:
        more = len(source.left_out) - _MAX_NAMES
        named = ", ".join(map(json_text.shown, source.left_out[:_MAX_NAMES]))
        yield _line("not read", named + (f" and {more:,} more" if more > 0 else ""))


def _line(what: str, found: str) -> str:
    return f"{what:14} {found}"


def _column(column: ColumnProfile) -> str:
    parts = [column_roles.guess(column), f"{column.distinct:,} different values"]
    if column.empty:
        parts.append(f"{column.empty:,} empty")
    if column.not_text:
        parts.append(f"{column.not_text:,} not text")
    if column.numbers == column.filled and column.filled:
        parts.append(f"from {column.smallest:g} to {column.largest:g}")
    elif column.filled:
        half, most = column.words_at(0.5), column.words_at(0.95)
        parts.append(f"median {_words(half)}, 95th percentile {most:,}")
    if 0 < column.numbers < column.filled:
        parts.append(f"mixed: {column.numbers:,} of the values are numbers")
    return ", ".join(parts)


def _lengths(lengths: TextLengths) -> str:
    return (
        f"median {_words(lengths.words_at(0.5))}, 95th percentile {lengths.words_at(0.95):,}, "
        f"longest {lengths.words_at(1.0):,}"
    )


def _words(count: int) -> str:
    return "1 word" if count == 1 else f"{count:,} words"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _warnings(choice: Choice, examples: Examples) -> Iterator[str]:
    if examples.skipped:
        yield f"{_rows(examples.num_skipped)} cannot be used: {_counted(examples.skipped)}."
    if examples.duplicates:
        yield (
            f"{_rows(examples.duplicates)} with the texts of an earlier row, "
            f"{examples.contradictions:,} of them with another label."
        )
    if examples.across:
        yield (
            f"{_rows(examples.across)} of the evaluation with texts that are in the training too, "
            "which makes the model look better than it is; remove duplicates from the file."
        )
    total = sum(choice.labels.values())
    rare = [label for label, count in choice.labels.items() if count < _FEW_ROWS]
    if rare:
        named = ", ".join(map(json_text.shown, rare[:5]))
        more = f" and {len(rare) - 5:,} more" if len(rare) > 5 else ""
        yield f"labels with fewer than {_FEW_ROWS} rows can hardly be learnt: {named}{more}."
    if total and max(choice.labels.values()) > _UNBALANCED * total:
        most = max(choice.labels, key=choice.labels.get)
        yield (
            f"{max(choice.labels.values()) / total:.0%} of the rows have the label "
            f"{json_text.shown(most)}; a model that always says so is right as often."
        )
    alike: dict[str, list[str]] = {}
    for label in choice.labels:
        alike.setdefault(" ".join(label.split()).casefold(), []).append(label)
    for labels in alike.values():
        if len(labels) > 1:
            named = " and ".join(map(json_text.shown, labels))
            yield f"{named} differ only in case or white space; write one label in one way."


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
