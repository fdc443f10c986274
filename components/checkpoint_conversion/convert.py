"""Converts weights between the published layout (`xlnet`) and that of Hugging Face (`hf`).

This is the entry point of the package. `published` and `hugging_face` read and write the two
formats, and `weights.Weights` is what they exchange.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

from components import __version__, files, model_card
from components.checkpoint_conversion import (
    checkpoint_path,
    description,
    hugging_face,
    hugging_face_config,
    hugging_face_files,
    hugging_face_tokenizer,
    published,
    vocabulary_rows,
)
from components.checkpoint_conversion.checkpoint_path import CHECKPOINT_NAME, CONFIG_NAME
from components.checkpoint_conversion.description import Description
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import Heads
from components.checkpoint_conversion.weights import Weights
from components.model_card import Section, escape
from components.tokenization import vocabulary as vocabulary_lib
from components.vocabulary_file_name import MODEL_FILE_NAME

SOURCE_FORMATS = ("auto", "tf1", "hf")
TARGET_FORMATS = ("xlnet", "hf")

_MAX_CARD_BYTES = 1 << 20
_LIBRARY = "transformers"
# Of what was in the target before: what has just been replaced, and what may be of these weights.
_STAYS = (f"{CHECKPOINT_NAME}.index", hugging_face_files.SAFETENSORS_NAME, MODEL_FILE_NAME)


_MULTI_LABEL = (
    "{where} is of a model that says of each label by itself whether it holds (problem_type "
    "multi_label_classification); here the labels of a head exclude each other. Leave the head out "
    "with --ignore '^(sequence_summary|logits_proj)', and train a new one."
)


class TargetExistsError(WeightsError):
    """The target folder already contains weights, or files that would be taken for theirs."""


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A summary of what was converted.

    Attributes:
        source: file or checkpoint that the weights were read from.
        source_format: "tf1" or "hf".
        variables: number of variables, counted by their published names.
        parameters: number of parameters in all variables.
        heads: the heads that were converted along with the encoder.
        vocabulary: whether `spiece.model` was copied as well.
        labels: labels of the head for whole sequences; empty if they are not known.
        notes: what the user should know about the conversion, one sentence each.
    """

    source: str
    source_format: str
    variables: int
    parameters: int
    heads: Heads
    vocabulary: bool
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def convert(
    source: str,
    target: str,
    *,
    target_format: str,
    source_format: str = "auto",
    task_name: str | None = None,
    config_path: str | None = None,
    ignore: Sequence[str] = (),
    vocabulary_path: str | None = None,
    fit_vocabulary: bool = False,
    overwrite: bool = False,
    card: str | None = None,
) -> Conversion:
    """Converts a model's weights.

    Every variable is accounted for: a missing or unexpected one is an error unless it matches
    `ignore`.

    Args:
        source: Hugging Face folder, folder in the published layout, or prefix of a TF1 checkpoint.
        target: folder to write to.
        target_format: "xlnet" (the published layout, from which training starts) or "hf".
        source_format: "tf1" (published weights or ours), "hf", or "auto" to detect the format.
        task_name: for source format "hf", name of the task of a head for whole sequences.
        config_path: for source format "tf1", path of `xlnet_config.json` if it is not beside the
            checkpoint.
        ignore: regular expressions; variables of the source whose names match one are left out.
        vocabulary_path: SentencePiece model of the weights; None takes `spiece.model` beside them,
            if it is there.
        fit_vocabulary: whether to leave out embeddings that belong to no piece of the vocabulary.
        overwrite: whether existing weights in `target` may be replaced, and what would be taken for
            theirs be removed.
        card: model card for the target, such as the `README.md` of a pushed model; None writes one
            that says what the weights themselves say.

    Raises:
        TargetExistsError: if `target` already contains weights or a tokenizer and `overwrite` is
            False, or if its vocabulary is not that of these weights.
        WeightsError: if the source does not exist, is damaged, or does not have exactly the
            expected variables; the message then lists what was not found, not used, or has another
            shape. What was in `target` is kept in these cases. Also if an option is of no use with
            this source, or if the vocabulary that was given is not that of the weights.
        VocabularyError: if the vocabulary beside the weights is not one for XLNet.
        NoSuchFilesError: if there is no such card.
        ValueError: if a format is not one of the legal names.
    """
    given_card = files.read_bytes(card, max_bytes=_MAX_CARD_BYTES) if card else None
    if target_format not in TARGET_FORMATS:
        raise ValueError(f"target_format must be one of {TARGET_FORMATS}, not {target_format!r}")
    if source_format not in SOURCE_FORMATS:
        raise ValueError(f"source_format must be one of {SOURCE_FORMATS}, not {source_format!r}")
    _check_exists(source)
    if source_format == "auto":
        source_format = detect_format(source)
    there = _in_the_way(target, target_format, has_card=card is not None)
    _check_target(source, target, there, overwrite)
    with _open(source, source_format, task_name, config_path, ignore) as weights:
        vocabulary, notes = None, list(weights.notes)
        if vocabulary_path or weights.vocabulary:
            vocabulary = vocabulary_lib.load(vocabulary_path or weights.vocabulary)
            weights = _with_vocabulary(weights, vocabulary)
        if vocabulary or fit_vocabulary:
            weights, more = vocabulary_rows.fit(weights, vocabulary, cut=fit_vocabulary)
            notes += more
        if target_format == "hf":
            hugging_face_config.check_writable(weights.config)
            notes += hugging_face_tokenizer.notes(weights)
        elif weights.multi_label:
            raise WeightsError(_MULTI_LABEL.format(where=weights.tensors.where))
        if vocabulary is None:
            notes += _check_vocabulary_there(target, weights.vocabulary_sha256)
        layout = hugging_face if target_format == "hf" else published
        # Whether the source is intact shows when all of it is read, so only now may go what was
        # there before. What describes the weights comes next, and last what makes them readable.
        layout.write_tensors(target, weights)
        files.remove(*(files.join(target, name) for name in there if name not in _STAYS))
        if vocabulary:
            files.write_bytes(files.join(target, MODEL_FILE_NAME), vocabulary.model)
        about = Description(
            vocabulary_sha256=weights.vocabulary_sha256,
            labels=weights.labels,
            uncased=weights.uncased,
            keep_accents=weights.keep_accents,
        )
        description.write(target, about)
        if given_card is not None:
            if target_format == "hf":
                given_card = model_card.with_library(given_card, _LIBRARY)
            files.write_bytes(files.join(target, model_card.NAME), given_card)
        elif target_format == "hf":
            _write_card(target, weights)
        layout.write_config(target, weights)
        return Conversion(
            source=weights.tensors.where,
            source_format=source_format,
            variables=len(weights.tensors),
            parameters=weights.tensors.num_parameters,
            heads=weights.heads,
            vocabulary=vocabulary is not None,
            labels=weights.labels,
            notes=tuple(notes),
        )


def _write_card(target: str, weights: Weights) -> None:
    """Writes a model card with what is known from the weights alone."""
    sizes = {
        name: value
        for name, value in dataclasses.asdict(weights.config).items()
        if isinstance(value, int | float | str)
    }
    model_card.write(
        target,
        title="XLNet",
        metadata={"library_name": _LIBRARY, "tags": ["xlnet", "xlnet-pipeline"]},
        sections=[
            Section(
                "Task",
                [
                    f"Heads: {escape(weights.heads.describe())}.",
                    *([f"Labels: {escape(', '.join(weights.labels))}."] if weights.labels else []),
                ],
            ),
            Section(
                "Limits",
                [
                    "Data and metrics are not known to the conversion; the evaluation report of "
                    "the run has them."
                ],
            ),
            Section(
                "Made from",
                table=[
                    ("", ""),
                    ("weights", os.path.basename(weights.tensors.where.rstrip("/"))),
                    ("vocabulary's sha256", weights.vocabulary_sha256 or "not known"),
                    ("converted by", f"xlnet-pipeline {__version__}"),
                    *sizes.items(),
                ],
            ),
        ],
    )


def _check_exists(source: str) -> None:
    # A checkpoint may be named by its prefix, which is not itself a file.
    if files.is_folder(source) or checkpoint_path.find_prefix(source):
        return
    if files.exists(source):
        raise WeightsError(f"{source} is a file; give the folder that it is in.")
    raise WeightsError(
        f"There is no file or folder {source}. convert reads local files and downloads nothing: "
        "download the weights first (for example with `hf download xlnet-base-cased --local-dir "
        "xlnet-base-cased`) and give that folder."
    )


def detect_format(source: str) -> str:
    """Detects the format of a source, "hf" or "tf1", from the files that it contains.

    Raises:
        WeightsError: if it contains weights in neither format, or in both.
    """
    is_hugging_face = bool(hugging_face_files.weight_files(source))
    is_tf1 = checkpoint_path.find_prefix(source) is not None
    if is_hugging_face and is_tf1:
        raise WeightsError(f"{source} holds weights in both formats; say --from tf1 or --from hf.")
    if not is_hugging_face and not is_tf1:
        raise WeightsError(
            f"{source} holds no weights that are known here: neither a TensorFlow checkpoint "
            f"(*.index) nor {hugging_face_files.SAFETENSORS_NAME} nor "
            f"{hugging_face_files.TORCH_NAME}, nor an index of several such files."
            f"{hugging_face_files.advice(source) or checkpoint_path.advice_about_runs(source)}"
        )
    return "hf" if is_hugging_face else "tf1"


def _check_vocabulary_there(target: str, digest: str | None) -> list[str]:
    """Checks a vocabulary that is already in the target, if the weights come without one.

    Returns:
        Notes for the user.

    Raises:
        TargetExistsError: if it is known not to be the vocabulary of these weights.
    """
    path = files.join(target, MODEL_FILE_NAME)
    if not files.exists(path):
        return []
    there = vocabulary_lib.load(path)
    if digest is None:
        return [f"{path} was there before and stays; nothing says whether it is of these weights."]
    if there.sha256 != digest:
        raise TargetExistsError(
            f"{path} (sha256 {there.sha256}) is not the vocabulary of these weights ({digest}). "
            "Remove it, or choose another folder."
        )
    return []


def _open(
    source: str,
    source_format: str,
    task_name: str | None,
    config_path: str | None,
    ignore: Sequence[str],
) -> AbstractContextManager[Weights]:
    if source_format == "hf":
        if config_path:
            raise WeightsError(
                f"--model-config is for TF1 checkpoints, but {source} is a Hugging Face folder, "
                "whose config.json says it. Leave it out."
            )
        return hugging_face.open_to_read(source, task_name=task_name, ignore=ignore)
    if task_name:
        raise WeightsError(
            f"--task-name is for Hugging Face folders, but {source} is a TF1 checkpoint, in which "
            "the head has its name. Leave it out."
        )
    return published.open_to_read(source, config_path=config_path, ignore=ignore)


def _with_vocabulary(weights: Weights, vocabulary: vocabulary_lib.Vocabulary) -> Weights:
    """Returns the weights with the digest of their vocabulary.

    Raises:
        WeightsError: if they are known to have another one.
    """
    if weights.vocabulary_sha256 not in (None, vocabulary.sha256):
        raise WeightsError(
            f"{vocabulary.source} (sha256 {vocabulary.sha256}) is not the vocabulary of "
            f"{weights.tensors.where} ({weights.vocabulary_sha256}). Give the one that belongs to "
            "these weights."
        )
    return dataclasses.replace(weights, vocabulary_sha256=vocabulary.sha256)


def _in_the_way(target: str, target_format: str, *, has_card: bool) -> list[str]:
    """Lists the files in a folder that would be replaced, or be taken for those of the weights."""
    names = {MODEL_FILE_NAME, description.FILE_NAME}
    if target_format == "hf":
        names |= {
            hugging_face_config.CONFIG_NAME,
            hugging_face_tokenizer.CONFIG_NAME,
            *hugging_face_tokenizer.OTHER_NAMES,
            *hugging_face_files.all_names(target),
        }
    else:
        names |= {CONFIG_NAME, f"{CHECKPOINT_NAME}.index"}
    if has_card or target_format == "hf":
        names.add(model_card.NAME)
    return sorted(names & files.names(target))


def _check_target(source: str, target: str, there: Sequence[str], overwrite: bool) -> None:
    if os.path.realpath(source) == os.path.realpath(target):
        raise TargetExistsError(f"Source and target are the same folder: {source}")
    if there and not overwrite:
        raise TargetExistsError(
            f"{target} already holds {', '.join(there)}; --overwrite replaces them."
        )
