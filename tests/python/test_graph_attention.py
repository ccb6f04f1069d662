"""The pass that finds attention in products and softmax."""

import re

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd, npx, sym
from plait import np as mnp

B, H, L, S, N = 2, 3, 5, 7, 4


def arrays_of(**shapes):
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=shape).astype("f") for name, shape in shapes.items()}


def run(symbol, arrays, wanted, **switches):
    inputs = [nd.array(arrays[name], dtype=arrays[name].dtype) for name in symbol.list_inputs()]
    for name, array in zip(symbol.list_inputs(), inputs, strict=True):
        if name in wanted:
            array.attach_grad()
    with mx.graph.switched(**switches):
        graph = sym.CachedGraph(symbol)
    with autograd.record():
        out = graph(*inputs)[0]
    out.backward(nd.array(np.random.default_rng(4).normal(size=out.shape)))
    values = [out.asnumpy(), *(a.grad.asnumpy() for a in inputs if a.grad is not None)]
    return [*values, graph(*inputs)[0].asnumpy()], graph.explain()


def changes(symbol, arrays, wanted=("q", "k", "v", "kv")):
    """How many patterns were found; results and gradients are compared with those without."""
    want, _ = run(symbol, arrays, wanted, fuse_attention=False)
    got, text = run(symbol, arrays, wanted)
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    train = text[text.index("train ") :].split("predict ")[0]
    count = int(re.search(r"fuse_attention: (\d+) changes", train)[1])
    assert ("softmax" in train) == (count == 0)
    return count


Q, K, V, M = (sym.Variable(name) for name in ("q", "k", "v", "m"))
THREE = arrays_of(q=(B * H, L, N), k=(B * H, S, N), v=(B * H, S, N))


def scores(**turn):
    return sym.batch_dot(Q, K, **{"transpose_b": True, **turn})


def mixed(weights, **turn):
    return sym.batch_dot(weights, V, **turn)


@pytest.mark.parametrize(
    "net",
    [
        mixed(sym.softmax(scores())),
        mixed(sym.softmax(scores() * 0.5)),
        mixed(sym.softmax(scores() / 2, axis=2)),
        mixed(sym.softmax(scores(), temperature=2.0)),
        mixed(sym.Dropout(sym.softmax(scores() * 0.5), p=0.0)),
        sym.Reshape(
            mixed(
                sym.Reshape(
                    sym.softmax(sym.Reshape(scores(), shape=(B, H, L, S))), shape=(-3, L, S)
                )
            ),
            shape=(B, H, L, N),
        ),
    ],
)
def test_products(net):
    assert changes(net, THREE) == 1


def test_turned_operands():
    arrays = arrays_of(q=(B * H, N, L), k=(B * H, N, S), v=(B * H, N, S))
    net = sym.batch_dot(sym.softmax(scores(transpose_a=True, transpose_b=False)), V, False, True)
    assert changes(net, arrays) == 1


@pytest.mark.parametrize("shape", [(S,), (L, S), (1, L, S), (B * H, L, S), (B * H, 1, S)])
def test_masks_of_three_axes(shape):
    net = mixed(sym.softmax(sym.broadcast_add(scores() * 0.5, M)))
    assert changes(net, {**THREE, **arrays_of(m=shape)}) == 1


@pytest.mark.parametrize("shape", [(B, 1, 1, S), (1, H, L, S), (B, H, L, 1)])
def test_masks_of_four_axes_behind_a_reshape(shape):
    four = sym.broadcast_add(sym.Reshape(scores(), shape=(B, H, L, S)), M)
    net = mixed(sym.softmax(sym.Reshape(four, shape=(-3, L, S))))
    assert changes(net, {**THREE, **arrays_of(m=shape)}) == 1


def test_a_mask_with_a_gradient_is_left_alone():
    net = mixed(sym.softmax(sym.broadcast_add(scores(), M)))
    arrays = {**THREE, **arrays_of(m=(L, S))}
    assert changes(net, arrays, ("q", "k", "v", "m")) == 0


def test_weights_that_are_shown_are_left_alone():
    weights = sym.softmax(scores())
    assert changes(sym.Group([mixed(weights), weights]), THREE) == 0


def test_lengths_of_softmax():
    length = sym.Variable("length")
    net = mixed(sym.softmax(scores() * 0.3, length, use_length=True))
    lengths = np.random.default_rng(5).integers(0, S + 1, (B * H, L)).astype("int32")
    assert changes(net, {**THREE, "length": lengths}) == 1


QKV = sym.Variable("q")
qk = sym.contrib.interleaved_matmul_selfatt_qk
valatt = sym.contrib.interleaved_matmul_selfatt_valatt
SELF = arrays_of(q=(S, B, H * 3 * N))


@pytest.mark.parametrize("mask", [None, (1, S, S), (B * H, 1, S), (B * H, S, S)])
def test_interleaved_self_attention(mask):
    weights = qk(QKV, heads=H)
    arrays = dict(SELF)
    if mask:
        weights, arrays["m"] = sym.broadcast_add(weights, M), arrays_of(m=mask)["m"]
    net = valatt(QKV, sym.softmax(weights, axis=-1), heads=H)
    assert changes(net, arrays) == 1


def test_interleaved_self_attention_with_lengths():
    length = sym.Variable("length")
    net = valatt(QKV, sym.softmax(qk(QKV, heads=H), length, use_length=True), heads=H)
    lengths = np.random.default_rng(5).integers(1, S + 1, (B * H, S)).astype("int32")
    assert changes(net, {**SELF, "length": lengths}) == 1


def test_interleaved_attention_to_another_sequence():
    kv = sym.Variable("kv")
    weights = sym.contrib.interleaved_matmul_encdec_qk(Q, kv, heads=H)
    net = sym.contrib.interleaved_matmul_encdec_valatt(kv, sym.softmax(weights * 0.9), heads=H)
    assert changes(net, arrays_of(q=(L, B, H * N), kv=(S, B, H * 2 * N))) == 1


class Masked(gluon.HybridBlock):
    def forward(self, q, k, v, mask):
        scores = mnp.matmul(q, mnp.swapaxes(k, 2, 3)) / 2
        return mnp.matmul(npx.masked_softmax(scores, mask, axis=-1), v)


def test_masked_softmax_of_npx():
    rng = np.random.default_rng(6)
    inputs = [mnp.array(rng.normal(size=(B, H, n, N)), dtype="float32") for n in (L, S, S)]
    mask = mnp.array(rng.random((B, 1, L, S)) > 0.3)
    mask[0, 0, 1] = False  # a query that sees nothing
    results = []
    for on in (False, True):
        net = Masked()
        net.hybridize()
        for a in inputs:
            a.attach_grad()
        with mx.graph.switched(fuse_attention=on), autograd.record():
            out = net(*inputs, mask)
        out.backward()
        results.append([out.asnumpy(), *(a.grad.asnumpy() for a in inputs)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    assert "fuse_attention: 1 changes" in net.explain()


def test_dropout_of_weights_is_left_alone_in_training_only():
    net = mixed(sym.Dropout(sym.softmax(scores()), p=0.5))
    inputs = [nd.array(THREE[n]) for n in net.list_inputs()]
    graph = sym.CachedGraph(net)
    graph(*inputs)
    assert "fuse_attention: 1 changes" in graph.explain()
    with autograd.train_mode():
        graph(*inputs)
    assert "fuse_attention: 0 changes" in graph.explain()
