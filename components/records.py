"""Defines the features of every kind of record: their names, shapes, dtypes and padding.

The names are those of the published preprocessing code, so that records made by either can be read
by the other. TensorFlow is not imported at module level, because Beam workers import this module.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any


class SegmentId(enum.IntEnum):
    """Segment ids of a classification record (`A SEP (B SEP) CLS`, padded on the left)."""

    A = 0
    B = 1
    CLS = 2
    PAD = 4


class QuestionAnsweringSegmentId(enum.IntEnum):
    """Segment ids of a question answering record (`P SEP Q SEP CLS`, padded on the right)."""

    PARAGRAPH = 0
    QUESTION = 1
    CLS = 2
    PAD = 3


class PretrainingSegmentId(enum.IntEnum):
    """Segment ids of a pretraining record (`reuse ‖ A SEP B SEP CLS`, never padded)."""

    A = 0
    B = 1
    CLS = 2


# In padding, `input_ids` is 0 (`<unk>`) instead of the id of `<pad>`, as in the published records.
PAD_INPUT_ID = 0
# `input_mask` is 1 where attention is forbidden, and `p_mask` is 1 where no answer may be.
MASKED = 1.0
UNMASKED = 0.0


@dataclasses.dataclass(frozen=True)
class Feature:
    """One feature of a record.

    Attributes:
        name: its key in the tf.train.Example.
        dtype: "int64", "float32" or "bytes".
        per_token: True for shape [seq_len] ([num_choices, seq_len] in multiple-choice records),
            False for a scalar, and None for a variable length.
        only_for: "training" or "evaluation" if only records for that use have the feature; None if
            all records have it.
    """

    name: str
    dtype: str
    per_token: bool | None
    only_for: str | None = None


@dataclasses.dataclass(frozen=True)
class RecordType:
    """A kind of record.

    Attributes:
        name: its name in the manifest.
        features: the features, in the order in which they are documented.
        num_choices: number of sequences in a record, which are an axis before that of the tokens;
            None if records have no such axis.
    """

    name: str
    features: tuple[Feature, ...]
    num_choices: int | None = None

    def feature_description(self, seq_len: int, *, use: str) -> dict[str, Any]:
        """Returns the parsing specification for `tf.io.parse_example`.

        Args:
            seq_len: number of tokens in a record.
            use: "training" or "evaluation"; features that exist only for the other use are left
                out.

        Returns:
            dict from feature name to a `tf.io.FixedLenFeature` of shape [seq_len], [num_choices,
            seq_len] or [], or to a `tf.io.RaggedFeature` for a variable length.

        Raises:
            ValueError: if `use` is neither of the two.
        """
        import tensorflow as tf

        if use not in ("training", "evaluation"):
            raise ValueError(f"use must be 'training' or 'evaluation', not {use!r}")
        dtypes = {"int64": tf.int64, "float32": tf.float32, "bytes": tf.string}
        per_token = [seq_len] if self.num_choices is None else [self.num_choices, seq_len]
        description = {}
        for feature in self.features:
            if feature.only_for not in (None, use):
                continue
            dtype = dtypes[feature.dtype]
            if feature.per_token is None:
                description[feature.name] = tf.io.RaggedFeature(dtype)
            else:
                shape = per_token if feature.per_token else []
                description[feature.name] = tf.io.FixedLenFeature(shape, dtype)
        return description


_TOKENS = (
    Feature("input_ids", "int64", True),
    Feature("input_mask", "float32", True),
    Feature("segment_ids", "int64", True),
)
_IS_REAL_EXAMPLE = Feature("is_real_example", "int64", False)

CLASSIFICATION = RecordType(
    "classification", (*_TOKENS, Feature("label_ids", "int64", False), _IS_REAL_EXAMPLE)
)
REGRESSION = RecordType(
    "regression", (*_TOKENS, Feature("label_ids", "float32", False), _IS_REAL_EXAMPLE)
)


def multiple_choice(num_choices: int) -> RecordType:
    """Returns the type of records of questions with `num_choices` options each.

    They have the features of classification records, but with one sequence per option. The
    sequences of a record are concatenated in its features, as in the published RACE records.
    """
    return RecordType("multiple_choice", CLASSIFICATION.features, num_choices)


def of_labels(kind: str, num_labels: int) -> RecordType:
    """Returns the type of records of a classification, regression or multiple-choice task.

    Args:
        kind: "classification", "regression" or "multiple_choice".
        num_labels: number of classes or, for multiple choice, options; regression ignores it.
    """
    if kind == "multiple_choice":
        return multiple_choice(num_labels)
    return REGRESSION if kind == "regression" else CLASSIFICATION


QUESTION_ANSWERING = RecordType(
    "question_answering",
    (
        Feature("unique_ids", "int64", False),
        *_TOKENS,
        Feature("p_mask", "float32", True),
        Feature("cls_index", "int64", False),
        Feature("start_positions", "int64", False, "training"),
        Feature("end_positions", "int64", False, "training"),
        Feature("is_impossible", "float32", False, "training"),
        # Decoding of answers needs these. They are in the records so that it needs no other file.
        Feature("qas_id", "bytes", False, "evaluation"),
        Feature("paragraph_len", "int64", False, "evaluation"),
        # One value per token of the paragraph; from position paragraph_len on, the values are 0.
        Feature("tok_start_to_orig_index", "int64", True, "evaluation"),
        Feature("tok_end_to_orig_index", "int64", True, "evaluation"),
        Feature("token_is_max_context", "int64", True, "evaluation"),
    ),
)
PRETRAINING = RecordType(
    "pretraining",
    (
        Feature("input", "int64", True),
        Feature("target", "int64", True),
        Feature("seg_id", "int64", True),
        Feature("is_masked", "int64", True),
        Feature("label", "int64", False),
    ),
)
