"""The encoder against the papers' formulas; needs no golden data."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.config import ModelOptions
from components.modeling.encoder import XLNetEncoder
from tests.components.modeling.by_the_paper import encode

LENGTH, MEMORY = 7, 4


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("program", ["cpu", "accelerator"])
def test_both_streams_with_memory_segments_and_a_factorization_order(
    tiny_config, program, direction
):
    rng = np.random.default_rng(0)
    config = dataclasses.replace(tiny_config, ff_activation="gelu_erf")
    options = ModelOptions(
        dropout=0.0,
        dropout_att=0.0,
        compute_dtype="float64",
        mem_len=MEMORY,
        bi_data=True,
        program=program,
    )
    encoder = XLNetEncoder(config, options)
    weights = {}
    for variable in encoder.variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
        weights[variable.name.removesuffix(":0")] = variable.numpy()
    ids = rng.integers(0, config.n_token, LENGTH)
    segments = rng.integers(0, 2, LENGTH)
    order = rng.permutation(LENGTH)
    may_see = order[None, :] < order[:, None]
    memories = rng.normal(size=(config.n_layer, MEMORY, config.d_model))
    # The second half of a batch runs backwards: its distances have the other sign.
    rows = np.stack([ids, ids])
    row = 0 if direction == 1 else 1

    # The form for accelerators is one of training steps, which XLA compiles.
    is_step = program == "accelerator"
    run = tf.function(encoder, jit_compile=True, autograph=False) if is_step else encoder
    found = run(
        rows,
        segment_ids=np.stack([segments, segments]),
        perm_mask=np.stack([~may_see, ~may_see]).astype(np.float64),
        mems=np.stack([memories, memories], axis=1),
        input_q=np.ones((2, LENGTH)),
        training=is_step,
    )

    content = weights["model/transformer/word_embedding/lookup_table"][ids]
    mask = np.tile(weights["model/transformer/mask_emb/mask_emb"].ravel(), (LENGTH, 1))
    h, g = encode(weights, content, mask, segments, may_see, memories, direction)
    np.testing.assert_allclose(found.hidden[row], h, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.query_hidden[row], g, rtol=0, atol=1e-10)
