"""Entries of core/ops/attention."""

import numpy as np
from harness import Spec, normal


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v, mask=None, scale=None, causal=False, has_mask=False):
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], 1) for x in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (scale or 1 / np.sqrt(q.shape[-1]))
    if has_mask:
        scores = scores + mask if mask.dtype.kind == "f" else np.where(mask, scores, -np.inf)
    if causal:
        n, m = scores.shape[-2:]
        scores = np.where(np.arange(m) <= np.arange(n)[:, None] + m - n, scores, -np.inf)
    hidden = np.isneginf(scores).all(-1, keepdims=True)
    return np.where(hidden, 0, softmax(np.where(hidden, 0, scores))) @ v


Q, K, V = normal(2, 4, 5, 3), normal(2, 2, 6, 3), normal(2, 2, 6, 2)
HIDES = (normal(2, 1, 5, 6) > -0.5).astype("int32")
HIDES[0, 0, 1] = 0
Spec(
    "scaled_dot_product_attention",
    attention,
    [
        ((Q, K, V), {}),
        ((Q, K, V), {"causal": True, "scale": 0.7}),
        ((Q, K, V, HIDES), {"has_mask": True}),
        ((Q, K, V, normal(4, 1, 6)), {"has_mask": True, "causal": True}),
    ],
    grad=(0, 1, 2),
    tolerance=(1e-4, 1e-5),
    raises=[
        ((Q, K, normal(2, 2, 5, 2)), {}, ValueError, "attention: value has shape"),
        ((Q, normal(2, 3, 6, 3), V), {}, ValueError, "value has shape"),
        ((Q, K, V, normal(3, 6)), {"has_mask": True}, ValueError, "mask has shape|not broadcast"),
    ],
)


def rotary(x, positions=None, base=10000.0, dim=None, interleaved=False, inverse=False, **_):
    dim = dim or x.shape[-1]
    t = np.arange(x.shape[-2]) if positions is None else positions
    angle = t[:, None] * base ** (-2 * np.arange(dim // 2) / dim) * (-1 if inverse else 1)
    out = x.copy()
    first, second = (
        (slice(0, dim, 2), slice(1, dim, 2))
        if interleaved
        else (slice(0, dim // 2), slice(dim // 2, dim))
    )
    a, b = x[..., first], x[..., second]
    out[..., first] = a * np.cos(angle) - b * np.sin(angle)
    out[..., second] = a * np.sin(angle) + b * np.cos(angle)
    return out


Spec(
    "rotary_embedding",
    rotary,
    [
        ((normal(2, 3, 4, 6),), {}),
        ((normal(3, 6),), {"dim": 4, "interleaved": True, "base": 100.0}),
        ((normal(2, 3, 4), np.array([5, 0, 7], "int32")), {"has_positions": True, "inverse": True}),
    ],
    grad=(0,),
    raises=[((normal(3, 5),), {}, ValueError, "rotary_embedding: dim is 5, must be even")],
)


def parts(x, heads, count):
    """(count, batch * heads, steps, n) of (steps, batch, heads * count * n)."""
    steps, batch, _ = x.shape
    x = x.reshape(steps, batch, heads, count, -1).transpose(3, 1, 2, 0, 4)
    return x.reshape(count, batch * heads, steps, -1)


def scores(q, k):
    return q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])


def results(attention, v, heads):
    y = (attention @ v).reshape(-1, heads, attention.shape[1], v.shape[2])
    return y.transpose(2, 0, 1, 3).reshape(attention.shape[1], -1, heads * v.shape[2])


QKV, HEADS = normal(5, 2, 2 * 3 * 3), {"heads": 2}
KV = normal(5, 2, 2 * 2 * 3)
Spec(
    "interleaved_matmul_selfatt_qk",
    lambda x, heads: scores(*parts(x, heads, 3)[:2]),
    [((QKV,), HEADS)],
    grad=(0,),
    raises=[((QKV,), {"heads": 4}, ValueError, "queries_keys_values has shape")],
)
Spec(
    "interleaved_matmul_selfatt_valatt",
    lambda x, a, heads: results(a, parts(x, heads, 3)[2], heads),
    [((QKV, normal(4, 5, 5)), HEADS)],
    grad=(0, 1),
    raises=[((QKV, normal(4, 5, 4)), HEADS, ValueError, "attention has shape")],
)
Spec(
    "interleaved_matmul_encdec_qk",
    lambda q, x, heads: scores(parts(q, heads, 1)[0], parts(x, heads, 2)[0]),
    [((normal(3, 2, 6), KV), HEADS)],
    grad=(0, 1),
    raises=[((normal(3, 1, 6), KV), HEADS, ValueError, "keys_values has shape")],
)
Spec(
    "interleaved_matmul_encdec_valatt",
    lambda x, a, heads: results(a, parts(x, heads, 2)[1], heads),
    [((KV, normal(4, 3, 5)), HEADS)],
    grad=(0, 1),
)


def interleaved(x, kv=None, mask=None, heads=1, two=False, scale=None, has_mask=False):
    if has_mask:
        kv, mask = (kv, mask) if two else (None, kv)
    q, k, v = (*parts(x, heads, 1), *parts(kv, heads, 2)) if two else parts(x, heads, 3)
    split = [p.reshape(-1, heads, *p.shape[1:]) for p in (q, k, v)]
    y = attention(*split, mask, scale, has_mask=has_mask)
    return y.transpose(2, 0, 1, 3).reshape(y.shape[2], y.shape[0], -1)


Spec(
    "interleaved_attention",
    interleaved,
    [
        ((QKV,), HEADS),
        ((QKV, normal(2, 1, 1, 5)), {"heads": 2, "has_mask": True, "scale": 0.3}),
        ((normal(3, 2, 6), KV), {"heads": 2, "two": True}),
        (
            (normal(3, 2, 6), KV, (normal(2, 3, 5) > -0.5).astype("int32")),
            {"heads": 2, "two": True, "has_mask": True},
        ),
    ],
    grad=(0,),
    tolerance=(1e-4, 1e-5),
    raises=[
        ((QKV,), {"heads": 4}, ValueError, "projections have shapes"),
        ((QKV,), {"heads": 0}, ValueError, r"heads is 0, must be in \[1, 2\^31\)"),
        ((QKV, normal(3, 5)), {"heads": 2, "has_mask": True}, ValueError, "mask has|not broadcast"),
    ],
)
Spec(
    "attention_mask",
    lambda m: m if m.dtype.kind == "f" else np.where(m == 0, -1e9, 0).astype("float32"),
    [((normal(2, 1, 3, 4),), {}), ((np.array([[0, 2, 1], [0, 0, -3]]),), {})],
    grad=(0,),
    samples_grad=1,
)
