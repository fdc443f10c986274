"""Reads and writes the `config.json` of Hugging Face XLNet folders, without `transformers`."""

from __future__ import annotations

import dataclasses
import json
import reprlib
from typing import Any, get_args

from components import configuration, files
from components.checkpoint_conversion import hugging_face_json
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import MULTIPLE_CHOICE, Heads
from components.checkpoint_conversion.weights import Weights
from components.modeling.config import SummaryType, XLNetConfig

CONFIG_NAME = "config.json"
MULTIPLE_CHOICE_ARCHITECTURE = "XLNetForMultipleChoice"

_MAX_CONFIG_BYTES = 4 << 20  # an id2label with many classes can be long
# Names in `transformers` and their equivalents here. In `transformers`, "gelu" is the exact form,
# and the other names are for the published approximation. Of several names for one of ours, the
# first is written.
_ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_fast": "gelu",
    "gelu_accurate": "gelu",
}
_SUMMARY_TYPES = get_args(SummaryType)
_PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
# Fields for which our network has no setting, with the only supported value. It is also what
# `transformers` assumes if the field is absent.
_FIXED = {"layer_norm_eps": 1e-12}
_FIXED_WITH_SEQUENCE_HEAD = {
    "summary_use_proj": True,
    "summary_activation": "tanh",
}
# Fields that belong to a run (`ModelOptions`) instead of the weights, with their usual values.
_OF_A_RUN = {"attn_type": "bi", "bi_data": False, "clamp_len": -1, "same_length": False}
# All fields that `transformers` uses and our weights do not have, with their usual values.
_USUAL = {
    **_OF_A_RUN,
    "mem_len": None,
    "reuse_len": None,
    "initializer_range": 0.02,
    "dropout": 0.1,
    "summary_last_dropout": 0.1,
    "start_n_top": 5,
    "end_n_top": 5,
}


@dataclasses.dataclass(frozen=True)
class HuggingFaceConfig:
    """The contents of a `config.json`.

    Attributes:
        network: the network's configuration.
        architectures: names of the model's classes in `transformers`.
        tie_word_embeddings: whether the language model head uses the word embeddings as its matrix;
            None if the file does not say.
        task_name: name of the data set that the head for whole sequences was trained on, if the
            file says so.
        is_regression: whether the head for whole sequences is for regression; None if the file does
            not say.
        is_multi_label: whether the head for whole sequences decides about each label independently.
        notes: what the user should know, one sentence each.
        fields: all fields of the file, unchanged.
    """

    network: XLNetConfig
    architectures: tuple[str, ...]
    tie_word_embeddings: bool | None
    task_name: str | None
    is_regression: bool | None
    is_multi_label: bool
    notes: tuple[str, ...]
    fields: dict[str, Any] = dataclasses.field(repr=False)


def read(path: str) -> HuggingFaceConfig:
    """Reads a `config.json`.

    Raises:
        components.files.NoSuchFilesError: if the file does not exist.
        WeightsError: if it is damaged, belongs to another kind of model, or asks for something that
            the published XLNet does not have.
    """
    fields = hugging_face_json.read(path, what="configuration", max_bytes=_MAX_CONFIG_BYTES)
    if not isinstance(fields, dict):
        raise WeightsError(f"{path} should hold a JSON object.")
    if fields.get("model_type", "xlnet") != "xlnet":
        raise WeightsError(
            f"{path} is of a model of type {_shown(fields['model_type'])}, not 'xlnet'."
        )
    _check_fixed(fields, _FIXED, path)
    network = _network(fields, path)
    notes = []
    if fields["ff_activation"] == "gelu":
        notes.append(
            "config.json has ff_activation 'gelu', the exact form, so the network has "
            "ff_activation gelu_erf; set model.ff_activation to that where these weights are used. "
            "(The published XLNet was trained with the tanh form, which is called gelu here and "
            "gelu_new there; Hugging Face's folders of it say 'gelu' all the same.)"
        )
    for name, usual in _OF_A_RUN.items():
        if fields.get(name, usual) != usual:
            where = "pretraining goes on" if name == "bi_data" else "the model is used"
            notes.append(
                f"config.json has {name} {_shown(fields[name])}; that is no property of the "
                f"weights, set options.{name} where {where}."
            )
    problem = fields.get("problem_type")
    if problem is not None and problem not in _PROBLEM_TYPES:
        raise WeightsError(
            f"{path} has problem_type {_shown(problem)}; legal values are "
            f"{', '.join(_PROBLEM_TYPES)}."
        )
    architectures = fields.get("architectures") or []
    if not isinstance(architectures, list) or not all(isinstance(a, str) for a in architectures):
        raise WeightsError(
            f"{path} has architectures {_shown(architectures)}, which is no list of names."
        )
    task_name, tied = fields.get("finetuning_task"), fields.get("tie_word_embeddings")
    return HuggingFaceConfig(
        network=network,
        architectures=tuple(architectures),
        tie_word_embeddings=tied if isinstance(tied, bool) else None,
        task_name=task_name if isinstance(task_name, str) and task_name else None,
        is_regression=None if problem is None else problem == "regression",
        is_multi_label=problem == "multi_label_classification",
        notes=tuple(notes),
        fields=fields,
    )


def of_a_run(config: HuggingFaceConfig) -> dict[str, Any]:
    """Returns those fields that `write` passes on as they are, because they change no weights."""
    return {name: config.fields[name] for name in _USUAL if name in config.fields}


def check_sequence_head(config: HuggingFaceConfig, path: str) -> None:
    """Checks that the head for whole sequences computes the same as ours.

    Raises:
        WeightsError: if it does not; the message names the setting that is not supported.
    """
    _check_fixed(config.fields, _FIXED_WITH_SEQUENCE_HEAD, path)
    summary = config.fields.get("summary_type", "last")
    if summary not in _SUMMARY_TYPES:
        raise WeightsError(
            f"{path} has summary_type {_shown(summary)}; here it is one of "
            f"{', '.join(_SUMMARY_TYPES)}."
        )


def labels(config: HuggingFaceConfig, heads: Heads) -> tuple[tuple[str, ...], list[str]]:
    """Returns the labels of a classification head, if the file has real ones, and notes."""
    named = config.fields.get("id2label")
    if heads.task_name is None or heads.is_regression or named is None:
        return (), []
    numbers = [str(i) for i in range(heads.num_outputs)]
    fits = (
        isinstance(named, dict)
        and named.keys() == set(numbers)
        and all(isinstance(label, str) for label in named.values())
        and len(set(named.values())) == len(named)
    )
    if not fits:
        return (), [
            f"config.json has an id2label that does not name the {heads.num_outputs} outputs of "
            "the head; the names were left out."
        ]
    found = tuple(named[number] for number in numbers)
    # `transformers` writes LABEL_0, LABEL_1, … if nobody has given names.
    return ((), []) if found == _unnamed(heads) else (found, [])


def _unnamed(heads: Heads) -> tuple[str, ...]:
    return tuple(f"LABEL_{i}" for i in range(heads.num_outputs))


def check_writable(network: XLNetConfig) -> None:
    """Raises a WeightsError if `transformers` does not support such a network."""
    if network.n_head * network.d_head != network.d_model:
        raise WeightsError(
            f"transformers needs d_model = n_head · d_head, but d_model is {network.d_model} and "
            f"n_head · d_head is {network.n_head} · {network.d_head}."
        )


def write(path: str, weights: Weights) -> None:
    """Writes a `config.json` with which `transformers` computes the same as this project."""
    network, heads = weights.config, weights.heads
    sizes = dataclasses.asdict(network)
    activations = {ours: theirs for theirs, ours in reversed(_ACTIVATIONS.items())}
    fields = {
        "architectures": _architectures(heads),
        "model_type": "xlnet",
        "vocab_size": sizes.pop("n_token"),
        **sizes,
        "ff_activation": activations[network.ff_activation],
        **_FIXED,
        **_FIXED_WITH_SEQUENCE_HEAD,
        **_USUAL,
        **weights.of_a_run,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 5,
        "tie_word_embeddings": heads.tie_weight,
    }
    if heads.task_name:
        labels = weights.labels or _unnamed(heads)
        regression, single, multiple = _PROBLEM_TYPES
        of_classes = multiple if weights.multi_label else single
        fields |= {
            "finetuning_task": heads.task_name,
            "problem_type": regression if heads.is_regression else of_classes,
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
    # Old files have n_token. The other aliases are the general names that `transformers` uses.
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
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise WeightsError(
            f"{path} has ff_activation {_shown(activation)}; XLNet here knows "
            f"{', '.join(_ACTIVATIONS)}."
        )
    summary = fields.get("summary_type")
    d_model, n_head, d_head = values["d_model"], values["n_head"], fields.get("d_head")
    if d_head is None and type(d_model) is int and type(n_head) is int and n_head > 0:
        d_head = d_model // n_head
    values |= {
        "d_head": d_head,
        "ff_activation": _ACTIVATIONS[activation],
        "untie_r": fields.get("untie_r", True),
        # Without a head any value will do; with one, `check_sequence_head` checks it.
        "summary_type": summary if summary in _SUMMARY_TYPES else "last",
    }
    try:
        network = configuration.build(XLNetConfig, values, where=path)
    except configuration.ConfigurationError as error:
        raise WeightsError(str(error)) from error
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
                f"{path} has {name} {_shown(fields[name])}; XLNet as published, and here, has "
                f"{value!r}."
            )


def _shown(value: Any) -> str:
    # A damaged value may take megabytes, or be nested too deeply for an ordinary repr.
    return reprlib.repr(value)
