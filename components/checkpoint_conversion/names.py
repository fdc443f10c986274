"""Maps each published variable to the tensors of a Hugging Face XLNet that correspond to it.

It also says how their layouts differ. This module only consists of tables: it needs neither
TensorFlow nor files.
"""

from __future__ import annotations

import dataclasses
import enum

from components.modeling.config import XLNetConfig


class Layout(enum.Enum):
    """How the layout of a published variable differs from that of its Hugging Face tensors."""

    SAME = "same"
    # The weights of PyTorch's linear layers have shape [d_out, d_in].
    TRANSPOSED = "transposed"
    # The first axis of the variable is the layer, and there is one tensor per layer with its slice.
    STACKED = "stacked"
    # There is one tensor per layer, and all are equal to the variable (if `untie_r` is false).
    REPEATED = "repeated"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One published variable and its counterparts.

    Attributes:
        published: name of the published variable, such as `model/transformer/r_w_bias`.
        hugging_face: names of the corresponding tensors in the state dict; one per layer for
            STACKED and REPEATED, otherwise a single one.
        layout: how the layouts differ.
    """

    published: str
    hugging_face: tuple[str, ...]
    layout: Layout = Layout.SAME


def encoder_entries(config: XLNetConfig) -> list[Entry]:
    """Lists the encoder's variables, layer by layer."""
    entries = [
        Entry(
            "model/transformer/word_embedding/lookup_table", ("transformer.word_embedding.weight",)
        ),
        Entry("model/transformer/mask_emb/mask_emb", ("transformer.mask_emb",)),
    ]
    for name in ("r_w_bias", "r_r_bias", "r_s_bias", "seg_embed"):
        # Each layer has its own `seg_embed`, whether or not it has its own biases.
        stacked = config.untie_r or name == "seg_embed"
        tensors = tuple(f"transformer.layer.{i}.rel_attn.{name}" for i in range(config.n_layer))
        layout = Layout.STACKED if stacked else Layout.REPEATED
        entries.append(Entry(f"model/transformer/{name}", tensors, layout))
    for i in range(config.n_layer):
        ours, theirs = f"model/transformer/layer_{i}", f"transformer.layer.{i}"
        for letter in "qkvro":
            entries.append(
                Entry(f"{ours}/rel_attn/{letter}/kernel", (f"{theirs}.rel_attn.{letter}",))
            )
        entries += _layer_norm(f"{ours}/rel_attn/LayerNorm", f"{theirs}.rel_attn.layer_norm")
        entries += _dense(f"{ours}/ff/layer_1", f"{theirs}.ff.layer_1")
        entries += _dense(f"{ours}/ff/layer_2", f"{theirs}.ff.layer_2")
        entries += _layer_norm(f"{ours}/ff/LayerNorm", f"{theirs}.ff.layer_norm")
    return entries


def language_model_entries(*, tie_weight: bool = True) -> list[Entry]:
    """Lists the variables of the language model head.

    With tied weights, the matrix is that of the embeddings, so `lm_loss.weight` is not listed.
    """
    entries = [Entry("model/lm_loss/bias", ("lm_loss.bias",))]
    if not tie_weight:
        entries.append(Entry("model/lm_loss/weight", ("lm_loss.weight",)))
    return entries


def sequence_entries(output: str) -> list[Entry]:
    """Lists the variables of a head for whole sequences.

    Args:
        output: published name of its last layer, such as `classification_mnli/logit`.
    """
    return [
        *_dense("model/sequnece_summary/summary", "sequence_summary.summary"),
        *_dense(f"model/{output}", "logits_proj"),
    ]


def question_answering_entries() -> list[Entry]:
    """Lists the variables of the head for answer spans."""
    return [
        *_dense("model/start_logits/dense", "start_logits.dense"),
        *_dense("model/end_logits/dense_0", "end_logits.dense_0"),
        *_layer_norm("model/end_logits/LayerNorm", "end_logits.LayerNorm"),
        *_dense("model/end_logits/dense_1", "end_logits.dense_1"),
        *_dense("model/answer_class/dense_0", "answer_class.dense_0"),
        *_dense("model/answer_class/dense_1", "answer_class.dense_1", use_bias=False),
    ]


def _dense(ours: str, theirs: str, *, use_bias: bool = True) -> list[Entry]:
    entries = [Entry(f"{ours}/kernel", (f"{theirs}.weight",), Layout.TRANSPOSED)]
    if use_bias:
        entries.append(Entry(f"{ours}/bias", (f"{theirs}.bias",)))
    return entries


def _layer_norm(ours: str, theirs: str) -> list[Entry]:
    return [
        Entry(f"{ours}/gamma", (f"{theirs}.weight",)),
        Entry(f"{ours}/beta", (f"{theirs}.bias",)),
    ]
