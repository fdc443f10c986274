"""Checks that the weights a run starts from belong to its vocabulary, network and labels.

Weights for a different vocabulary of the same size load without any error, and so do weights of a
network that uses them differently. This module does not import TensorFlow, so that a configuration
can be checked before anything runs.
"""

from __future__ import annotations

import dataclasses
import logging
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from components import files, git_lfs
from components.checkpoint_conversion import checkpoint_path, description
from components.manifest import ManifestError
from components.modeling.config import XLNetConfig

# The tanh form and the exact form differ by less than 5e-4, and weights trained with one work with
# the other. Hugging Face's folder of the published weights names the one that they were not trained
# with.
_ALIKE = {"gelu", "gelu_erf"}

_logger = logging.getLogger(__name__)


class InitialWeightsError(ValueError):
    """No weights, or weights that belong to another network or other labels."""


def check_checkpoint(init_from: str) -> None:
    """Checks that there is a TensorFlow checkpoint to start from.

    Args:
        init_from: folder of the weights, or the prefix of a checkpoint.

    Raises:
        NoSuchFilesError: if there is nothing at all.
        InitialWeightsError: if there are only other files; the message says what to do about those
            that are known.
        WeightsError: if there are several checkpoints, and nothing says which one is meant.
    """
    prefix = checkpoint_path.find_prefix(init_from)
    if prefix is None:
        if not files.is_folder(init_from):
            files.find(files.escape(init_from), purpose="init_from")
        advice = checkpoint_path.advice(checkpoint_path.prefix_of(init_from))
        raise InitialWeightsError(
            f"init_from is {init_from}, where there is no TensorFlow checkpoint (*.index).{advice}"
        )
    if pointer := checkpoint_path.unfetched(prefix):
        raise InitialWeightsError(f"init_from is {init_from}, but {pointer}: {git_lfs.HINT}")


def check_vocabulary(init_from: str | None, digest: str, *, whose: str) -> None:
    """Checks that a vocabulary is the one that the initial weights were made for.

    Args:
        init_from: folder of the weights, or the prefix of a checkpoint; None for random weights.
        digest: sha256 of the vocabulary.
        whose: owner of the vocabulary, for messages: "The records", or a path.

    Raises:
        ManifestError: if the vocabularies differ, so that each piece would get the embedding of
            another one.
        WeightsError: if the description beside the weights is damaged.
    """
    if init_from is None:
        return
    expected = description.read(checkpoint_path.folder_of(init_from)).vocabulary_sha256
    if expected is None:
        _logger.warning(
            "%s does not say which vocabulary its weights belong to; it is taken for that of this "
            "run.",
            init_from,
        )
    elif expected != digest:
        raise ManifestError(
            f"{whose} has another vocabulary (sha256 {digest}) than the weights in {init_from} "
            f"({expected}): each piece would get the embedding of another. Use the spiece.model "
            "that belongs to these weights."
        )


def check_normalization(init_from: str | None, *, uncased: bool, keep_accents: bool) -> None:
    """Checks that texts are normalised as those that the initial weights were trained on.

    Args:
        init_from: folder of the weights, or the prefix of a checkpoint; None for random weights.
        uncased: whether the texts of this run are lower-cased.
        keep_accents: whether they keep their accents.

    Raises:
        ManifestError: if what is known of the weights differs.
        WeightsError: if the description beside the weights is damaged.
    """
    if init_from is None:
        return
    folder = checkpoint_path.folder_of(init_from)
    known = description.read(folder)
    ours = {"uncased": uncased, "keep_accents": keep_accents}
    differences = [
        f"{name} is {str(value).lower()} here and {str(there).lower()} there"
        for name, value in ours.items()
        if (there := getattr(known, name)) not in (None, value)
    ]
    if differences:
        raise ManifestError(
            "The texts of this run are normalised otherwise than those that the weights in "
            f"{init_from} were trained on: {' and '.join(differences)}. Set it under vocabulary "
            "(for pretraining, under records as well) to what it is there; where the difference "
            f"is meant, remove it from {files.join(folder, description.FILE_NAME)}."
        )


def check_labels(init_from: str, labels: Sequence[str], *, head: str) -> None:
    """Checks that a head which is taken over was trained with the same labels, if they are known.

    Args:
        init_from: folder of the weights, or the prefix of a checkpoint.
        labels: labels of the run, in the order of the head's outputs.
        head: name of the head, which both the weights and the run have.

    Raises:
        InitialWeightsError: if they differ, so that each output would begin as that of another
            label.
        WeightsError: if the description beside the weights is damaged.
    """
    known = description.read(checkpoint_path.folder_of(init_from)).labels
    if known and known != tuple(labels):
        raise InitialWeightsError(
            f"The head {head} of the weights in {init_from} was trained with the labels "
            f"{_shown(known)}, but this run has {_shown(labels)}. List them as those of the "
            "weights, or rename the task to get a new head."
        )


def _shown(labels: Sequence[str]) -> str:
    # There can be thousands.
    return textwrap.shorten(", ".join(labels), 1000, placeholder=" …")


def check_network(init_from: str | None, model: XLNetConfig) -> None:
    """Compares a network with the `xlnet_config.json` beside the initial weights, if there is one.

    Args:
        init_from: folder of the weights, or the prefix of a checkpoint; None for random weights.
        model: network of the run.

    Raises:
        InitialWeightsError: if they differ; the message names every setting that does.
        ValueError: if `xlnet_config.json` is damaged.
    """
    if init_from is None:
        return
    path = files.join(checkpoint_path.folder_of(init_from), checkpoint_path.CONFIG_NAME)
    if not files.exists(path):
        return
    theirs, ours = (dataclasses.asdict(c) for c in (XLNetConfig.read(path), model))
    differences = [
        f"model.{name} is {ours[name]!r} here and {theirs[name]!r} there"
        for name in theirs
        if ours[name] != theirs[name]
        and name != "summary_type"  # It concerns the head, which may be new.
        and not (name == "ff_activation" and {ours[name], theirs[name]} == _ALIKE)
    ]
    if differences:
        raise InitialWeightsError(
            f"{path} is of another network than this run's: {'; '.join(differences)}. Take over "
            f"its settings, or start from other weights.{_added_rows(init_from, ours, theirs)}"
        )
    for name in ("ff_activation", "summary_type"):
        if ours[name] != theirs[name]:
            _logger.warning(
                "model.%s is %s here, and the weights in %s were written with %s; set it to that "
                "to compute what they computed there.",
                name,
                ours[name],
                init_from,
                theirs[name],
            )


def _added_rows(init_from: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    if ours["n_token"] >= theirs["n_token"]:
        return ""
    return (
        " If tokens were added to the vocabulary of these weights, `xlnet-pipeline convert "
        f"{init_from} TARGET --to xlnet --fit-vocabulary` leaves out the embeddings that no piece "
        "of spiece.model has."
    )
