"""Converters of products of attention on projections that lie interleaved."""

import math

from .converters import converts


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
