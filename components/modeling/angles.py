"""Relative positions without a shift: the angles of queries and keys are added.

`relative_positions` scores each query against the encodings of all distances and then shifts the
rows of scores. A TPU moves every element several times for that. But sin(f (i - j)) equals
sin(f i) cos(f j) - cos(f i) sin(f j), and so on: if a query's scores of the components of an
encoding are turned by the angle of the query's position, then their product with the sines and
cosines of the keys' positions is the position score, without any shift, and for queries at any
positions.

**Frequencies.** The published encodings have d_model / 2 frequencies f, from 1 down to 1 / 10000.
Most of them are so low that they hardly differ within a segment. Over distances up to X, every
sin(f x) and cos(f x) with f ≤ 1 is a combination of those of M evenly spaced frequencies, with M
little above X / pi (Shannon's theorem; the weights are a windowed sinc function). So the kernel of
the encodings is carried over to M frequencies, once per layer, and the scores have 2 M components
instead of d_model: 512 instead of 1,024 for XLNet-Large with 512 tokens. The error of an encoding
is below 1e-9 in exact arithmetic.

What this form cannot do: distances that are clamped (`clamp_len`), which are no sums of angles; and
dropout of single elements of the encodings. Instead, dropout drops components: one for all
distances.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from components.modeling.program import ACCELERATOR

# The number of frequencies is a multiple of this, the width of a TPU's vectors.
_LANES = 128
# The logarithm of an encoding's largest error is about minus this.
_ACCURACY = 22.0


@dataclasses.dataclass(frozen=True)
class Frequencies:
    """M evenly spaced frequencies, 2 pi (m + 1/2) / period for m = 0, …, M - 1.

    Attributes:
        number: how many there are (M).
        period: distance after which all angles repeat, up to the sign.
        width: half the width of the window of the interpolation, in spacings.
        sharpness: the window is exp(sharpness (sqrt(1 - (x / width)²) - 1)), the "exponential of
            semicircle" of Barnett et al. 2019, section 3.
    """

    number: int
    period: int
    width: float
    sharpness: float

    @classmethod
    def reaching(cls, distance: int) -> Frequencies:
        """Returns the frequencies for distances up to ± the given one."""
        number = 0
        accuracy = 0.0
        while accuracy < _ACCURACY:
            number += _LANES
            # With the oversampling s, the images of the spectrum lie 2 s X apart, number / s nodes
            # are in the band, and number * (1 - 1 / s) beyond it serve the window. This s makes the
            # error, about exp(-pi width (1 - 1 / s)), smallest.
            oversampling = math.sqrt(math.pi * number / distance)
            accuracy = math.pi * number * max(1 - 1 / oversampling, 0.0) ** 2
        period = math.ceil(2 * oversampling * distance)
        width = number - period / (2 * math.pi)
        sharpness = math.pi * width * (1 - 2 * distance / period)
        return cls(number, period, width, sharpness)

    def angles(self, positions: tf.Tensor, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns sines and cosines [..., M] of the positions' angles.

        Args:
            positions: int32 [...], not negative.
            dtype: float32 or float64.
        """
        odd = 2 * ACCELERATOR.numbers(self.number) + 1
        # In whole numbers, so that no angle loses digits to a large multiple of the period.
        steps = tf.math.floormod(positions[..., None] * odd, 2 * self.period)
        angles = tf.cast(steps, dtype) * (math.pi / self.period)
        return tf.sin(angles), tf.cos(angles)

    def weights(self, d_model: int, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the weights [d_model / 2, M] that make up sines and cosines.

        sin(f x) is the sum over m of the first matrix times sin(f_m x), for every frequency f of
        the published encodings; cos(f x) is that of the second times cos(f_m x).

        Args:
            d_model: width of the published encodings.
            dtype: float32 or float64.
        """
        frequencies = 1.0 / 10000.0 ** (np.arange(0, d_model, 2, dtype=np.float64) / d_model)
        places = frequencies * self.period / (2 * math.pi)
        whole = np.floor(places)
        # Exactly on a node, the sinc function would be 0 / 0.
        rest = places - whole - 0.5
        rest = np.where(np.abs(rest) < 1e-9, 1e-9, rest)
        # sin(pi x) / pi for x = whole number + rest, up to the sign.
        sines = tf.constant(np.sin(math.pi * rest) / math.pi, dtype)[:, None]
        rest = tf.constant(rest, dtype)[:, None]
        whole = tf.constant(whole, tf.int32)[:, None]
        nodes = ACCELERATOR.numbers(self.number)

        def kernel(steps: tf.Tensor) -> tf.Tensor:
            x = tf.cast(steps, dtype) + rest
            square = tf.square(x / self.width)
            inside = 1 - square
            # sqrt(1 - x²) - 1, without the difference of two numbers close to each other.
            exponent = -square / (1 + tf.sqrt(tf.maximum(inside, 0)))
            window = tf.exp(self.sharpness * exponent)
            sign = tf.cast(1 - 2 * tf.math.floormod(steps, 2), dtype)
            return tf.where(inside > 0, sign * sines / x * window, 0)

        # Frequencies below 0 are those above 0 with the opposite sine.
        above, below = kernel(whole - nodes), kernel(whole + nodes + 1)
        return above - below, above + below


@dataclasses.dataclass(frozen=True)
class PositionWeights:
    """Carries a layer's kernel over from the published components to evenly spaced frequencies.

    Attributes:
        sines: [d_model / 2, M], weights of the sines in the compute dtype, after dropout.
        cosines: [d_model / 2, M], weights of the cosines.
    """

    sines: tf.Tensor
    cosines: tf.Tensor

    def kernel(self, published: tf.Tensor) -> tf.Tensor:
        """Maps the kernel of position encodings, [d_model, N, Dh], to [2, M, N, Dh]."""
        sines, cosines = tf.split(published, 2)
        return tf.stack(
            [
                tf.einsum("cm,cnh->mnh", self.sines, sines),
                tf.einsum("cm,cnh->mnh", self.cosines, cosines),
            ]
        )


@dataclasses.dataclass(frozen=True)
class Angles:
    """Sines and cosines of the positions of a stream, the same in all layers.

    Attributes:
        sines: [B or 1, Q, M], of the queries' positions, in the compute dtype.
        cosines: [B or 1, Q, M].
        keys: [S, 2 M], cosines and sines of the keys' positions.
        direction: [B, 1, 1], 1 for rows whose distances count as they are, and -1 for backward
            sequences, whose distances have the opposite sign; None if there are none.
    """

    sines: tf.Tensor
    cosines: tf.Tensor
    keys: tf.Tensor
    direction: tf.Tensor | None

    def turn(self, sines: tf.Tensor, cosines: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Turns the scores of encodings' components by the queries' angles.

        The product of the results, joined, with `keys` is the position score of query and key.

        Args:
            sines: [N, B, Q, M], scores of the sines.
            cosines: [N, B, Q, M], scores of the cosines.
        """
        if self.direction is not None:
            sines *= self.direction
        return (
            sines * self.sines + cosines * self.cosines,
            cosines * self.sines - sines * self.cosines,
        )

    def turn_back(self, first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps gradients of `turn`'s results to those of its arguments; it is the transpose."""
        sines = first * self.sines - second * self.cosines
        if self.direction is not None:
            sines *= self.direction
        return sines, first * self.cosines + second * self.sines
