"""Layers whose weights the graph compiler packs at inference, against the same graph without that."""

import numpy as np
import pytest

import plait as mx
from plait import nd, sym


def both(symbol, rng, **known):
    """Outputs without and with the passes that choose layouts; the text of the second graph."""
    shapes = dict(zip(symbol.list_arguments(), symbol.infer_shape(**known)[0], strict=True))
    aux = dict(zip(symbol.list_auxiliary_states(), symbol.infer_shape(**known)[2], strict=True))
    arrays = {n: nd.array(rng.normal(size=s)) for n, s in shapes.items()}
    arrays |= {n: nd.array(rng.uniform(0.5, 1.5, size=s)) for n, s in aux.items()}
    results = []
    for on in (False, True):
        with mx.graph.switched(pack_weights=on, channels_last=on, fold_batch_norm=on):
            graph = sym.CachedGraph(symbol)
        inputs = [arrays[n] for n in symbol.list_inputs()]
        graph(*inputs)
        results.append(graph(*inputs)[0].asnumpy())
    return (*results, graph.explain())


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max())


@pytest.mark.parametrize("kernel, stride", [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1)])
@pytest.mark.parametrize("shape", [(1, 48, 7, 7), (2, 29, 14, 15), (1, 24, 5, 40)])
def test_a_filter_for_each_channel(shape, kernel, stride):
    x = sym.Variable("x")
    y = sym.Convolution(
        x, num_filter=shape[1], num_group=shape[1], kernel=(kernel,) * 2, stride=(stride,) * 2,
        pad=(kernel // 2,) * 2, name="c",
    )  # fmt: skip
    y = sym.clip(sym.BatchNorm(y, fix_gamma=False, name="b"), a_min=0, a_max=6)
    want, got, text = both(y, np.random.default_rng(kernel), x=shape)
    close(want, got)
    assert "pack_weights: 1 changes" in text


@pytest.mark.parametrize("after", ["nothing", "norm", "sum"])
@pytest.mark.parametrize(
    "shape, attrs",
    [
        ((2, 12, 6, 5), dict(kernel=(2, 2), stride=(2, 2))),
        ((1, 8, 9, 7), dict(kernel=(4, 4), stride=(2, 2), pad=(1, 1))),
        ((1, 20, 1, 1), dict(kernel=(4, 4))),
        ((2, 6, 30), dict(kernel=(16,), stride=(8,), pad=(4,))),
    ],
)
def test_deconvolution(shape, attrs, after):
    x = sym.Variable("x")
    y = sym.Deconvolution(x, num_filter=24, no_bias=after == "norm", name="d", **attrs)
    if after == "norm":
        y = sym.relu(sym.BatchNorm(y, fix_gamma=False, name="b"))
    if after == "sum":
        y = sym.tanh(y + y * 0.5)
    want, got, text = both(y, np.random.default_rng(1), x=shape)
    close(want, got)
    assert "deconvolution_last" in text and "deconvolution_pack" in text


@pytest.mark.parametrize("rows", [1, 2, 33])
@pytest.mark.parametrize("kind", ["layer", "flat", "matrix", "dot"])
def test_products(kind, rows):
    x, w = sym.Variable("x"), sym.Variable("w")
    if kind == "layer":
        y, known = sym.FullyConnected(x, num_hidden=70, flatten=False), dict(x=(rows, 3, 80))
    elif kind == "flat":
        y, known = sym.FullyConnected(x, num_hidden=70, no_bias=True), dict(x=(rows, 5, 4, 4))
    elif kind == "matrix":
        y, known = sym.np.matmul(x, w), dict(x=(2, rows, 80), w=(80, 60))
    else:
        y, known = sym.dot(x, w, transpose_b=True), dict(x=(rows, 80), w=(60, 80))
    y = sym.relu(y + 0.5 * y)
    want, got, text = both(y, np.random.default_rng(2), **known)
    close(want, got)
    assert ("product_pack" in text) == (rows > 1 or kind in ("layer", "matrix"))


def test_products_follow_their_weights():
    net = mx.gluon.nn.Dense(64, in_units=80, activation="relu")
    net.initialize()
    net.hybridize()
    x = nd.random.normal(shape=(4, 80))
    first = net(x).asnumpy()
    net.weight.set_data(net.weight.data() * 2)
    np.testing.assert_allclose(net(x).asnumpy(), first * 2, rtol=1e-5, atol=1e-6)
    assert "product_pack" in net.explain()


@pytest.mark.parametrize("steps, batch", [(1, 1), (9, 1), (1, 4), (7, 3)])
@pytest.mark.parametrize("mode", ["lstm", "gru", "rnn_relu"])
def test_recurrent_layers(mode, steps, batch):
    x, names = sym.Variable("x"), ["p", "h", "c"]
    inputs = [sym.Variable(n) for n in names[: 3 if mode == "lstm" else 2]]
    y = sym.RNN(x, *inputs, mode=mode, state_size=20, num_layers=2, bidirectional=True)
    want, got, text = both(y * 1.0, np.random.default_rng(3), x=(steps, batch, 24))
    close(want, got)
    assert ("rnn_packed" in text) == (steps * batch > 1)


@pytest.mark.parametrize("filters", [1, 4, 7])
@pytest.mark.parametrize("shape, kernel", [((2, 20, 9, 30), (3, 3)), ((1, 8, 1500), (7,))])
def test_convolutions_to_few_channels(shape, kernel, filters):
    pad = tuple(k // 2 for k in kernel)
    x = sym.Convolution(sym.Variable("x"), num_filter=16, kernel=kernel, pad=pad, name="a")
    y = sym.tanh(sym.Convolution(x, num_filter=filters, kernel=kernel, pad=pad, name="c"))
    want, got, text = both(y, np.random.default_rng(4), x=shape)
    close(want, got)
    assert "pack_weights: 2 changes" in text and "channels_last: 3 changes" in text


@pytest.mark.parametrize("gate", ["sigmoid", "hard_sigmoid"])
def test_gates_join_the_convolution(gate):
    x = sym.Convolution(sym.Variable("x"), num_filter=16, kernel=(3, 3), name="a")
    y = x * getattr(sym, gate)(x)
    want, got, text = both(y + 1.0, np.random.default_rng(5), x=(1, 16, 9, 9))
    close(want, got)
    assert "fuse_epilogue (forward): 2 changes" in text


@pytest.mark.parametrize("corners", [False, True])
def test_images_keep_their_layout(corners):
    x = sym.Convolution(sym.Variable("x"), num_filter=16, kernel=(3, 3), name="a")
    x = sym.contrib.BilinearResize2D(x, height=11, width=5, align_corners=corners)
    for axis in (2, 3):
        x = sym.take(x, sym.Variable("places"), axis=axis)
    y = sym.Convolution(x, num_filter=16, kernel=(1, 1), name="b")
    shapes = dict(
        zip(y.list_arguments(), y.infer_shape(x=(2, 3, 9, 8), places=(4,))[0], strict=True)
    )
    rng = np.random.default_rng(6)
    arrays = {n: nd.array(rng.normal(size=s)) for n, s in shapes.items()}
    arrays["places"] = nd.array([0, 0, 3, 4])
    results = []
    for on in (False, True):
        with mx.graph.switched(channels_last=on):
            graph = sym.CachedGraph(y)
        results.append(graph(*(arrays[n] for n in y.list_inputs()))[0].asnumpy())
    close(*results)
    assert "bilinear_resize_last" in graph.explain()
    assert graph.explain().count("    channels_first ") == 1


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("channels, filters, size", [(96, 576, 14), (20, 24, 5), (160, 96, 7)])
def test_whole_numbers_are_summed_exactly(channels, filters, size, dtype):
    rng, info = np.random.default_rng(7), np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (1, size, size, channels)).astype(dtype)
    w = rng.integers(-127, 128, (filters, channels, 1, 1)).astype("int8")
    scale, bias = np.full(filters, 2.0**-13, "f"), rng.integers(-20, 20, filters).astype("f")
    sums = x.astype(float) @ w[:, :, 0, 0].T.astype(float)
    want = np.clip(np.rint(sums * scale + bias), -128, 127)
    y = sym.contrib.int8_convolution(
        *map(sym.Variable, "xwsb"), kernel=(1, 1), num_filter=filters, name="c"
    )
    given = [nd.array(a, dtype=a.dtype) for a in (x, w, scale, bias)]
    for on in (False, True):
        with mx.graph.switched(pack_weights=on):
            got = sym.CachedGraph(y)(*given)[0].asnumpy()
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("groups", [2, 3])
def test_shuffled_channels_stay_last(groups):
    x = sym.Convolution(sym.Variable("x"), num_filter=12, kernel=(3, 3), name="a")
    x = sym.reshape(x, shape=(2, groups, 12 // groups, 7, 6))
    x = sym.reshape(sym.transpose(x, axes=(0, 2, 1, 3, 4)), shape=(2, 12, 7, 6))
    y = sym.Convolution(x, num_filter=16, kernel=(1, 1), name="b")
    want, got, text = both(y, np.random.default_rng(8), x=(2, 3, 9, 8))
    close(want, got)
    assert text.count("    channels_first ") == 1
