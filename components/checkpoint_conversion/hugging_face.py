"""Reads and writes Hugging Face XLNet folders: `config.json` and weights in one or more files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from components import files
from components.checkpoint_conversion import (
    description,
    hugging_face_config,
    hugging_face_files,
    hugging_face_tokenizer,
    names,
    safetensors_file,
)
from components.checkpoint_conversion import heads as heads_lib
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import MULTIPLE_CHOICE, Heads
from components.checkpoint_conversion.hugging_face_config import CONFIG_NAME, HuggingFaceConfig
from components.checkpoint_conversion.tensors import Tensors
from components.checkpoint_conversion.weights import Weights
from components.vocabulary_file_name import MODEL_FILE_NAME

_EMBEDDINGS = "transformer.word_embedding.weight"
_OUTPUT_WEIGHT = "lm_loss.weight"
_SEQUENCE_WEIGHT, _SEQUENCE_BIAS = "logits_proj.weight", "logits_proj.bias"
# The task's name if nobody gives one. `ClassificationModel` uses the same name in that case.
_UNNAMED_TASK = "task"


@contextlib.contextmanager
def open_to_read(
    folder: str, *, task_name: str | None = None, ignore: Sequence[str] = ()
) -> Iterator[Weights]:
    """Opens a Hugging Face folder; its weights can be read inside the `with` block.

    The weights have their published names and layouts.

    Args:
        folder: local path or bucket.
        task_name: name of the task of a head for whole sequences, as in
            `classification_<task_name>`; by default, that in `config.json`.
        ignore: regular expressions; tensors whose names match one are left out.

    Raises:
        UnsafePickleError: if a PyTorch file asks for something other than tensors.
        WeightsError: if the folder is damaged, or does not have exactly the tensors that its
            configuration asks for; the message then lists what was not found, not used, or has
            another shape.
    """
    config_path = files.join(folder, CONFIG_NAME)
    config = hugging_face_config.read(config_path)
    with hugging_face_files.open_to_read(folder) as (raw, notes_on_names):
        stored = _with_embeddings(_with_prefix(raw), config)
        stored = stored.only(heads_lib.without(stored.shapes, ignore, stored.stored_as))
        heads, notes_on_heads = _heads(stored, config, task_name)
        if heads.sequence:
            hugging_face_config.check_sequence_head(config, config_path)
        found = dict(stored.shapes)
        if heads.tie_weight and found.get(_OUTPUT_WEIGHT) == found.get(_EMBEDDINGS):
            found.pop(_OUTPUT_WEIGHT, None)
        expected = heads_lib.hugging_face_shapes(config.network, heads)
        heads_lib.check_accounted_for(stored.where, found, expected)
        vocabulary = files.join(folder, MODEL_FILE_NAME)
        labels, notes_on_labels = hugging_face_config.labels(config, heads)
        described = description.read(folder)
        normalised = {"uncased": described.uncased, "keep_accents": described.keep_accents}
        known = {name: value for name, value in normalised.items() if value is not None}
        yield Weights(
            config=config.network,
            heads=heads,
            tensors=_to_published(stored, config, heads),
            vocabulary=vocabulary if files.exists(vocabulary) else None,
            vocabulary_sha256=described.vocabulary_sha256,
            labels=labels,
            notes=(*config.notes, *notes_on_names, *notes_on_heads, *notes_on_labels),
            multi_label=config.is_multi_label and heads.task_name is not None,
            of_a_run=hugging_face_config.of_a_run(config),
            **{**hugging_face_tokenizer.read(folder), **known},
        )


def write_tensors(folder: str, weights: Weights) -> None:
    """Writes `model.safetensors`."""
    path = files.join(folder, hugging_face_files.SAFETENSORS_NAME)
    safetensors_file.write(path, _from_published(weights))


def write_config(folder: str, weights: Weights) -> None:
    """Writes `tokenizer_config.json` and then `config.json`, without which no weights are read."""
    hugging_face_tokenizer.write(folder, weights)
    hugging_face_config.write(files.join(folder, CONFIG_NAME), weights)


def _with_prefix(raw: Tensors) -> Tensors:
    """Gives the tensors the names that they have in a model with a head.

    In a bare `XLNetModel`, the names lack the prefix "transformer.".
    """
    if any(name.startswith("transformer.") for name in raw):
        return raw

    def rename(name: str) -> str:
        bare = name == "mask_emb" or name.startswith(("word_embedding.", "layer."))
        return f"transformer.{name}" if bare else name

    return raw.renamed(rename)


def _with_embeddings(stored: Tensors, config: HuggingFaceConfig) -> Tensors:
    """Gives embeddings their own name if they are stored as the output matrix tied to them.

    `safetensors.torch.save_model` keeps one name of a shared tensor, and takes the first one.
    """
    untied = config.tie_word_embeddings is False
    if untied or _EMBEDDINGS in stored or _OUTPUT_WEIGHT not in stored:
        return stored
    renamed = stored.renamed(lambda name: _EMBEDDINGS if name == _OUTPUT_WEIGHT else name)
    # Who leaves out the language model by its names does not mean the embeddings.
    renamed.stored_as.pop(_EMBEDDINGS)
    return renamed


def _heads(
    stored: Tensors, config: HuggingFaceConfig, task_name: str | None
) -> tuple[Heads, list[str]]:
    notes = []
    language_model = any(name.startswith("lm_loss.") for name in stored)
    tie_weight = True
    if language_model:
        tie_weight = config.tie_word_embeddings is not False
        if tie_weight and _OUTPUT_WEIGHT in stored and not _equal(stored):
            tie_weight = False
            notes.append(
                f"{_OUTPUT_WEIGHT} differs from the word embeddings, so it became a matrix of its "
                "own (tie_weight=False)."
            )
    sequence, num_outputs = None, 0
    if any(name.startswith(("sequence_summary.", "logits_proj.")) for name in stored):
        # If the weight is missing, the bias also tells the number of outputs.
        shape = stored.shapes.get(_SEQUENCE_WEIGHT) or stored.shapes.get(_SEQUENCE_BIAS)
        num_outputs = shape[0] if shape else 0
        sequence = _sequence(config, task_name, num_outputs)
    if task_name and sequence in (None, MULTIPLE_CHOICE):
        raise WeightsError(
            f"--task-name names a head for classes or for regression, but {stored.where} has none. "
            "Leave it out."
        )
    heads = Heads(
        language_model=language_model,
        tie_weight=tie_weight,
        sequence=sequence,
        num_outputs=num_outputs,
        question_answering=any(
            name.startswith(("start_logits.", "end_logits.", "answer_class.")) for name in stored
        ),
    )
    return heads, notes


def _sequence(config: HuggingFaceConfig, task_name: str | None, num_outputs: int) -> str:
    """Returns the name of the head for whole sequences, as in `Heads.sequence`."""
    if hugging_face_config.MULTIPLE_CHOICE_ARCHITECTURE in config.architectures:
        return MULTIPLE_CHOICE
    is_regression = config.is_regression
    if is_regression is None:
        # This is what `transformers` assumes as well.
        is_regression = num_outputs == 1
    task = task_name or config.task_name or _UNNAMED_TASK
    if "/" in task:
        raise WeightsError(f"A task's name is part of variables' names; {task!r} has a '/'.")
    return f"{'regression' if is_regression else 'classification'}_{task.lower()}"


def _equal(stored: Tensors) -> bool:
    if stored.shapes[_OUTPUT_WEIGHT] != stored.shapes.get(_EMBEDDINGS):
        return False
    return np.array_equal(stored[_OUTPUT_WEIGHT], stored[_EMBEDDINGS])


def _to_published(stored: Tensors, config: HuggingFaceConfig, heads: Heads) -> Tensors:
    by_name = {entry.published: entry for entry in heads_lib.entries(config.network, heads)}

    def read(name: str) -> np.ndarray:
        entry = by_name[name]
        arrays = [stored[tensor] for tensor in entry.hugging_face]
        if entry.layout is names.Layout.STACKED:
            return np.stack(arrays)
        if entry.layout is names.Layout.TRANSPOSED:
            return np.ascontiguousarray(arrays[0].T)
        for tensor, array in zip(entry.hugging_face, arrays, strict=True):
            if not np.array_equal(array, arrays[0]):
                raise WeightsError(
                    f"{stored.where}: untie_r is false, but {tensor} differs from "
                    f"{entry.hugging_face[0]}. Set untie_r to true in config.json if each layer is "
                    "meant to have its own."
                )
        return arrays[0]

    shapes = heads_lib.published_shapes(config.network, heads)
    return Tensors(shapes, read, where=stored.where)


def _from_published(weights: Weights) -> Tensors:
    readers: dict[str, Callable[[], np.ndarray]] = {}
    for entry in heads_lib.entries(weights.config, weights.heads):
        for index, tensor in enumerate(entry.hugging_face):
            readers[tensor] = _reader(weights.tensors, entry, index)
    shapes = heads_lib.hugging_face_shapes(weights.config, weights.heads)
    return Tensors(shapes, lambda name: readers[name](), where=weights.tensors.where)


def _reader(published: Tensors, entry: names.Entry, index: int) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        array = published[entry.published]
        if entry.layout is names.Layout.STACKED:
            return array[index]
        return array.T if entry.layout is names.Layout.TRANSPOSED else array

    return read
