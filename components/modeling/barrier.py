"""Barriers that an XLA compiler optimizes nothing across, and recomputation that rests on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops


# Compiled by itself where the caller is not, because the operation exists only in XLA.
@tf.function(jit_compile=True, autograph=False)
def barrier(*tensors: tf.Tensor) -> list[tf.Tensor]:
    """Returns the tensors, which for a compiler are new ones that depend on all arguments.

    What is computed from them is merged neither with what was computed from the arguments, nor
    with constants.
    """
    return gen_xla_ops.xla_optimization_barrier(input=list(tensors))


def recompute(
    function: Callable[..., Sequence[tf.Tensor]], seeds: Sequence[tf.Tensor | None]
) -> Callable[..., Sequence[tf.Tensor]]:
    """Makes a function that keeps only its arguments and runs again in the backward pass.

    `tf.recompute_grad` does the same without a barrier. A compiler then finds that both passes
    compute the same, and keeps the first one's results after all.

    Args:
        function: takes seeds and then tensors, to which and to the variables that it reads the
            gradients go; returns a sequence of tensors.
        seeds: dropout seeds for the function, None for no dropout.
    """

    @tf.custom_gradient
    def once(*arguments: tf.Tensor):
        def gradient(*upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()):
            drawn = [seed for seed in seeds if seed is not None]
            tied = iter(barrier(*arguments, *upstream, *drawn))
            again, gradients = ([next(tied) for _ in tensors] for tensors in (arguments, upstream))
            seeds_again = [None if seed is None else next(tied) for seed in seeds]
            with tf.GradientTape() as tape:
                tape.watch(again)
                results = function(seeds_again, *again)
            found = tape.gradient(results, [*again, *variables], output_gradients=gradients)
            return found[: len(again)], found[len(again) :]

        return function(seeds, *arguments), gradient

    return once
