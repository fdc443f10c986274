"""What a TPU's compiler gets of the training step for accelerators, in XLA's input."""

import collections
import math
import re

import numpy as np
import pytest
import tensorflow as tf

from components.modeling.angles import Frequencies
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.losses import language_model_loss
from components.modeling.pretraining import PretrainingModel

_BATCH, _LEN, _MEM, _PREDICTED, _LAYERS = 4, 96, 32, 8, 2
_CONFIG = XLNetConfig(
    n_token=300,
    n_layer=_LAYERS,
    d_model=64,
    n_head=2,
    d_head=32,
    d_inner=160,
    ff_activation="gelu",
    untie_r=True,
)
# Of a tuple, only the operation is of interest.
_INSTRUCTION = re.compile(
    r"^\s+(?:ROOT )?\S+ = (?:\(.*?\)|(\w+)\[([\d,]*)\]\S*) ([a-z-]+)\(", re.MULTILINE
)


@pytest.mark.parametrize(("distance", "number"), [(128, 128), (512, 256), (896, 384)])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-9)])
def test_few_frequencies_make_up_the_published_ones(distance, number, dtype, bound):
    d_model = 1024
    frequencies = Frequencies.reaching(distance)
    assert frequencies.number == number
    distances = np.arange(distance)
    published = np.outer(10000.0 ** (-np.arange(d_model // 2) / (d_model // 2)), distances)
    sines, cosines = frequencies.angles(tf.constant(distances, tf.int32), tf.as_dtype(dtype))
    of_sines, of_cosines = frequencies.weights(d_model, tf.as_dtype(dtype))
    np.testing.assert_allclose(of_sines @ tf.transpose(sines), np.sin(published), atol=bound)
    np.testing.assert_allclose(of_cosines @ tf.transpose(cosines), np.cos(published), atol=bound)


def _lowered(program: str, *, rematerialize: bool = False) -> list[tuple[str, tuple, str]]:
    """Dtype, shape and name of each operation of a pretraining step's gradients."""
    options = ModelOptions(
        mem_len=_MEM,
        reuse_len=_LEN // 2,
        bi_data=True,
        compute_dtype="bfloat16",
        program=program,
        rematerialize=rematerialize,
        embedding_lookup="gather",
    )
    model = PretrainingModel(_CONFIG, options)
    variables = model.trainable_variables

    @tf.function(jit_compile=True, autograph=False)
    def step(features, seed):
        with tf.GradientTape() as tape:
            outputs = model(features, training=True, dropout_seed=seed)
            loss = tf.reduce_mean(language_model_loss(outputs["logits"], features["target"]))
        return tape.gradient(loss, variables)

    features = {
        "input_k": tf.zeros([_BATCH, _LEN], tf.int32),
        "seg_id": tf.zeros([_BATCH, _LEN], tf.int32),
        "perm_mask": tf.zeros([_BATCH, _LEN, _LEN]),
        "target_positions": tf.zeros([_BATCH, _PREDICTED], tf.int32),
        "target": tf.zeros([_BATCH, _PREDICTED], tf.int32),
        "mems": tf.zeros([_CONFIG.n_layer, _BATCH, _MEM, _CONFIG.d_model], tf.bfloat16),
    }
    text = step.experimental_get_compiler_ir(features, tf.constant([1, 2]))(stage="hlo")
    return [
        (dtype, tuple(int(size) for size in shape.split(",") if size), name)
        for dtype, shape, name in _INSTRUCTION.findall(text)
    ]


@pytest.fixture(scope="module")
def accelerator() -> list[tuple[str, tuple, str]]:
    return _lowered("accelerator")


@pytest.fixture(scope="module")
def cpu() -> list[tuple[str, tuple, str]]:
    return _lowered("cpu")


def test_no_constant_is_larger_than_an_axis(accelerator, cpu):
    def largest(operations):
        return max(math.prod(shape) for _, shape, name in operations if name == "constant")

    # Frequencies are the longest axis of which numbers are needed one by one.
    assert largest(accelerator) <= max(_LEN + _MEM, 128)
    # The positions' encodings: what the other form has, to see that the count counts.
    assert largest(cpu) >= 2 * (2 * _LEN + _MEM - 1) * _CONFIG.d_model


def test_products_are_of_bfloat16(accelerator, cpu):
    dtypes = {dtype for dtype, _, name in accelerator if name == "dot"}
    assert dtypes == {"bf16"}
    # Sums of rows, of layer normalisation among others, are float32 products on a CPU.
    assert "f32" in {dtype for dtype, _, name in cpu if name == "dot"}


def test_only_embeddings_are_gathered_and_nothing_is_scattered(accelerator, cpu):
    """A TPU runs other gathers, such as those of scores, as loops."""
    names = collections.Counter(name for _, _, name in accelerator)
    assert (names["gather"], names["scatter"], names["while"]) == (1, 0, 0)
    assert sum(name == "gather" for _, _, name in cpu) > 2 * _LAYERS


def test_rematerialisation_repeats_every_product_behind_a_barrier(accelerator):
    again = _lowered("accelerator", rematerialize=True)
    # Of a layer's forward pass: queries (2 streams), keys and values, the kernel of positions
    # (sines, cosines); for each stream components (sines, cosines), position scores, content
    # scores, weighted sum, output, and two of the feed-forward layer.
    products = 2 + 2 + 2 + 2 * (2 + 3 + 1 + 2)
    counts = [
        collections.Counter(name for _, _, name in operations)
        for operations in (accelerator, again)
    ]
    assert counts[1]["dot"] - counts[0]["dot"] == (_LAYERS - 1) * products
    assert counts[1]["opt-barrier"] - counts[0]["opt-barrier"] == _LAYERS - 1
