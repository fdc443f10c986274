"""Compares the number of embeddings in a set of weights with the vocabulary beside it.

Weights may have more rows than the vocabulary has pieces if tokens were added to it later. The
additional rows can be cut off.
"""

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
        weights: the weights.
        vocabulary: the vocabulary; None if there is none.
        cut: whether to cut off rows that belong to no piece.

    Returns:
        The weights (with fewer rows if they were cut), and notes for the user on what differs.

    Raises:
        WeightsError: if the vocabulary has more pieces than there are rows, or if there is no
            vocabulary.
    """
    where, rows = weights.tensors.where, weights.config.n_token
    if vocabulary is None:
        raise WeightsError(
            f"There is no spiece.model beside {where}, so nothing says which embeddings "
            "--fit-vocabulary should leave out. Give the vocabulary with --vocabulary FILE."
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
