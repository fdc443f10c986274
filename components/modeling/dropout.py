"""Dropout whose masks depend only on an explicit seed, so that a resumed run draws the same masks.

On a CPU under XLA, TensorFlow's own Philox generator would take most of the time of a dropout, and
a mask does not need random bits of that quality. Here, the bits for two elements are an integer
hash of their index and a key (two multiplications, "lowbias32" by C. Wellons). XLA fuses it into
the dropout and computes it again in the backward pass, instead of keeping the mask in memory.

On accelerators, the elements of a row share keys and each element has a hash of its own, because
taking two masks out of one hash means to move every element to another place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

_GOLDEN_RATIO = 0x9E3779B9  # 2**32 / golden ratio; spreads consecutive numbers over all bits.
_FIRST_FACTOR, _SECOND_FACTOR = 0x7FEB352D, 0x846CA68B  # Those of "lowbias32".
_DIGIT = 64  # Base in which `_count_from` writes its numbers.


def _mix(bits: tf.Tensor, key: tf.Tensor | None = None) -> tf.Tensor:
    """A bijection of uint32 in which every input bit flips each output bit half of the time."""
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint32(16)))
    bits *= _uint32(_FIRST_FACTOR)
    if key is not None:
        bits = tf.bitwise.bitwise_xor(bits, key)
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint32(15)))
    bits *= _uint32(_SECOND_FACTOR)
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint32(16)))


def _uint32(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)


def fold_in(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Derives a new seed from a seed and a number, such as that of a step, replica or layer.

    Args:
        seed: int32 [2].
        number: int32 or Python int; a scalar or, to derive several seeds at once, [K].

    Returns:
        int32 [2] or [K, 2].
    """
    words = tf.bitcast(tf.cast(seed, tf.int32), tf.uint32)
    number = tf.bitcast(tf.cast(number, tf.int32), tf.uint32)
    low = _mix(words[0] + (number + _uint32(1)) * _uint32(_GOLDEN_RATIO), words[1])
    high = _mix(tf.bitwise.bitwise_xor(words[1], low) + _uint32(_GOLDEN_RATIO), words[0])
    return tf.bitcast(tf.stack([low, high], axis=-1), tf.int32)


def site_seeds(seed: tf.Tensor | None, count: int) -> list[tf.Tensor | None]:
    """Derives a seed for each of `count` places in the network; all are None if `seed` is."""
    if seed is None:
        return [None] * count
    return tf.unstack(fold_in(seed, tf.range(count)))


def check_seed(seed: tf.Tensor | None, *, needed: bool) -> tf.Tensor | None:
    """Checks a dropout seed and returns it as int32 [2].

    Args:
        seed: seed given to a model, or None.
        needed: whether dropout happens; if not, the result is None.

    Raises:
        ValueError: if the seed is needed, but missing or of the wrong shape or dtype.
    """
    if not needed:
        return None
    if seed is None:
        raise ValueError(
            "training with dropout needs dropout_seed, an int32 tensor of shape [2] that differs "
            "from step to step and replica to replica (see components.modeling.dropout.fold_in)"
        )
    seed = tf.convert_to_tensor(seed)
    if seed.shape != [2] or seed.dtype not in (tf.int32, tf.int64):
        raise ValueError(
            f"dropout_seed must be int32 of shape [2], not {seed.dtype.name} {seed.shape}"
        )
    return tf.cast(seed, tf.int32)


def keep_mask(shape: tf.Tensor | tuple[int, ...], rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns a bool tensor that is true with probability 1 - rate (to within 2**-16).

    It is determined by the seed.
    """
    size = tf.reduce_prod(shape)
    words = tf.bitcast(seed, tf.uint32)
    # Each hash serves two elements, because without a compiler that fuses the operations, hashing
    # takes longer than everything else in a dropout.
    index = tf.cast(tf.range((size + 1) // 2), tf.uint32)
    bits = tf.bitcast(_mix(index + words[0], words[1]), tf.uint16)
    keep_below = min(round((1.0 - rate) * 2**16), 2**16 - 1)
    keep = tf.reshape(bits < tf.constant(keep_below, tf.uint16), [-1])
    return tf.reshape(keep[:size], shape)


def dropout(inputs: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
    """Sets a fraction of the elements to zero and scales the others so that the mean is unchanged.

    Args:
        inputs: floating-point tensor of any shape.
        rate: fraction to drop.
        seed: int32 [2], different for every place in the network (see `fold_in`), or None for no
            dropout.

    Returns:
        A tensor with the shape and dtype of `inputs`.
    """
    if seed is None or rate == 0:
        return inputs
    shape = inputs.shape if inputs.shape.is_fully_defined() else tf.shape(inputs)
    keep = keep_mask(shape, rate, seed)
    scale = tf.constant(1.0 / (1.0 - rate), inputs.dtype)
    # A product instead of tf.where, because CPUs select bfloat16 elements one by one, ten times
    # slower than they multiply.
    return inputs * tf.cast(keep, inputs.dtype) * scale


def _count_from(start: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    """Returns start, start + 1, … as uint32 [size].

    A range of a static size would be a constant of the program, and a large one. Here, the
    constants are the multiples of each digit; their sums with the start are not constant.
    """
    if not isinstance(size, int):
        return start + tf.bitcast(tf.range(size), tf.uint32)
    numbers = tf.reshape(start, [1])
    value = 1
    while value < size:
        count = min(_DIGIT, -(-size // value))
        digits = tf.constant([value * digit for digit in range(count)], tf.uint32)
        numbers = tf.reshape(digits[:, None] + numbers, [-1])
        value *= _DIGIT
    return numbers[:size]


def keep_by_place(shape: Sequence[int | tf.Tensor], rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns a bool tensor that is true with probability 1 - rate (to within 2**-32).

    It is determined by the seed and the place of an element, that is, its row and its column; the
    last axis has the columns, and all others count the rows.
    """
    *lead, columns = shape
    words = tf.bitcast(seed, tf.uint32)
    rows = math.prod(lead) if all(isinstance(n, int) for n in lead) else tf.reduce_prod(lead)
    first = _mix(_count_from(words[0], rows), words[1])
    second = _mix(first + _uint32(_GOLDEN_RATIO), words[0])
    first, second = (tf.reshape(key, [*lead, 1]) for key in (first, second))
    # `_mix` without its last step, which does not reach the high bits that decide.
    bits = _count_from(words[1], columns) + first
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint32(16)))
    bits = tf.bitwise.bitwise_xor(bits * _uint32(_FIRST_FACTOR), second)
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint32(15)))
    bits *= _uint32(_SECOND_FACTOR)
    return bits < _uint32(min(round((1.0 - rate) * 2**32), 2**32 - 1))


def dropout_by_place(inputs: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
    """Does what `dropout` does, with other masks; see `keep_by_place`."""
    if seed is None or rate == 0:
        return inputs
    dynamic = tf.shape(inputs)
    shape = [dynamic[i] if size is None else size for i, size in enumerate(inputs.shape)]
    scale = tf.constant(1.0 / (1.0 - rate), inputs.dtype)
    return tf.where(keep_by_place(shape, rate, seed), inputs * scale, tf.zeros([], inputs.dtype))
