"""The `config.json` of Hugging Face XLNet folders.

Pure functions on JSON; nothing of `transformers` is needed.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from components import files
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import MULTIPLE_CHOICE, Heads
from components.modeling.config import XLNetConfig

CONFIG_NAME = "config.json"
MULTIPLE_CHOICE_ARCHITECTURE = "XLNetForMultipleChoice"

_MAX_CONFIG_BYTES = 4 << 20  # id2label of many classes makes them long
# `transformers` calls the exact form "gelu"; all others are the published approximation.
_ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_fast": "gelu",
}
# What the network has no setting for, and what transformers takes for an absent field.
_FIXED = {"layer_norm_eps": 1e-12}
_FIXED_WITH_SEQUENCE_HEAD = {
    "summary_type": "last",
    "summary_use_proj": True,
    "summary_activation": "tanh",
}
# Settings of a run, not of the weights (`ModelOptions`), and their usual values.
_OF_A_RUN = {"attn_type": "bi", "bi_data": False, "clamp_len": -1, "same_length": False}


@dataclasses.dataclass(frozen=True)
class HuggingFaceConfig:
    """What a `config.json` says.

    Attributes:
        network: sizes.
        architectures: names of classes in `transformers`.
        tie_word_embeddings: whether the language model's matrix is that of the embeddings; None
            if the file does not say.
        task_name: the data set a head for whole sequences was trained on, or None.
        is_regression: whether that head gives a number; None if the file does not say.
        notes: what a user should know.
        fields: everything, as it stands there.
    """

    network: XLNetConfig
    architectures: tuple[str, ...]
    tie_word_embeddings: bool | None
    task_name: str | None
    is_regression: bool | None
    notes: tuple[str, ...]
    fields: dict[str, Any] = dataclasses.field(repr=False)


def read(path: str) -> HuggingFaceConfig:
    """Reads a `config.json`.

    Raises:
        components.files.NoSuchFilesError: if there is none.
        WeightsError: if it is damaged, of another kind of model, or asks for what XLNet as
            published does not have.
    """
    try:
        fields = json.loads(files.read_bytes(path, max_bytes=_MAX_CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(fields, dict):
        raise WeightsError(f"{path} should hold a JSON object.")
    if fields.get("model_type", "xlnet") != "xlnet":
        raise WeightsError(f"{path} is of a model of type {fields['model_type']!r}, not 'xlnet'.")
    _check_fixed(fields, _FIXED, path)
    network = _network(fields, path)
    notes = []
    if fields["ff_activation"] == "gelu":
        notes.append(
            "config.json has ff_activation 'gelu', which transformers computes exactly; XLNet was "
            "published and trained with the tanh approximation ('gelu_new'), which is used here."
        )
    for name, usual in _OF_A_RUN.items():
        if fields.get(name, usual) != usual:
            notes.append(
                f"config.json has {name} {fields[name]!r}; that is no property of the weights, set "
                f"options.{name} where the model is used."
            )
    architectures = fields.get("architectures") or []
    task_name, tied = fields.get("finetuning_task"), fields.get("tie_word_embeddings")
    return HuggingFaceConfig(
        network=network,
        architectures=tuple(str(name) for name in architectures),
        tie_word_embeddings=tied if isinstance(tied, bool) else None,
        task_name=task_name if isinstance(task_name, str) and task_name else None,
        is_regression={
            "regression": True,
            "single_label_classification": False,
            "multi_label_classification": False,
        }.get(fields.get("problem_type")),
        notes=tuple(notes),
        fields=fields,
    )


def check_sequence_head(config: HuggingFaceConfig, path: str) -> None:
    """Looks whether a head for whole sequences computes what ours does.

    Raises:
        WeightsError: naming the setting that we do not have.
    """
    _check_fixed(config.fields, _FIXED_WITH_SEQUENCE_HEAD, path)


def check_writable(network: XLNetConfig) -> None:
    """Raises a WeightsError if `transformers` has no such network."""
    if network.n_head * network.d_head != network.d_model:
        raise WeightsError(
            f"transformers needs d_model = n_head · d_head, but d_model is {network.d_model} and "
            f"n_head · d_head is {network.n_head} · {network.d_head}."
        )


def write(path: str, network: XLNetConfig, heads: Heads) -> None:
    """Writes the `config.json` with which `transformers` computes what we compute."""
    sizes = dataclasses.asdict(network)
    fields = {
        "architectures": _architectures(heads),
        "model_type": "xlnet",
        "vocab_size": sizes.pop("n_token"),
        **sizes,
        # Ours is the tanh approximation, as published.
        "ff_activation": {"gelu": "gelu_new", "relu": "relu"}[network.ff_activation],
        **_FIXED,
        **_FIXED_WITH_SEQUENCE_HEAD,
        **_OF_A_RUN,
        "mem_len": None,
        "reuse_len": None,
        "initializer_range": 0.02,
        "dropout": 0.1,
        "summary_last_dropout": 0.1,
        "start_n_top": 5,
        "end_n_top": 5,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 5,
        "tie_word_embeddings": heads.tie_weight,
    }
    if heads.task_name:
        labels = [f"LABEL_{i}" for i in range(heads.num_outputs)]
        fields |= {
            "finetuning_task": heads.task_name,
            "problem_type": "regression" if heads.is_regression else "single_label_classification",
            "id2label": {str(i): label for i, label in enumerate(labels)},
            "label2id": {label: i for i, label in enumerate(labels)},
        }
    content = json.dumps(fields, indent=2, sort_keys=True) + "\n"
    files.write_bytes(path, content.encode("utf-8"))


def _architectures(heads: Heads) -> list[str]:
    named = {
        MULTIPLE_CHOICE_ARCHITECTURE: heads.sequence == MULTIPLE_CHOICE,
        "XLNetForSequenceClassification": heads.task_name is not None,
        "XLNetForQuestionAnswering": heads.question_answering,
        "XLNetLMHeadModel": heads.language_model,
    }
    return [name for name, present in named.items() if present] or ["XLNetModel"]


def _network(fields: dict[str, Any], path: str) -> XLNetConfig:
    # Old files say n_token; the other names are `transformers`' general ones.
    aliases = {
        "n_token": ("vocab_size", "n_token"),
        "d_model": ("d_model", "hidden_size"),
        "n_layer": ("n_layer", "num_hidden_layers"),
        "n_head": ("n_head", "num_attention_heads"),
        "d_inner": ("d_inner",),
    }
    values: dict[str, Any] = {}
    for ours, theirs in aliases.items():
        present = [name for name in theirs if name in fields]
        if not present:
            raise WeightsError(f"{path} lacks {theirs[0]}.")
        values[ours] = fields[present[0]]
    activation = fields.setdefault("ff_activation", "gelu")
    if activation not in _ACTIVATIONS:
        raise WeightsError(
            f"{path} has ff_activation {activation!r}; XLNet here knows {', '.join(_ACTIVATIONS)}."
        )
    d_model, n_head, d_head = values["d_model"], values["n_head"], fields.get("d_head")
    if d_head is None and type(d_model) is int and type(n_head) is int and n_head > 0:
        d_head = d_model // n_head
    try:
        network = XLNetConfig(
            **values,
            d_head=d_head,
            ff_activation=_ACTIVATIONS[activation],
            untie_r=fields.get("untie_r", True),
        )
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error
    if network.n_head * network.d_head != network.d_model:
        raise WeightsError(
            f"{path} has d_model {network.d_model}, which is not n_head · d_head = "
            f"{network.n_head} · {network.d_head}."
        )
    return network


def _check_fixed(fields: dict[str, Any], fixed: dict[str, Any], path: str) -> None:
    for name, value in fixed.items():
        if fields.get(name, value) != value:
            raise WeightsError(
                f"{path} has {name} {fields[name]!r}; XLNet as published, and here, has {value!r}."
            )
