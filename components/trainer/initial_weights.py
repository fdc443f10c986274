"""Checks that the weights a run starts from belong to its vocabulary and its network.

Weights for a different vocabulary of the same size load without any error, and so do weights of a
network that uses them differently. This module does not import TensorFlow, so that a configuration
can be checked before anything runs.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from components import files
from components.checkpoint_conversion import description
from components.manifest import ManifestError
from components.modeling.config import XLNetConfig

_CONFIG_NAME = "xlnet_config.json"
# The tanh form and the exact form differ by less than 5e-4, and weights trained with one work with
# the other. Hugging Face's folder of the published weights names the one that they were not trained
# with.
_ALIKE = {"gelu", "gelu_erf"}

_logger = logging.getLogger(__name__)


class InitialWeightsError(ValueError):
    """Weights that belong to another network."""


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
    expected = description.read(_folder(init_from)).vocabulary_sha256
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
    path = files.join(_folder(init_from), _CONFIG_NAME)
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


def _folder(init_from: str) -> str:
    """Returns the folder with the files that describe the weights."""
    is_folder = not files.exists(f"{init_from}.index")
    return init_from if is_folder else init_from.rpartition("/")[0] or "."
