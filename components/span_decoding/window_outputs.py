"""Joins evaluation records with the model's outputs for them, which makes the input of decoding."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components import tf_examples
from components.example_gen.question_answering.squad import Paragraph
from components.span_decoding.decoder import WindowOutput

# Names of the span head's outputs for a window, in the order of `WindowOutput`.
SPAN_OUTPUTS = (
    "start_top_log_probs",
    "start_top_index",
    "end_top_log_probs",
    "end_top_index",
    "cls_logits",
)


class RecordsMismatchError(ValueError):
    """Records that are not evaluation records, or that do not belong to the outputs given."""


@dataclasses.dataclass(frozen=True)
class RecordedWindow:
    """The parts of an evaluation record that decoding needs and the model does not.

    Attributes:
        question_id: id of the question (`qas_id`).
        unique_id: id of the record, an int64.
        paragraph_len: number of tokens of the paragraph in the window.
        tok_start_to_orig_index: int32 [paragraph_len], first character of each token.
        tok_end_to_orig_index: int32 [paragraph_len], last character of each token.
        token_is_max_context: bool [paragraph_len], whether this window is the one in which the
            token has the most context.
    """

    question_id: str
    unique_id: int
    paragraph_len: int
    tok_start_to_orig_index: np.ndarray
    tok_end_to_orig_index: np.ndarray
    token_is_max_context: np.ndarray

    @property
    def place(self) -> tuple[int, int]:
        """Sort key that puts the windows of a question in the order of its paragraph."""
        if not self.paragraph_len:
            return (0, 0)
        return int(self.tok_start_to_orig_index[0]), int(self.tok_end_to_orig_index[-1])

    def joined_with(self, outputs: Mapping[str, np.ndarray]) -> WindowOutput:
        """Joins the window with the model's outputs for it, which have the names `SPAN_OUTPUTS`."""
        return WindowOutput(
            question_id=self.question_id,
            start_top_log_probs=outputs["start_top_log_probs"],
            start_top_index=outputs["start_top_index"],
            end_top_log_probs=outputs["end_top_log_probs"],
            end_top_index=outputs["end_top_index"],
            cls_logit=float(outputs["cls_logits"]),
            paragraph_len=self.paragraph_len,
            tok_start_to_orig_index=self.tok_start_to_orig_index,
            tok_end_to_orig_index=self.tok_end_to_orig_index,
            token_is_max_context=self.token_is_max_context,
        )


def read_window(serialized: bytes) -> RecordedWindow:
    """Reads an evaluation record.

    Raises:
        RecordsMismatchError: if it lacks what decoding needs.
        google.protobuf.message.DecodeError: if the bytes are not a tf.train.Example.
    """
    features = tf_examples.decode(serialized)
    try:
        length = features["paragraph_len"][0]
        return RecordedWindow(
            question_id=features["qas_id"][0].decode(errors="surrogatepass"),
            unique_id=features["unique_ids"][0],
            paragraph_len=length,
            tok_start_to_orig_index=_array(features, "tok_start_to_orig_index", np.int32)[:length],
            tok_end_to_orig_index=_array(features, "tok_end_to_orig_index", np.int32)[:length],
            token_is_max_context=_array(features, "token_is_max_context", bool)[:length],
        )
    except (KeyError, IndexError) as error:
        raise RecordsMismatchError(
            f"A record lacks {error}, which decoding needs; it has {sorted(features)}. Records of "
            'the evaluation split must be made for the use "evaluation".'
        ) from error


def in_paragraph_order(
    windows: Iterable[tuple[RecordedWindow, Mapping[str, np.ndarray]]],
) -> list[WindowOutput]:
    """Joins the windows of a question with their outputs, sorted for `decoder.decode_question`."""
    ordered = sorted(windows, key=lambda pair: pair[0].place)
    return [window.joined_with(outputs) for window, outputs in ordered]


def contexts_by_question(paragraphs: Iterable[Paragraph]) -> dict[str, str]:
    """Returns the text of each question's paragraph, by question id."""
    return {
        question.id: paragraph.context
        for paragraph in paragraphs
        for question in paragraph.questions
    }


def join_in_record_order(
    windows: Sequence[RecordedWindow], outputs: Mapping[str, np.ndarray]
) -> list[WindowOutput]:
    """Joins windows with outputs that were computed from the same records in the same order.

    Args:
        windows: the n windows, in the order of the records.
        outputs: `SPAN_OUTPUTS` and `unique_ids`, each with n rows. The ids may be truncated to 32
            bits.

    Returns:
        The joined windows, sorted so that those of a question are in the order of its paragraph.

    Raises:
        RecordsMismatchError: if their number or their ids differ.
    """
    ids = np.array([window.unique_id for window in windows], np.int64).astype(np.int32)
    given = np.asarray(outputs["unique_ids"]).astype(np.int32)
    if ids.shape != given.shape or (ids != given).any():
        raise RecordsMismatchError(
            f"{len(ids):,} records and outputs for {len(given):,} do not belong together: their "
            "unique_ids differ."
        )
    pairs = [
        (window, {name: outputs[name][row] for name in SPAN_OUTPUTS})
        for row, window in enumerate(windows)
    ]
    pairs.sort(key=lambda pair: pair[0].place)
    return [window.joined_with(values) for window, values in pairs]


def _array(features: Mapping[str, Sequence[int]], name: str, dtype: type) -> np.ndarray:
    return np.array(features[name], np.int64).astype(dtype)
