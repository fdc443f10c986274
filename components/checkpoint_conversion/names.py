"""Which published variable is which tensor of a Hugging Face XLNet, and how their layouts differ.

Pure tables: no TensorFlow, no files.
"""

from __future__ import annotations

import dataclasses
import enum

from components.modeling.config import XLNetConfig


class Layout(enum.Enum):
    """How a published variable is laid out in Hugging Face tensors."""

    SAME = "same"
    # PyTorch's linear layers hold [d_out, d_in].
    TRANSPOSED = "transposed"
    # The variable's first axis is the layer; each layer holds its own slice.
    STACKED = "stacked"
    # All layers hold the same tensor (`untie_r` false).
    REPEATED = "repeated"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One published variable.

    Attributes:
        published: its name, as `model/transformer/r_w_bias`.
        hugging_face: the tensors of the state dict that hold it; several for STACKED and REPEATED.
        layout: how.
    """

    published: str
    hugging_face: tuple[str, ...]
    layout: Layout = Layout.SAME


def encoder_entries(config: XLNetConfig) -> list[Entry]:
    """The encoder's variables, layer by layer."""
    entries = [
        Entry(
            "model/transformer/word_embedding/lookup_table", ("transformer.word_embedding.weight",)
        ),
        Entry("model/transformer/mask_emb/mask_emb", ("transformer.mask_emb",)),
    ]
    for name in ("r_w_bias", "r_r_bias", "r_s_bias", "seg_embed"):
        # `seg_embed` belongs to a layer whether or not the biases do.
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
    """The language model's head; `lm_loss.weight` stands for the embeddings where they are tied."""
    entries = [Entry("model/lm_loss/bias", ("lm_loss.bias",))]
    if not tie_weight:
        entries.append(Entry("model/lm_loss/weight", ("lm_loss.weight",)))
    return entries


def sequence_entries(output: str) -> list[Entry]:
    """The heads for whole sequences.

    Args:
        output: published name of the last layer, as `classification_mnli/logit`.
    """
    return [
        *_dense("model/sequnece_summary/summary", "sequence_summary.summary"),
        *_dense(f"model/{output}", "logits_proj"),
    ]


def question_answering_entries() -> list[Entry]:
    """The span head."""
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
