"""The pass that lets products and convolutions finish their results."""

import re

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd, sym


def run(symbol, arrays, train, **switches):
    """Outputs and gradients of `symbol` compiled with the switches; the compiler's text."""
    inputs = [nd.array(arrays[name]) for name in symbol.list_inputs()]
    for array in inputs:
        array.attach_grad()
    with mx.graph.switched(**switches):
        graph = sym.CachedGraph(symbol)
    if not train:
        return [o.asnumpy() for o in graph(*inputs)], graph.explain()
    with autograd.record():
        outs = graph(*inputs)
    autograd.backward(outs, [nd.ones(o.shape) * 0.5 for o in outs])
    return [o.asnumpy() for o in outs] + [a.grad.asnumpy() for a in inputs], graph.explain()


def both(symbol, arrays, train):
    """Checks that the pass keeps the results; returns the text with it."""
    want, _ = run(symbol, arrays, train, fuse_epilogue=False)
    got, text = run(symbol, arrays, train)
    for a, b in zip(want, got, strict=True):
        scale = max(1.0, float(np.abs(a).max()))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * scale)
    return text


def changes(text, part="forward"):
    return int(re.search(rf"fuse_epilogue \({part}\): (\d+) changes", text)[1])


STEPS = [
    sym.relu, sym.tanh, sym.sigmoid, lambda s: s * 1.5, lambda s: sym.clip(s, a_min=-1, a_max=0.8),
    *(lambda s, t=t: sym.Activation(s, act_type=t) for t in ("relu", "softrelu", "softsign")),
    *(lambda s, t=t: sym.LeakyReLU(s, act_type=t, slope=0.3) for t in ("leaky", "elu", "gelu")),
]  # fmt: skip


def random_network(rng, channels):
    """Layers and element-wise operators between them.

    With 0 channels layers of (1, 8) or (4, 8); else convolutions: of 16 channels with channels
    last, of 3 on a batch that fills vectors.
    """
    convolutions = channels > 0
    batch = 2 if channels == 16 else 16
    shape = (batch, channels, 5, 5) if convolutions else (int(rng.choice([1, 4])), 8)
    pool = [sym.Variable("x"), sym.Variable("y")]
    for i in range(int(rng.integers(2, 9))):
        value = pool[rng.integers(len(pool))]
        if convolutions:
            value = sym.Convolution(
                value, num_filter=channels, kernel=(3, 3), pad=(1, 1), name=f"layer{i}",
                no_bias=bool(rng.integers(2)),
            )  # fmt: skip
        elif rng.random() < 0.5:
            value = sym.FullyConnected(
                value, num_hidden=8, name=f"layer{i}", no_bias=bool(rng.integers(2)),
                flatten=bool(rng.integers(2)),
            )  # fmt: skip
        else:
            value = sym.dot(value, sym.Variable(f"layer{i}_weight"), transpose_b=True)
            if rng.random() < 0.5:
                value = sym.broadcast_add(value, sym.Variable(f"layer{i}_bias"))
        for _ in range(rng.integers(4)):
            if rng.random() < 0.3:
                value = value + pool[rng.integers(len(pool))]
            else:
                value = STEPS[rng.integers(len(STEPS))](value)
        pool.append(value)
    outputs = [pool[-1], *(pool[i] for i in rng.integers(2, len(pool), rng.integers(3)))]
    shapes = {"x": shape, "y": shape}
    for name in sym.Group(outputs).list_inputs():
        if name.endswith("weight"):
            shapes[name] = (channels, channels, 3, 3) if convolutions else (8, 8)
        elif name.endswith("bias"):
            shapes[name] = (shape[1],)
    return sym.Group(outputs), shapes


@pytest.mark.parametrize("channels", [0, 3, 16])
@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed, channels):
    rng = np.random.default_rng(seed)
    symbol, shapes = random_network(rng, channels)
    arrays = {n: rng.normal(size=shapes[n]).astype("f") * 0.4 for n in symbol.list_inputs()}
    for train in (False, True):
        both(symbol, arrays, train)


def dense(activation):
    x = sym.Variable("x")
    return activation(sym.FullyConnected(x, num_hidden=5, name="layer"))


ARRAYS = {
    "x": np.random.default_rng(0).normal(size=(3, 4)).astype("f"),
    "layer_weight": np.random.default_rng(1).normal(size=(5, 4)).astype("f"),
    "layer_bias": np.arange(5, dtype="f"),
}


def test_an_activation_is_one_step_with_its_layer():
    text = both(dense(sym.relu), ARRAYS, False)
    assert changes(text) == 1
    assert "forward: 1 steps" in text


def test_training_fuses_what_backward_takes_from_the_output():
    assert changes(both(dense(sym.tanh), ARRAYS, True)) == 1
    gelu = dense(lambda s: sym.LeakyReLU(s, act_type="gelu"))
    assert changes(both(gelu, ARRAYS, False)) == 1
    assert changes(both(gelu, ARRAYS, True)) == 0  # its gradient needs the input


def test_what_is_read_twice_is_not_fused():
    net = dense(lambda s: sym.Group([sym.relu(s), sym.tanh(s)]))
    assert changes(both(net, ARRAYS, False)) == 0


def test_a_residual_block_of_inference_is_two_steps():
    data = sym.Variable("data")
    value = data
    for i in range(2):
        value = sym.Convolution(value, num_filter=16, kernel=(3, 3), pad=(1, 1), name=f"c{i}")
        value = value + data if i else value
        value = sym.Activation(value, act_type="relu")
    shapes, _, _ = value.infer_shape(data=(1, 16, 6, 6))
    rng = np.random.default_rng(2)
    names = value.list_arguments()
    arrays = {n: rng.normal(size=s).astype("f") for n, s in zip(names, shapes, strict=True)}
    text = both(value, arrays, False)
    assert changes(text) == 3
    assert "forward: 4 steps" in text  # two changes of layout


@pytest.mark.parametrize("plus", [False, True])
def test_a_convolution_of_few_channels_finishes_its_results(plus):
    x = sym.Variable("x")
    y = sym.Convolution(x, num_filter=5, kernel=(3, 3), pad=(1, 1), name="c")
    y = sym.tanh(y + sym.Variable("more")) if plus else sym.tanh(y)
    rng = np.random.default_rng(4)
    shapes = {"x": (19, 3, 4, 6), "c_weight": (5, 3, 3, 3), "c_bias": (5,), "more": (19, 5, 4, 6)}
    arrays = {n: rng.normal(size=shapes[n]).astype("f") for n in y.list_inputs()}
    for train in (False, True):
        assert changes(both(y, arrays, train)) == 1 + plus


def test_other_dtypes_stay_as_they_are():
    graph = sym.CachedGraph(dense(sym.relu))
    inputs = [nd.array(ARRAYS[n], dtype="float64") for n in dense(sym.relu).list_inputs()]
    graph(*inputs)
    assert changes(graph.explain()) == 0


def test_gradients_of_two_products_are_summed_by_the_second():
    x = sym.Variable("x")
    net = sym.FullyConnected(x, num_hidden=5, name="a") + sym.FullyConnected(
        x, num_hidden=5, name="b"
    )
    arrays = {"x": ARRAYS["x"]}
    for name in "ab":
        arrays[f"{name}_weight"] = ARRAYS["layer_weight"]
        arrays[f"{name}_bias"] = ARRAYS["layer_bias"]
    text = both(net, arrays, True)
    assert changes(text) == 1
    assert changes(text, "backward") == 1


@pytest.mark.parametrize("inputs", [1, 3, 33, 784])
@pytest.mark.parametrize("outputs", [1, 4, 7, 130])
def test_one_row_times_a_matrix(inputs, outputs):
    rng = np.random.default_rng(inputs + outputs)
    x, w = rng.standard_normal((1, inputs)), rng.standard_normal((outputs, inputs))
    bias, more = rng.standard_normal(outputs), rng.standard_normal((1, outputs))
    arrays = {"data": x, "weight": w, "bias": bias, "more": more}
    arrays = {name: array.astype("float32") for name, array in arrays.items()}
    data, weight, b, plus = (sym.Variable(name) for name in arrays)
    y = sym.FullyConnected(data, weight, b, num_hidden=outputs)
    want = x @ w.T + bias
    steps = {
        y: want,
        sym.relu(y + plus): np.maximum(want + more, 0),
        sym.LeakyReLU(y * 0.5, slope=0.3) + plus: np.where(want > 0, 0.5, 0.15) * want + more,
        sym.clip(y, a_min=-1, a_max=0.8): want.clip(-1, 0.8),
        sym.tanh(y): np.tanh(want),
    }
    for symbol, value in steps.items():
        named = {name: arrays[name] for name in symbol.list_inputs()}
        got, _ = run(symbol, named, False)
        np.testing.assert_allclose(got[0], value, rtol=1e-5, atol=1e-5 * inputs**0.5)
