"""Converters of rotary embeddings, and of attention on projections that lie interleaved."""

import math

import numpy as np

from .converters import converts, refuse


def _part(w, x, heads, parts, part):
    """Part of (steps, batch, heads * parts * n) as (batch * heads, steps, n)."""
    steps, _, width = x.shape
    n = width // (heads * parts)
    value = w.add("Reshape", [x, w.ints(0, 0, heads, parts, n)])
    value = w.add("Gather", [value, w.constant(part)], axis=3)
    value = w.add("Transpose", [value], perm=[1, 2, 0, 3])
    return w.add("Reshape", [value, w.ints(-1, steps, n)]), n


def _scores(w, node, query, key, n):
    scaled = w.add("Mul", [query, w.scalar(1 / math.sqrt(n), node.inputs[0])])
    turned = w.add("Transpose", [key], perm=[0, 2, 1])
    w.add("MatMul", [scaled, turned], node.outputs[0])


def _results(w, node, weights, value, heads, n):
    """(batch * heads, queries, n) as (queries, batch, heads * n)."""
    queries = node.outputs[0].shape[0]
    made = w.add("MatMul", [weights, value])
    made = w.add("Reshape", [made, w.ints(-1, heads, queries, n)])
    made = w.add("Transpose", [made], perm=[2, 0, 1, 3])
    w.add("Reshape", [made, w.ints(0, 0, heads * n)], node.outputs[0])


@converts("interleaved_matmul_selfatt_qk")
def _(w, node):
    [x], heads = node.inputs, node["heads"]
    query, n = _part(w, x, heads, 3, 0)
    _scores(w, node, query, _part(w, x, heads, 3, 1)[0], n)


@converts("interleaved_matmul_selfatt_valatt")
def _(w, node):
    x, weights = node.inputs
    value, n = _part(w, x, node["heads"], 3, 2)
    _results(w, node, weights, value, node["heads"], n)


@converts("interleaved_matmul_encdec_qk")
def _(w, node):
    queries, both = node.inputs
    query, n = _part(w, queries, node["heads"], 1, 0)
    _scores(w, node, query, _part(w, both, node["heads"], 2, 0)[0], n)


@converts("interleaved_matmul_encdec_valatt")
def _(w, node):
    both, weights = node.inputs
    value, n = _part(w, both, node["heads"], 2, 1)
    _results(w, node, weights, value, node["heads"], n)


@converts("div_sqrt_dim")
def _(w, node):
    [x] = node.inputs
    w.add("Div", [x, w.scalar(math.sqrt(x.shape[-1]), x)], node.outputs[0])


def _angles(w, node):
    """Angles (steps, pairs) of a rotary embedding, in the type of the data."""
    x = node.inputs[0]
    half = (x.shape[-1] if node["dim"] is None else node["dim"]) // 2
    speeds = node["base"] ** (-np.arange(half) / half)
    if node["has_positions"]:
        places = w.add("Unsqueeze", [w.cast(node.inputs[1], x.dtype), w.ints(1)])
        return w.add("Mul", [places, w.constant(speeds, x.dtype)]), half
    if x.shape[-2] is None:
        refuse(node, "a number of steps that changes")
    return w.constant(np.arange(x.shape[-2])[:, None] * speeds, x.dtype), half


@converts("rotary_embedding")
def _(w, node):
    x, out = node.inputs[0], node.outputs[0]
    angles, half = _angles(w, node)
    cosine, sine = w.add("Cos", [angles]), w.add("Sin", [angles])
    if node["inverse"]:
        sine = w.add("Neg", [sine])
    rest = x.shape[-1] - 2 * half
    parts = [w.fresh("part") for _ in range(2 if rest else 1)]
    w.add("Split", [x, w.ints(2 * half, *[rest] * bool(rest))], parts, axis=-1)
    first, second = w.fresh("part"), w.fresh("part")
    if node["interleaved"]:
        pairs = w.add("Reshape", [parts[0], w.ints(*[0] * (x.ndim - 1), half, 2)])
        first, second = (w.add("Gather", [pairs, w.constant(i)], axis=-1) for i in range(2))
    else:
        w.add("Split", [parts[0], w.ints(half, half)], [first, second], axis=-1)
    turned = [
        w.add("Sub", [w.add("Mul", [first, cosine]), w.add("Mul", [second, sine])]),
        w.add("Add", [w.add("Mul", [second, cosine]), w.add("Mul", [first, sine])]),
    ]
    if node["interleaved"]:
        turned = [w.add("Unsqueeze", [part, w.ints(-1)]) for part in turned]
    made = w.add("Concat", turned, axis=-1)
    if node["interleaved"]:
        made = w.add("Reshape", [made, w.ints(*[0] * (x.ndim - 1), 2 * half)])
    w.add("Concat", [made, *parts[1:]], out, axis=-1)
