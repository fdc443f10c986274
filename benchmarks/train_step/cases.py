"""The training steps that are compared: their shapes, their inputs, and the work that they need.

Every contestant imports this in its own environment, so it must not need more than NumPy.
"""

from __future__ import annotations

import dataclasses

import numpy as np

THREADS = 2
LEARNING_RATE = 1e-5
DROPOUT = 0.1
N_TOKEN, D_HEAD, NUM_CLASSES = 32_000, 64, 2


@dataclasses.dataclass(frozen=True)
class Case:
    """One training step, of XLNet-Base unless it says otherwise.

    Attributes:
        name: name of the case.
        batch_size: number of rows.
        seq_len: number of tokens per row.
        mem_len: number of tokens in the memory; 0 for no memory.
        reuse_len: number of tokens that go into the next memory.
        num_predict: number of predicted tokens per row; 0 for classification.
        gigaflop: multiplications and additions that forward and backward pass need at least, in
            billions; 0 where it was not counted.
        n_layer: number of layers.
        d_model: width; heads have a width of 64, and the feed-forward layer is four times as wide.
    """

    name: str
    batch_size: int
    seq_len: int
    mem_len: int
    reuse_len: int
    num_predict: int
    gigaflop: float = 0.0
    n_layer: int = 12
    d_model: int = 768

    @property
    def n_head(self) -> int:
        """Number of attention heads."""
        return self.d_model // D_HEAD

    @property
    def d_inner(self) -> int:
        """Width of the feed-forward layer."""
        return 4 * self.d_model


CASES = {
    case.name: case
    for case in (
        Case("classification", 8, 128, 0, 0, 0, 555),
        Case("pretraining", 8, 256, 192, 128, 42, 1573),
    )
}

# For accelerators: rows and tokens of XLNet-Large's recipes, and of its layers as many as tell.
LARGE_CASES = {
    case.name: case
    for case in (
        Case("classification", 6, 512, 0, 0, 0, n_layer=2, d_model=1024),
        Case("pretraining", 8, 512, 384, 256, 85, n_layer=2, d_model=1024),
    )
}


def make_inputs(case: Case, seed: int = 0) -> dict[str, np.ndarray]:
    """Makes random inputs by name, which are the same for all contestants."""
    rng = np.random.default_rng(seed)
    shape = (case.batch_size, case.seq_len)
    inputs = {
        "input_ids": rng.integers(9, N_TOKEN, shape).astype(np.int32),
        "segment_ids": np.repeat(
            (np.arange(case.seq_len) >= case.seq_len // 2)[None], case.batch_size, 0
        ).astype(np.int32),
        "input_mask": np.zeros(shape, np.float32),
        "label_ids": rng.integers(0, NUM_CLASSES, case.batch_size).astype(np.int32),
    }
    if not case.num_predict:
        # Half of the rows are padded, on the left as in real data.
        inputs["input_mask"][::2, : case.seq_len // 4] = 1
        return inputs
    positions = np.stack(
        [
            np.sort(rng.choice(case.seq_len, case.num_predict, replace=False))
            for _ in range(case.batch_size)
        ]
    ).astype(np.int32)
    order = np.argsort(rng.random(shape), -1)
    masked = np.zeros(shape, bool)
    np.put_along_axis(masked, positions, True, -1)
    # Token i does not see the masked token j if j comes at or after i in the order of prediction.
    rank = np.where(masked, order, -1)
    perm_mask = (rank[:, :, None] <= rank[:, None, :]) & masked[:, None, :]
    mapping = np.zeros((case.batch_size, case.num_predict, case.seq_len), np.float32)
    np.put_along_axis(mapping, positions[:, :, None], 1.0, -1)
    inputs.update(
        perm_mask=perm_mask.astype(np.float32),
        target_positions=positions,
        target_mapping=mapping,
        target=np.take_along_axis(inputs["input_ids"], positions, -1),
        target_mask=np.ones((case.batch_size, case.num_predict), np.float32),
        input_q=masked.astype(np.float32),
        mems=(
            0.1 * rng.standard_normal((case.n_layer, case.batch_size, case.mem_len, case.d_model))
        ).astype(np.float32),
    )
    return inputs
