"""Reads paragraphs with their questions from SQuAD files (v1.1 and v2.0, JSON and JSON lines).

Files are streamed, so that no more than one article is in memory. Whatever cannot be used is
returned as a dead letter among the paragraphs. Only a file that is not JSON of SQuAD's form at all,
or is cut off, raises an error.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components import json_text, seeds
from components.dead_letters import UNCOUNTABLE, DeadLetter
from components.example_gen import lines, text_form
from components.example_gen.json_stream import JsonStream, JsonStreamError
from components.example_gen.question_answering import squad_labels
from components.tokenization import normalization

NOT_JSON = "line is not JSON"
NOT_AN_OBJECT = "not a JSON object"
MISSING_KEY = "missing key"
WRONG_TYPE = "wrong type"
DUPLICATE_ID = "duplicate question id"
UNDECODABLE = "undecodable bytes"
LINE_TOO_LONG = "line too long"

FORM = '{"data": [{"title": …, "paragraphs": [{"context": …, "qas": […]}]}]}'

# An answer that is not found at its `answer_start` is taken from the nearest place within this many
# characters, or from further away if it occurs only once in the whole paragraph.
_NEARBY_CHARACTERS = 256
# Far more than needed: the articles of SQuAD have up to 1.5 MB.
_MAX_LINE_BYTES = 128 << 20
_NOT_FOUND = -1
_LAST_TITLE = re.compile(r'"title"\s*:\s*("(?:[^"\\]|\\.)*")')
_LAST_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.)*")')
_QUESTION_KEY = re.compile(r'"question"\s*:')


class SquadFormatError(ValueError):
    """A file that is not a SQuAD file, or is damaged.

    The message names the file and, as far as known, the article and the question id.
    """


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer as an annotator gave it.

    Attributes:
        text: text of the answer.
        start: index of the character of the context at which the answer begins, verified against
            the context; -1 if the answer is empty or was not found.
    """

    text: str
    start: int


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about a paragraph.

    Attributes:
        id: id of the question, unique in its file.
        text: text of the question; may be empty.
        answers: answers as the annotators gave them; there may be none, one or several.
        is_impossible: whether the data say that there is no answer; False if they do not say.
        unlabelled: what is missing, if the data give neither an answer nor say that there is none;
            otherwise empty. A model can answer an unlabelled question, but the question is of no
            use for training or evaluation.
    """

    id: str
    text: str
    answers: tuple[Answer, ...]
    is_impossible: bool
    unlabelled: str = ""

    @property
    def has_no_answer(self) -> bool:
        """Whether the data say that there is no answer, be it by an empty list of answers."""
        return self.is_impossible or not (self.answers or self.unlabelled)


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph with its questions.

    Attributes:
        context: text of the paragraph exactly as in the file; may be empty.
        questions: questions about the paragraph, in the order of the file.
        article: title of the article, or its number and the name of its file if it has no title.
        source: path of the file.
        position: number of the paragraph in the file, counted from 0.
        num_repaired_answers: number of answers that were found elsewhere than at `answer_start`.
        num_lost_answers: number of answers that were not found; their start is -1.
    """

    context: str
    questions: tuple[Question, ...]
    article: str
    source: str
    position: int
    num_repaired_answers: int = 0
    num_lost_answers: int = 0


def read_file(path: str, *, name: str | None = None) -> Iterator[Paragraph | DeadLetter]:
    """Yields the paragraphs of a SQuAD file, and dead letters, in the order of the file.

    Args:
        path: a JSON file `{"data": [article, …]}` or `[article, …]`; or, with the suffix `.jsonl`
            or `.ndjson`, a file in which each line is an article (`title`, `paragraphs`), a
            paragraph (`context`, `qas`) or a whole data set. The suffixes `.gz`, `.bz2` and `.zst`
            after that stand for compressed files.
        name: name of the file, which identifies its articles without a title; None takes the last
            part of the path.

    Raises:
        SquadFormatError: if the file is not a SQuAD file, or is cut off.
        WrongFormatError: if the file is not UTF-8 text, or is markup.
    """
    reader = _Reader(path, name or posixpath.basename(path))
    is_lines = lines.without_compression(path).endswith(text_form.JSON_LINES_SUFFIXES)
    articles = reader.json_lines() if is_lines else reader.json()
    for article in articles:
        if isinstance(article, DeadLetter):
            yield article
        else:
            yield from reader.paragraphs(article)


def count_questions(value: Any) -> int:
    """Counts the questions at any depth in a part of a data set; returns at least 1.

    Returns `UNCOUNTABLE` if the value is neither an object nor a list, since it is then impossible
    to tell how many questions were lost.
    """
    if not isinstance(value, dict | list):
        return UNCOUNTABLE
    found = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found += "question" in item or ("id" in item and "answers" in item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return max(1, found)


def split_of_article(article: str, *, weights: Mapping[str, int], seed: int) -> str:
    """Returns the split that an article belongs to, so that no topic appears in two splits.

    Args:
        article: title of the article.
        weights: number of hash buckets of each split, such as {"train": 9, "eval": 1}.
        seed: seed of the hash; another seed gives another partition.

    Raises:
        ValueError: if no weight is positive, or one is negative.
    """
    return seeds.choose(weights, seed, "squad article", article)


class _UnusableError(ValueError):
    """A part of the data that no paragraph or question can be made of."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class _Reader:
    """Reads one file, and keeps track of the ids, articles and paragraphs that it has read."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._name = name
        self._ids: set[str] = set()
        self._num_articles = 0
        self._num_paragraphs = 0

    def json(self) -> Iterator[Any]:
        """Yields the articles of a JSON file."""
        has_data = False
        with lines.open_text(self._path, "json") as file:
            stream = JsonStream(file)
            try:
                if stream.begins_with("["):
                    has_data = True
                    yield from stream.elements()
                else:
                    for key in stream.members():
                        if key == "data":
                            has_data = True
                            yield from stream.elements()
                        else:
                            stream.value()
                stream.expect_end()
            except JsonStreamError as error:
                raise SquadFormatError(self._describe_damage(error)) from error
        if not has_data:
            raise SquadFormatError(f'{self._path} has no key "data"; a SQuAD file is {FORM}.')

    def json_lines(self) -> Iterator[Any]:
        """Yields the articles of a JSON lines file, and dead letters for unusable lines."""
        with lines.open_text(self._path, "jsonl") as file:
            for line in lines.read_lines(file, max_bytes=_MAX_LINE_BYTES):
                value = self._line(line)
                if isinstance(value, dict) and isinstance(value.get("data"), list):
                    yield from value["data"]
                elif isinstance(value, dict) and "context" in value:
                    yield {"title": value.get("title"), "paragraphs": [value]}
                elif value is not _BLANK:
                    yield value

    def _line(self, line: lines.Line) -> Any:
        """Returns the value of a line, a dead letter if it is unusable, or `_BLANK`."""
        position = f"line {line.number}"
        content = (
            line.content.removeprefix(text_form.UTF8_MARK) if line.number == 1 else line.content
        )
        if not content.strip():
            return _BLANK
        if line.too_long:
            detail = f"{line.num_bytes:,} bytes, of which at most {_MAX_LINE_BYTES:,} are read"
            excerpt = content.decode("utf-8", "replace")
            return self._dead_letter(LINE_TOO_LONG, detail, position, excerpt, UNCOUNTABLE)
        text = content.decode("utf-8", errors="replace")
        weight = max(1, len(_QUESTION_KEY.findall(text)))
        try:
            content.decode("utf-8")
            return json_text.loads(text)
        except UnicodeDecodeError as error:
            detail = f"not UTF-8 from byte {error.start} on; " + text_form.legacy_encoding(
                content[max(0, error.start - 10) :]
            )
            return self._dead_letter(UNDECODABLE, detail, position, text, weight)
        except json_text.JsonTextError as error:
            return self._dead_letter(NOT_JSON, str(error), position, text, weight)

    def paragraphs(self, article: Any) -> Iterator[Paragraph | DeadLetter]:
        """Yields the paragraphs of one article, and dead letters."""
        number = self._num_articles
        self._num_articles += 1
        try:
            _check_object(article)
            paragraphs = _get(article, "paragraphs", list)
        except _UnusableError as error:
            yield self._dead_letter(
                error.reason,
                f"{error.detail}; read is {FORM}",
                f"article {number}",
                json_text.excerpt(article),
                count_questions(article),
            )
            return
        title = article.get("title")
        if not isinstance(title, str) or not title:
            # The name of the file is needed because splits are drawn by this title, and numbers of
            # articles start anew in each file.
            title = f"article {number} of {self._name}"
        for index, value in enumerate(paragraphs):
            position = f"article {title!r}, paragraph {index}"
            try:
                _check_object(value)
                context, values = _get(value, "context", str), _get(value, "qas", list)
            except _UnusableError as error:
                yield self._dead_letter(
                    error.reason,
                    error.detail,
                    position,
                    json_text.excerpt(value),
                    count_questions(value),
                )
                continue
            yield from self._paragraph(context, values, title, position)

    def _paragraph(
        self, context: str, values: list[Any], title: str, position: str
    ) -> Iterator[Paragraph | DeadLetter]:
        questions = []
        num_repaired = num_lost = 0
        for value in values:
            question_id = value.get("id") if isinstance(value, dict) else None
            place = position if question_id is None else f"{position}, question {question_id}"
            try:
                question, repaired, lost = _question(value, context)
                if question.id in self._ids:
                    raise _UnusableError(DUPLICATE_ID, "an earlier question has the same id")
            except _UnusableError as error:
                yield self._dead_letter(
                    error.reason, error.detail, place, json_text.excerpt(value), 1
                )
                continue
            self._ids.add(question.id)
            questions.append(question)
            num_repaired += repaired
            num_lost += lost
        yield Paragraph(
            context=context,
            questions=tuple(questions),
            article=title,
            source=self._path,
            position=self._num_paragraphs,
            num_repaired_answers=num_repaired,
            num_lost_answers=num_lost,
        )
        self._num_paragraphs += 1

    def _dead_letter(
        self, reason: str, detail: str, position: str, excerpt: str, weight: int
    ) -> DeadLetter:
        return DeadLetter(self._path, position, reason, detail, excerpt, weight)

    def _describe_damage(self, error: JsonStreamError) -> str:
        what = "is cut off" if error.is_cut_off else "is not valid JSON of SQuAD's form"
        titles, ids = _LAST_TITLE.findall(error.before), _LAST_ID.findall(error.before)
        place = f"in its article {self._num_articles} (counted from 0)"
        place += f", title {json_text.cut(titles[-1])}" if titles else ""
        place += f", after question id {json_text.cut(ids[-1])}" if ids else ""
        advice = "Copy or export the file again" if error.is_cut_off else f"Read is {FORM}"
        return f"{self._path} {what} {place}; {error}. {advice}."


# Stands for the value of a blank line.
_BLANK = object()


def _question(value: Any, context: str) -> tuple[Question, int, int]:
    """Returns a question, and how many of its answers were repaired and lost."""
    _check_object(value)
    question_id = value.get("id")
    if isinstance(question_id, int) and not isinstance(question_id, bool):
        question_id = str(question_id)
    elif not _get(value, "id", str):
        raise _UnusableError(MISSING_KEY, "the id is empty")
    elif normalization.to_unicode(question_id) != question_id:
        raise _UnusableError(UNDECODABLE, "the id has half a surrogate pair")
    text = _get(value, "question", str)
    is_impossible = value.get("is_impossible", False)
    if not isinstance(is_impossible, bool):
        found = json_text.shown(is_impossible)
        raise _UnusableError(WRONG_TYPE, f"is_impossible is {found}, not a boolean")
    given = value.get("answers", [])
    if not isinstance(given, list):
        raise _UnusableError(WRONG_TYPE, f"answers is {json_text.shown(given)}, not a list")
    answers = []
    num_repaired = num_lost = 0
    for answer in given:
        _check_object(answer)
        answer_text = _get(answer, "text", str)
        start = _get(answer, "answer_start", int)
        if not answer_text:
            # Keep the answer, so that metrics count the question as answerable, but do not search
            # the context for it.
            answers.append(Answer("", _NOT_FOUND))
            continue
        found = locate(answer_text, start, context)
        num_lost += found == _NOT_FOUND
        num_repaired += found not in (_NOT_FOUND, start)
        answers.append(Answer(answer_text, found))
    unlabelled = squad_labels.why_unlabelled(value)
    question = Question(question_id, text, tuple(answers), is_impossible, unlabelled)
    return question, num_repaired, num_lost


def locate(text: str, start: int, context: str) -> int:
    """Finds where an answer begins.

    This is `start`, or else the nearest place within `_NEARBY_CHARACTERS`, or else the only place
    in the whole context.

    Returns:
        Index of the answer's first character in the context, or -1 if it was not found.
    """
    if start >= 0 and context.startswith(text, start):
        return start
    begin = max(0, start - _NEARBY_CHARACTERS)
    end = start + _NEARBY_CHARACTERS + len(text)
    before = context.rfind(text, begin, max(0, start + len(text)))
    behind = context.find(text, max(0, start), max(0, end))
    nearby = [place for place in (before, behind) if place != _NOT_FOUND]
    if nearby:
        return min(nearby, key=lambda place: abs(place - start))
    anywhere = context.find(text)
    return anywhere if anywhere == context.rfind(text) else _NOT_FOUND


def _check_object(value: Any) -> None:
    if not isinstance(value, dict):
        raise _UnusableError(NOT_AN_OBJECT, f"it is {json_text.shown(value)}")


def _get(value: dict[str, Any], key: str, kind: type) -> Any:
    if key not in value:
        raise _UnusableError(MISSING_KEY, f"there is no {key!r}; the keys are {sorted(value)}")
    found = value[key]
    if not isinstance(found, kind) or isinstance(found, bool):
        raise _UnusableError(
            WRONG_TYPE, f"{key!r} is {json_text.shown(found)}, not {kind.__name__}"
        )
    return found
