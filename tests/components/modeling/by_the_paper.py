"""XLNet's two-stream attention once more, as the papers write it: one query and key at a time.

Slow and plain on purpose. It shares nothing with the model but the names of the weights, so that a
clone without golden data can test the model against something else. NumPy, float64.

Sources: Yang et al. 2019 (XLNet), sections 2.3 (two streams), 2.5 (memory) and 2.6 (segments);
Dai et al. 2019 (Transformer-XL), section 3.3 (relative positions).
"""

import math

import numpy as np


def encode(
    weights: dict[str, np.ndarray],
    content: np.ndarray,
    query: np.ndarray,
    segments: np.ndarray,
    may_see: np.ndarray,
    memories: np.ndarray,
    direction: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the content stream h and the query stream g of the last layer, each [T, d_model].

    Args:
        weights: by published name.
        content: [T, d_model], e(x_i): the embedded tokens.
        query: [T, d_model], w: the embedding of the mask, for every position.
        segments: int [T], the segment of each token; memory is segment 0.
        may_see: bool [T, T], whether j < i in the factorization order: token j is known at i.
        memories: [n_layer, M, d_model].
        direction: 1, or -1 for a text that runs backwards (section 2.5, bidirectional data).
    """
    h, g = content, query
    for layer, memory in enumerate(memories):
        keys = np.concatenate([memory, h])
        h, g = (
            np.stack(
                [
                    _layer(weights, layer, x, i, keys, segments, sees, direction)
                    for i, (x, sees) in enumerate(zip(stream, known, strict=True))
                ]
            )
            for stream, known in ((h, may_see | np.eye(len(h), dtype=bool)), (g, may_see))
        )
    return h, g


def _layer(weights, layer, x, i, keys, segments, sees, direction):
    """What becomes of the vector x at position i of a stream."""
    mem_len = len(keys) - len(segments)
    segments_of_keys = np.concatenate([np.zeros(mem_len, int), segments])
    seen = np.concatenate([np.ones(mem_len, bool), sees])
    name = f"model/transformer/layer_{layer}"
    w = {k: weights[f"{name}/rel_attn/{k}/kernel"] for k in "qkvro"}
    u, v, s = (weights[f"model/transformer/{b}_bias"][layer] for b in ("r_w", "r_r", "r_s"))
    same, different = weights["model/transformer/seg_embed"][layer]
    attended = np.zeros_like(x)
    for head in range(u.shape[0]):
        q, k, value, r = (w[part][:, head] for part in "qkvr")
        scores = np.full(len(keys), -np.inf)
        for j, key in enumerate(keys):
            if not seen[j]:
                continue
            distance = direction * (i - (j - mem_len))
            segment = same if segments[i] == segments_of_keys[j] else different
            scores[j] = (
                (x @ q + u[head]) @ (key @ k)
                + (x @ q + v[head]) @ (_encoding(distance, len(x)) @ r)
                + (x @ q + s[head]) @ segment[head]
            ) / math.sqrt(u.shape[1])
        share = np.exp(scores - scores.max())
        share /= share.sum()
        attended += w["o"][:, head] @ (share @ (keys @ value))
    x = _normalized(weights, f"{name}/rel_attn", x + attended)
    inner = x @ weights[f"{name}/ff/layer_1/kernel"] + weights[f"{name}/ff/layer_1/bias"]
    inner = np.array([0.5 * z * (1 + math.erf(z / math.sqrt(2))) for z in inner])
    outer = inner @ weights[f"{name}/ff/layer_2/kernel"] + weights[f"{name}/ff/layer_2/bias"]
    return _normalized(weights, f"{name}/ff", x + outer)


def _encoding(distance, d_model):
    angles = distance / 10000 ** (np.arange(0, d_model, 2) / d_model)
    return np.concatenate([np.sin(angles), np.cos(angles)])


def _normalized(weights, name, x):
    scaled = (x - x.mean()) / np.sqrt(x.var() + 1e-12)
    return scaled * weights[f"{name}/LayerNorm/gamma"] + weights[f"{name}/LayerNorm/beta"]
