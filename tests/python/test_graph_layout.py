"""Passes that choose layouts: data with channels last, packed weights."""

import re

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd, sym

SHAPE = (2, 16, 6, 6)


def run(symbol, arrays, train, **switches):
    """Outputs, gradients and changed auxiliary states as numpy arrays; the compiler's text."""
    inputs = [nd.array(arrays[name]) for name in symbol.list_inputs()]
    aux = symbol.list_auxiliary_states()
    for name, array in zip(symbol.list_inputs(), inputs, strict=True):
        if name not in aux:
            array.attach_grad()
    with mx.graph.switched(**switches):
        graph = sym.CachedGraph(symbol)
    with autograd.record(train_mode=train):
        outs = graph(*inputs)
    weights = [np.random.default_rng(i).normal(size=o.shape) for i, o in enumerate(outs)]
    autograd.backward(outs, [nd.array(w) for w in weights])
    values = [o.asnumpy() for o in outs]
    values += [a.grad.asnumpy() if a.grad is not None else a.asnumpy() for a in inputs]
    with autograd.pause():
        for _ in range(2):
            values += [o.asnumpy() for o in graph(*inputs)]
    return values, graph.explain()


def convolution(data, name, rng, filters=16):
    kernel = int(rng.choice([1, 3]))
    return sym.Convolution(
        data, num_filter=filters, kernel=(kernel, kernel), pad=(kernel // 2,) * 2, name=name,
        num_group=int(rng.choice([1, 1, 2])), no_bias=bool(rng.random() < 0.5),
    )  # fmt: skip


def random_network(rng, size):
    """About `size` layers on images of SHAPE, whose results have SHAPE again."""
    data, bias = sym.Variable("data"), sym.Variable("bias")
    layers = [
        lambda x, n: sym.BatchNorm(x, fix_gamma=False, name=n),
        lambda x, n: sym.Activation(x, act_type="tanh"),
        lambda x, n: sym.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="max"),
        lambda x, n: sym.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="avg"),
        lambda x, n: sym.broadcast_add(x, bias),
        lambda x, n: sym.broadcast_mul(x, sym.mean(x, axis=(2, 3), keepdims=True)),
        lambda x, n: sym.broadcast_sub(x, sym.mean(x, axis=1, keepdims=True)),
        lambda x, n: sym.broadcast_mul(x, sym.Pooling(x, global_pool=True, pool_type="avg")),
        lambda x, n: sym.transpose(x, axes=(0, 1, 3, 2)),
        lambda x, n: sym.clip(x * 0.9 - 0.1, a_min=-2, a_max=2),
        lambda x, n: sym.slice_axis(sym.concat(x, x * 0.5, dim=1), axis=1, begin=8, end=24),
    ]
    pool = [data, convolution(data, "first", rng)]
    for i in range(size):
        x = pool[rng.integers(len(pool))]
        if rng.random() < 0.35:
            pool.append(convolution(x, f"conv{i}", rng))
        elif rng.random() < 0.25:
            pool.append(x + pool[rng.integers(len(pool))])
        else:
            pool.append(layers[rng.integers(len(layers))](x, f"layer{i}"))
    ends = [pool[-1], sym.FullyConnected(pool[-1], num_hidden=3, name="end")]
    return sym.Group([*ends, pool[rng.integers(1, len(pool))]])


def arrays_for(symbol, rng):
    args, _, aux = symbol.infer_shape(data=SHAPE, bias=(1, 16, 1, 1)) if (
        "bias" in symbol.list_arguments()
    ) else symbol.infer_shape(data=SHAPE)  # fmt: skip
    shapes = dict(zip(symbol.list_arguments(), args, strict=True))
    shapes.update(zip(symbol.list_auxiliary_states(), aux, strict=True))
    return {
        n: (rng.uniform(0.5, 1.5, s) if n.endswith("var") else rng.normal(size=s) * 0.3).astype("f")
        for n, s in shapes.items()
    }


@pytest.mark.parametrize("seed", range(16))
def test_layout_keeps_results(seed):
    rng = np.random.default_rng(seed)
    symbol = random_network(rng, int(rng.integers(2, 14)))
    arrays = arrays_for(symbol, rng)
    train = bool(seed % 2)
    want, text = run(symbol, arrays, train, channels_last=False, pack_weights=False)
    assert "channels_last: off" in text
    for recompute in (False, True):
        got, text = run(symbol, arrays, train, recompute=recompute)
        assert re.search(r"channels_last: [1-9]", text)
        for a, b in zip(want, got, strict=True):
            scale = max(1.0, float(np.abs(a).max()))
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4 * scale)


def block():
    data = sym.Variable("data")
    x = data
    for i in range(2):
        x = sym.Convolution(x, num_filter=16, kernel=(3, 3), pad=(1, 1), no_bias=True, name=f"c{i}")
        x = sym.Activation(sym.BatchNorm(x, name=f"b{i}"), act_type="relu")
    x = sym.Activation(x + data, act_type="relu")
    return sym.FullyConnected(sym.Pooling(x, global_pool=True, pool_type="avg"), num_hidden=4)


def test_a_block_changes_layout_at_its_ends_only():
    symbol = block()
    _, text = run(symbol, arrays_for(symbol, np.random.default_rng(0)), True)
    train = text[text.index("train ") :].split("predict")[0]
    assert train.count("channels_last ") == 1  # of data, which forward and backward share
    assert train.count("channels_first ") == 1  # of the gradient of data


def test_weights_are_packed_once_and_again_when_they_change():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(16, 3, padding=1, in_channels=16), gluon.nn.BatchNorm(in_channels=16))
    net.initialize()
    net.hybridize()
    x = nd.random.normal(shape=SHAPE)
    first = net(x).asnumpy()
    np.testing.assert_array_equal(net(x).asnumpy(), first)
    net[0].weight.set_data(net[0].weight.data() * 2)
    np.testing.assert_allclose(net(x).asnumpy(), first * 2, rtol=1e-5, atol=1e-6)
    assert "convolution_pack" in net.explain()


def test_float64_stays_as_it_is():
    symbol = sym.Convolution(sym.Variable("x"), num_filter=16, kernel=(1, 1), name="c")
    arrays = [nd.ones(s, dtype="float64") for s in (SHAPE, (16, 16, 1, 1), (16,))]
    graph = sym.CachedGraph(symbol)
    np.testing.assert_array_equal(graph(*arrays)[0].asnumpy(), np.full(SHAPE, 17.0))
    assert "channels_last: 0 changes" in graph.explain()


def inception():
    """Branches as those of Inception v3: long kernels, pooling with padding, concat, strides."""
    data = sym.Variable("data")

    def layer(x, name, kernel, pad=(0, 0), stride=(1, 1)):
        x = sym.Convolution(
            x, num_filter=16, kernel=kernel, pad=pad, stride=stride, no_bias=True, name=name
        )
        return sym.Activation(sym.BatchNorm(x, eps=1e-3, name=name + "_norm"), act_type="relu")

    def pool(x, kind, **kw):
        return sym.Pooling(x, kernel=(3, 3), pool_type=kind, **kw)

    long = layer(layer(data, "a", (1, 7), (0, 3)), "b", (7, 1), (3, 0))
    mean = layer(pool(data, "avg", pad=(1, 1), stride=(1, 1)), "c", (1, 1))
    inner = pool(data, "avg", pad=(1, 1), stride=(1, 1), count_include_pad=False)
    x = sym.concat(long, mean, inner, layer(data, "d", (1, 1)), dim=1)
    halves = [layer(x, "e", (3, 3), stride=(2, 2)), pool(x, "max", stride=(2, 2))]
    halves.append(pool(x, "avg", stride=(2, 2), pooling_convention="full"))
    halves[2] = sym.slice_axis(
        sym.slice_axis(halves[2], axis=2, begin=0, end=3), axis=3, begin=0, end=3
    )
    x = sym.concat(*halves, dim=1)
    return sym.FullyConnected(pool(x, "avg", global_pool=True), num_hidden=5, name="end")


@pytest.mark.parametrize("train", [False, True])
def test_branches_of_inception(train):
    """With fixed statistics, where rounding does not grow, both layouts agree closely."""
    symbol, rng = inception(), np.random.default_rng(1)
    args, _, aux = symbol.infer_shape(data=(4, 16, 8, 8))
    shapes = dict(zip(symbol.list_arguments(), args, strict=True))
    shapes.update(zip(symbol.list_auxiliary_states(), aux, strict=True))
    arrays = {
        n: (rng.uniform(0.5, 1.5, s) if n.endswith("var") else rng.normal(size=s)).astype("f")
        for n, s in shapes.items()
    }
    want, _ = run(symbol, arrays, train, channels_last=False)
    got, _ = run(symbol, arrays, train)
    bound = 1e-4 if train else 1e-5
    for a, b in zip(want, got, strict=True):
        assert np.linalg.norm(a - b) <= bound * max(1.0, float(np.linalg.norm(a)))


@pytest.mark.parametrize("after", ["nothing", "relu", "sum"])
@pytest.mark.parametrize(
    "shape", [(1, 32, 14, 14), (2, 48, 11, 9), (1, 64, 28, 27), (1, 128, 20, 7), (3, 32, 5, 64)]
)
@pytest.mark.parametrize("pad", [0, 1, 2])
def test_convolutions_with_fewer_products(shape, pad, after):
    rng = np.random.default_rng(pad)
    x = sym.Variable("x")
    y = sym.Convolution(x, num_filter=64, kernel=(3, 3), pad=(pad, pad), name="c")
    if after == "sum":
        y = sym.relu(y + sym.Variable("more"))
    elif after == "relu":
        y = sym.relu(y)
    result = (shape[0], 64, *(n + 2 * pad - 2 for n in shape[2:]))
    known = {"x": shape, "more": result} if after == "sum" else {"x": shape}
    shapes = dict(zip(y.list_arguments(), y.infer_shape(**known)[0], strict=True))
    arrays = {n: nd.array(rng.normal(size=s)) for n, s in shapes.items()}
    results = []
    for packed in (False, True):
        with mx.graph.switched(pack_weights=packed):
            graph = sym.CachedGraph(y)
        inputs = [arrays[n] for n in y.list_inputs()]
        results.append(graph(*inputs)[0].asnumpy())
    assert "pack_weights: 1 changes" in graph.explain()
    scale = np.abs(results[0]).max()
    np.testing.assert_allclose(*results, rtol=1e-4, atol=3e-6 * scale)
