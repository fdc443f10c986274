"""The preprocessing function for tensorflow-transform, from raw text to classification records.

Beam applies the graph that it builds to the training data, and the served model contains the same
graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components import configuration, records
from components.preprocessing.classification import choices, labels, packing, raw_features
from components.tokenization import vocabulary
from components.tokenization.graph_tokenizer import GraphTokenizer

# An output that is not stored in the records: their lengths if no text had been cut.
NUM_TOKENS = "num_tokens"


@dataclasses.dataclass(frozen=True)
class PreprocessingConfig:
    """The settings that shape the records.

    Attributes:
        sentencepiece_model: path of the SentencePiece model, which becomes part of the graph.
        seq_len: number of tokens in a record, or in each sequence of a multiple-choice record.
        uncased: whether texts are converted to lower case.
        keep_accents: whether texts keep their accents.
        labels: the task's labels in the order of their ids; empty for regression.
        regression: whether labels are numbers.
        max_qa_length: for multiple choice, maximum number of pieces of a question together with an
            option; None for other tasks.
    """

    sentencepiece_model: str
    seq_len: int
    uncased: bool
    keep_accents: bool = False
    labels: tuple[str, ...] = ()
    regression: bool = False
    max_qa_length: int | None = None

    def __post_init__(self):
        if self.seq_len < packing.MIN_SEQ_LEN:
            raise ValueError(
                f"seq_len must be at least {packing.MIN_SEQ_LEN}, but is {self.seq_len}."
            )
        if self.regression == bool(self.labels):
            raise ValueError(
                "give either labels (classification) or regression: true, but not both; labels "
                f"is {list(self.labels)} and regression is {self.regression}."
            )
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels names one twice: {list(self.labels)}.")
        if self.max_qa_length is not None:
            packing.check_qa_length(self.max_qa_length, self.seq_len)
            if self.regression:
                raise ValueError("max_qa_length belongs to multiple choice, not to regression.")

    @property
    def record_type(self) -> records.RecordType:
        """The type of the records that these settings describe."""
        if self.max_qa_length is not None:
            return records.multiple_choice(len(self.labels))
        return records.REGRESSION if self.regression else records.CLASSIFICATION


def preprocessing_fn(
    inputs: Mapping[str, tf.Tensor | tf.SparseTensor], custom_config: Mapping[str, Any]
) -> dict[str, tf.Tensor]:
    """Turns raw features into the features of a record, for tensorflow-transform.

    Args:
        inputs: the string features `text_a`, `text_b` and `label` if the examples have them, and
            `options` for multiple choice; sparse or dense, according to the schema. Other features
            are ignored.
        custom_config: the fields of `PreprocessingConfig`.

    Returns:
        The features of the configuration's record type, and `num_tokens`. A missing label becomes 0
        (as published for test files), an unknown label -1, and in regression a label that is not a
        number NaN.

    Raises:
        ConfigurationError: if the configuration is not legal.
        ValueError: if `text_a` or, for multiple choice, `options` is missing.
    """
    config = configuration.build(PreprocessingConfig, custom_config, where="custom_config")
    tokenizer = GraphTokenizer(
        vocabulary.load(config.sentencepiece_model),
        uncased=config.uncased,
        keep_accents=config.keep_accents,
    )
    return make_records(inputs, config, tokenizer)


def make_records(
    inputs: Mapping[str, tf.Tensor | tf.SparseTensor],
    config: PreprocessingConfig,
    tokenizer: GraphTokenizer,
) -> dict[str, tf.Tensor]:
    """Does the work of `preprocessing_fn`, with a tokenizer that the caller keeps alive."""
    for name in ("text_a",) if config.max_qa_length is None else ("text_a", "options"):
        if name not in inputs:
            raise ValueError(
                f"The raw examples have no feature {name}; they have {sorted(inputs)}. Check which "
                "columns the ExampleGen reads."
            )
    text_a = raw_features.as_dense(inputs["text_a"], "text_a")
    absent = tf.zeros_like(text_a)
    text_b, label = (
        raw_features.as_dense(inputs[name], name) if name in inputs else absent
        for name in ("text_b", "label")
    )
    num_choices = None if config.max_qa_length is None else len(config.labels)
    if num_choices is not None:
        options = raw_features.as_lists(inputs["options"], "options", num_choices)
        text_b = tf.reshape(choices.with_options(text_b, options), [-1])
    # Both texts are tokenized in one call, to have fewer calls on more strings.
    ids = tokenizer(tf.concat([text_a, text_b], axis=0))
    num_examples = tf.size(text_a)
    ids_a, ids_b = ids[:num_examples], ids[num_examples:]
    if num_choices is None:
        packed = packing.pack(ids_a, ids_b, config.seq_len)
    else:
        packed = packing.pack_choices(
            ids_a,
            ids_b,
            config.seq_len,
            num_choices=num_choices,
            max_qa_length=config.max_qa_length,
        )
    if config.regression:
        label_ids = labels.to_targets(label)
    else:
        label_ids = labels.to_ids(label, config.labels)
    return {
        **packed,
        NUM_TOKENS: packing.num_tokens(ids_a, ids_b, num_choices=num_choices),
        "label_ids": label_ids,
        # Derived from the text instead of the label, because a served graph has no labels.
        "is_real_example": tf.ones_like(text_a, dtype=tf.int64),
    }
