"""The rows of weights that stand for pieces, and the vocabulary beside them."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.checkpoint_conversion import heads as heads_lib
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.tensors import Tensors
from components.checkpoint_conversion.weights import Weights
from components.tokenization.vocabulary import Vocabulary


def fit(weights: Weights, vocabulary: Vocabulary | None, *, cut: bool) -> tuple[Weights, list[str]]:
    """Compares weights with the vocabulary that lies beside them.

    Args:
        weights: to compare.
        vocabulary: None if there is none.
        cut: whether rows that no piece has are left out.

    Returns:
        The weights, cut if asked for, with notes on what differs.

    Raises:
        WeightsError: if there are more pieces than rows, or nothing to cut by.
    """
    where, rows = weights.tensors.where, weights.config.n_token
    if vocabulary is None:
        raise WeightsError(
            f"There is no spiece.model beside {where}, so nothing says which embeddings "
            "--fit-vocabulary should leave out."
        )
    if rows < vocabulary.size:
        raise WeightsError(
            f"{vocabulary.source} has {vocabulary.size:,} pieces, but {where} embeddings for "
            f"{rows:,} only: it is not the vocabulary of these weights. Put theirs in its place, "
            "or move it away to convert the weights alone."
        )
    if rows == vocabulary.size:
        return weights, []
    added = f"{rows - vocabulary.size:,} of {rows:,} embeddings are of no piece of spiece.model"
    if cut:
        return _cut(weights, vocabulary.size), [f"{added}; they were left out."]
    return weights, [
        f"{added}: tokens that were added to the vocabulary later, which no text gives here. A "
        "training with this vocabulary refuses such weights; --fit-vocabulary leaves the rows out."
    ]


def _cut(weights: Weights, size: int) -> Weights:
    config = dataclasses.replace(weights.config, n_token=size)
    shapes = heads_lib.published_shapes(config, weights.heads)

    def read(name: str) -> np.ndarray:
        return weights.tensors[name][: shapes[name][0]]

    return dataclasses.replace(
        weights, config=config, tensors=Tensors(shapes, read, where=weights.tensors.where)
    )
