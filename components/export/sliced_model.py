"""Runs an exported model on slices of a batch, each cut to the length that its rows need.

All records have the same length, but most texts are shorter, and attention pays for every token of
padding. Slicing also bounds the memory: a paragraph of a hundred windows does not fit into memory
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import tensorflow as tf

# Lengths are multiples of this, which suits vector instructions.
_MULTIPLE = 8
# Tokens of padding that a slice may have. A further slice reads all weights once more, which takes
# a CPU about as long as computing so many tokens, whatever the size of the network.
_MAX_PADDING = 64
# More tokens at a time do not make a CPU any faster, but take proportionally more memory.
_MAX_TOKENS = 2048
# Slices that may be computed at the same time: between its products of matrices, a single slice
# leaves cores idle.
_PARALLEL_SLICES = 4


class SlicedModel(tf.Module):
    """Sorts the rows of a batch by length and calls a model on slices cut to their longest row.

    A slice takes rows until these would hold too much padding or too many tokens; see the constants
    above. One graph serves all lengths.

    Args:
        call: the model, a function from features to a tensor or a dict of tensors with one row per
            record. It must accept sequences of any length up to that of the signature, and the
            shapes of its outputs must not depend on it.
        signature: specifications of the features at full length, [None, seq_len] or [None].
            `input_mask` must be among them.
        padding: the side on which records are padded.
        shortest: number of tokens that every slice keeps at least.
        cut: whether rows may be cut. They must not be if padding affects the outputs; then the
            batch is only sliced into groups of rows.
    """

    def __init__(
        self,
        call: Callable[[dict[str, tf.Tensor]], Any],
        signature: Mapping[str, tf.TensorSpec],
        *,
        padding: Literal["left", "right"],
        shortest: int = 1,
        cut: bool = True,
    ) -> None:
        super().__init__(name="sliced_model")
        self._signature = dict(signature)
        self._padding = padding
        self._seq_len = signature["input_mask"].shape[1]
        self._shortest = min(max(shortest, _MULTIPLE), self._seq_len) if cut else self._seq_len
        # Traced once, however many signatures call it.
        self.at_any_length = _at_any_length(call, self._signature)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> Any:
        """Returns the outputs of the model, with rows in the same order as the features.

        Args:
            features: tensors by name, as in the signature; additional ones are ignored.
        """
        features = {name: features[name] for name in self._signature}
        lengths = self._lengths(features["input_mask"])
        order = tf.argsort(lengths, stable=True)
        features = {name: tf.gather(value, order) for name, value in features.items()}
        lengths = tf.gather(lengths, order)
        num_rows = tf.size(order)
        structure = self.at_any_length.structured_outputs
        specs = tf.nest.flatten(structure)

        def run_slice(number: tf.Tensor, begin: tf.Tensor, *collected: tf.TensorArray) -> tuple:
            end = begin + _rows_of_slice(lengths[begin:])
            length = tf.reduce_max(tf.concat([lengths[begin:end], [self._shortest]], 0))
            outputs = tf.nest.flatten(self._run(features, slice(begin, end), length))
            written = [
                array.write(number, value) for array, value in zip(collected, outputs, strict=True)
            ]
            return number + 1, end, *written

        arrays = [
            tf.TensorArray(
                spec.dtype,
                1,
                dynamic_size=True,
                infer_shape=False,
                element_shape=[None, *spec.shape[1:]],
            )
            for spec in specs
        ]
        _, _, *arrays = tf.while_loop(
            # At least one slice, because an empty batch has (empty) outputs as well.
            lambda number, begin, *_: (number == 0) | (begin < num_rows),
            run_slice,
            [tf.constant(0), tf.constant(0), *arrays],
            parallel_iterations=_PARALLEL_SLICES,
        )
        back = tf.math.invert_permutation(order)
        outputs = [
            tf.ensure_shape(tf.gather(array.concat(), back), spec.shape)
            for array, spec in zip(arrays, specs, strict=True)
        ]
        return tf.nest.pack_sequence_as(structure, outputs)

    def _lengths(self, input_mask: tf.Tensor) -> tf.Tensor:
        """Returns the numbers of tokens that rows must keep, int32 [B]."""
        tokens = self._seq_len - tf.math.count_nonzero(input_mask, axis=1, dtype=tf.int32)
        rounded = -(-tokens // _MULTIPLE) * _MULTIPLE
        return tf.clip_by_value(rounded, self._shortest, self._seq_len)

    def _run(self, features: dict[str, tf.Tensor], rows: slice, length: tf.Tensor) -> Any:
        tokens = slice(-length, None) if self._padding == "left" else slice(length)
        return self.at_any_length(
            **{
                name: value[rows, tokens] if value.shape.rank == 2 else value[rows]
                for name, value in features.items()
            }
        )


def _rows_of_slice(lengths: tf.Tensor) -> tf.Tensor:
    """Returns how many of the next rows, whose ascending lengths are given, form a slice."""
    lengths = lengths[: _MAX_TOKENS // _MULTIPLE]
    tokens = tf.range(1, tf.size(lengths) + 1) * lengths
    padding = tokens - tf.cumsum(lengths)
    fits = (padding <= _MAX_PADDING) & (tokens <= _MAX_TOKENS)
    # Both grow from row to row, so the rows that fit are the first ones.
    return tf.maximum(tf.math.count_nonzero(fits, dtype=tf.int32), 1)


def _at_any_length(
    call: Callable[[dict[str, tf.Tensor]], Any], signature: Mapping[str, tf.TensorSpec]
) -> tf.types.experimental.ConcreteFunction:
    specs = {
        name: tf.TensorSpec([None] * spec.shape.rank, spec.dtype)
        for name, spec in signature.items()
    }
    function = tf.function(lambda **features: call(features), autograph=False)
    return function.get_concrete_function(**specs)
