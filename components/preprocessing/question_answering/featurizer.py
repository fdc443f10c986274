"""Turns a paragraph and its questions into windows, which become records.

The paragraph is only tokenized and aligned once for all of its questions.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from components.dead_letters import DeadLetter
from components.example_gen.question_answering.squad import Paragraph, Question
from components.preprocessing.question_answering.alignment import Alignment, align
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.windows import ParagraphWindows, Window
from components.tokenization.special_ids import UNK_ID
from components.tokenization.tokenizer import Tokenizer

EMPTY_PARAGRAPH = "paragraph without text"
EMPTY_QUESTION = "question without text"
NO_ANSWER = "answerable question without an answer"
LOST_ANSWER = "answer is not in the paragraph"
_EXCERPT_CHARACTERS = 200


@dataclasses.dataclass(frozen=True)
class QuestionWindows:
    """A question and its windows, in the order of the paragraph; there is at least one."""

    question: Question
    windows: tuple[Window, ...]


class Featurizer:
    """Makes windows, and counts what it comes across.

    For evaluation, every question gets windows, so that there is a prediction for every question.
    For training, questions from which nothing can be learned become dead letters.

    Args:
        tokenizer: tokenizer of the pretrained model.
        config: the lengths of windows, questions and strides.
        for_training: whether windows contain the position of the answer. If there are several
            answers, it is the first one that was found in the paragraph.

    Attributes:
        counts: counters by name: "paragraphs", "questions", "windows", "paragraphs/aligned:
            <method>", and others for everything unusual.
    """

    def __init__(self, tokenizer: Tokenizer, config: WindowConfig, *, for_training: bool) -> None:
        self._tokenizer = tokenizer
        self._config = config
        self._for_training = for_training
        self.counts: Counter[str] = Counter()
        self._ids: dict[str, int] = {}

    def featurize(self, paragraph: Paragraph) -> Iterator[QuestionWindows | DeadLetter]:
        """Yields the windows, or a dead letter, for each question of a paragraph, in order."""
        counts = self.counts
        counts["paragraphs"] += 1
        counts["answers/repaired"] += paragraph.num_repaired_answers
        counts["answers/lost"] += paragraph.num_lost_answers
        if not paragraph.questions:
            counts["paragraphs/without questions"] += 1
            return
        pieces = self._tokenizer.pieces(paragraph.context)
        if not pieces:
            counts["paragraphs/empty"] += 1
        alignment = self._align(paragraph.context, pieces) if pieces else None
        piece_ids = list(map(self._piece_id, pieces))
        counts["pieces"] += len(piece_ids)
        counts["pieces/unknown"] += piece_ids.count(UNK_ID)
        maker = ParagraphWindows(piece_ids, alignment, self._config)
        for question in paragraph.questions:
            counts["questions"] += 1
            # Questions are not encoded as a batch, because SentencePiece would start threads for
            # it. On a busy machine, that takes longer than encoding the ten questions of a
            # paragraph.
            query_ids = self._tokenizer.encode(question.text)
            reason = self._reason_against(question, alignment, query_ids)
            if reason is not None:
                yield _dead_letter(paragraph, question, reason)
                continue
            counts["questions/empty"] += not query_ids
            counts["questions/cut"] += len(query_ids) > self._config.max_query_length
            windows = tuple(
                maker.windows(
                    query_ids,
                    answer_pieces=_answer_pieces(question, alignment)
                    if self._for_training
                    else None,
                    for_training=self._for_training,
                )
            )
            self._count_windows(question, windows)
            yield QuestionWindows(question, windows)

    def _piece_id(self, piece: str) -> int:
        found = self._ids.get(piece)
        if found is None:
            found = self._tokenizer.piece_to_id(piece)
            # There is no limit to the number of different unknown pieces, so only known ones are
            # cached.
            if found != UNK_ID:
                self._ids[piece] = found
        return found

    def _align(self, context: str, pieces: list[str]) -> Alignment:
        tokenizer = self._tokenizer
        alignment = align(
            context, pieces, uncased=tokenizer.uncased, keep_accents=tokenizer.keep_accents
        )
        self.counts[f"paragraphs/aligned: {alignment.method.value}"] += 1
        return alignment

    def _reason_against(
        self, question: Question, alignment: Alignment | None, query_ids: list[int]
    ) -> str | None:
        if not self._for_training:
            return None
        if alignment is None:
            return EMPTY_PARAGRAPH
        if not query_ids:
            return EMPTY_QUESTION
        if question.has_no_answer:
            return None
        if not any(answer.text for answer in question.answers):
            return NO_ANSWER
        return LOST_ANSWER if all(answer.start < 0 for answer in question.answers) else None

    def _count_windows(self, question: Question, windows: tuple[Window, ...]) -> None:
        self.counts["windows"] += len(windows)
        if self._for_training:
            answerable = sum(not window.target.is_impossible for window in windows)
            self.counts["windows/answerable"] += answerable
            if not question.has_no_answer and not answerable:
                self.counts["questions/answer in no window"] += 1


def _answer_pieces(question: Question, alignment: Alignment | None) -> tuple[int, int] | None:
    if question.has_no_answer or alignment is None:
        return None
    answer = next(answer for answer in question.answers if answer.start >= 0)
    return alignment.piece_span(answer.start, answer.start + len(answer.text) - 1)


def _dead_letter(paragraph: Paragraph, question: Question, reason: str) -> DeadLetter:
    return DeadLetter(
        source=paragraph.source,
        position=f"article {paragraph.article!r}, question {question.id}",
        reason=reason,
        detail=f"paragraph {paragraph.position} of the file",
        excerpt=" | ".join(
            text[:_EXCERPT_CHARACTERS] for text in (question.text, paragraph.context)
        ),
    )
