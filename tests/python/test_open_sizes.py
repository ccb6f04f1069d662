"""Sizes of 0 in symbols: they follow from the operators that read the array."""

import json

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd, sym


@pytest.fixture
def rng(seed):
    return np.random.default_rng(seed)


def evaluate(symbol, **arrays):
    out = symbol.eval(**{name: nd.array(value) for name, value in arrays.items()})
    return out[0].asnumpy()


@pytest.mark.parametrize("batch", [1, 3])
def test_state_of_a_product(batch, rng):
    x, state = sym.Variable("x"), sym.zeros(shape=(0, 4))
    h = sym.FullyConnected(state, num_hidden=5, name="h")
    out = sym.tanh(sym.FullyConnected(x, num_hidden=5, name="i") + h)
    arguments, outputs, _ = out.infer_shape(x=(batch, 7))
    shapes = dict(zip(out.list_arguments(), arguments, strict=True))
    assert shapes["h_weight"] == (5, 4) and outputs == [(batch, 5)]
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    want = np.tanh(values["x"] @ values["i_weight"].T + values["i_bias"] + values["h_bias"])
    np.testing.assert_allclose(evaluate(out, **values), want, rtol=1e-5, atol=1e-6)


CASES = {
    "where": lambda x, z: sym.where(x > 0, x, z),
    "concat": lambda x, z: sym.concat(z, x, z, dim=1),
    "stack": lambda x, z: sym.stack(x, z),
    "through a reshape": lambda x, z: (
        x + sym.reshape(sym.reshape(z, shape=(-1, 2, 2)), shape=(-1, 4))
    ),
    "through a transpose": lambda x, z: sym.transpose(z) + sym.transpose(x),
    "batch_dot": lambda x, z: sym.batch_dot(sym.expand_dims(z, axis=1), sym.expand_dims(x, axis=2)),
    "twice": lambda x, z: sym.concat(z * 2, sym.ones((0, 4)) + z, x, dim=1),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, 4, 6])
def test_as_with_the_size(case, batch, rng):
    x = rng.normal(size=(batch, 4)).astype("float32")
    open_size = CASES[case](sym.Variable("x"), sym.zeros((0, 4)))
    given = CASES[case](sym.Variable("x"), sym.zeros((batch, 4)))
    np.testing.assert_array_equal(evaluate(open_size, x=x), evaluate(given, x=x))
    assert open_size.infer_shape(x=x.shape)[1] == given.infer_shape(x=x.shape)[1]


def test_states_of_a_fused_layer(rng):
    out = sym.RNN(
        sym.Variable("x"),
        sym.Variable("p"),
        sym.zeros((2, 0, 3)),
        sym.zeros((2, 0, 3)),
        state_size=3,
        num_layers=1,
        bidirectional=True,
        mode="lstm",
    )
    arguments, outputs, _ = out.infer_shape(x=(5, 4, 2))
    assert outputs == [(5, 4, 6)] and len(arguments) == 2
    x, p = rng.normal(size=(5, 4, 2)), rng.normal(size=arguments[1])
    assert evaluate(out, x=x, p=p).shape == (5, 4, 6)


class Steps(gluon.HybridBlock):
    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.cell, self.last = cell, gluon.nn.Dense(2)

    def hybrid_forward(self, F, x):
        batch = x.shape[0] if isinstance(x, nd.NDArray) else 0
        self.cell.reset()
        states = self.cell.begin_state(func=F.zeros, batch_size=batch)
        outputs, _ = self.cell.unroll(3, x, begin_state=states, layout="NTC", merge_outputs=True)
        return self.last(outputs)


@pytest.mark.parametrize("cell", ["LSTMCell", "GRUCell", "RNNCell"])
def test_states_of_cells(cell, rng):
    net = Steps(getattr(gluon.rnn, cell)(4))
    net.initialize(mx.init.Normal(0.5))
    x = nd.array(rng.normal(size=(5, 3, 6)))
    with autograd.record():
        want = net(x)
    want.backward()
    gradients = {n: p.grad().asnumpy() for n, p in net.collect_params().items()}
    net.hybridize()
    for rows in (5, 1, 2):
        np.testing.assert_allclose(
            net(x[:rows]).asnumpy(), want[:rows].asnumpy(), rtol=1e-5, atol=1e-6
        )
    with autograd.record():
        out = net(x)
    out.backward()
    for name, param in net.collect_params().items():
        np.testing.assert_allclose(param.grad().asnumpy(), gradients[name], rtol=1e-4, atol=1e-5)


def test_parameters_of_unknown_shapes(rng):
    net = Steps(gluon.rnn.LSTMCell(4))
    net.initialize()
    net.hybridize()
    assert net(nd.array(rng.normal(size=(5, 3, 6)))).shape == (5, 2)
    assert net.cell.i2h_weight.shape == (16, 6)


def test_files(tmp_path, rng):
    x = sym.Variable("x")
    out = sym.concat(sym.zeros((0, 2), name="z"), x, dim=1)
    out.save(str(tmp_path / "a.json"))
    values = rng.normal(size=(3, 2)).astype("float32")
    want = np.hstack([np.zeros((3, 2)), values])
    np.testing.assert_array_equal(evaluate(sym.load(str(tmp_path / "a.json")), x=values), want)
    graph = json.loads(out.tojson())
    (node,) = (node for node in graph["nodes"] if node["name"] == "z")
    node["attrs"]["shape"] = "(0, 2)"  # as MXNet writes it
    np.testing.assert_array_equal(evaluate(sym.load_json(json.dumps(graph)), x=values), want)


def test_empty_arrays_stay_empty():
    with mx.util.np_shape(True):
        out = sym.concat(sym.zeros((0, 2)), sym.Variable("x"), dim=0)
    assert evaluate(out, x=np.ones((3, 2))).shape == (3, 2)
    assert evaluate(sym.load_json(out.tojson()), x=np.ones((3, 2))).shape == (3, 2)


def test_size_that_nothing_tells():
    out = sym.sum(sym.zeros((0, 2)))
    assert out.infer_shape() == (None, None, None) or out.infer_shape()[1] == [(1,)]
    with pytest.raises(ValueError, match=r"shape is \(-1, 2\)"):
        out.eval()


def test_axis_in_parts_of_an_open_size():
    x = sym.Variable("x", shape=(0, 6, 4))
    rows = sym.dot(sym.reshape(x, shape=(-1, 4)), sym.Variable("w", shape=(4, 3)))
    out = sym.Flatten(sym.reshape(rows, shape=(-1, 6, 3)))
    assert out.infer_shape_partial()[1] == [(0, 18)]
    assert out.infer_shape(x=(5, 6, 4))[1] == [(5, 18)]


def test_shapes_that_do_not_follow():
    out = sym.relu(sym.Variable("x"))
    assert out.infer_shape_partial() == ([()], [()], [])
    with mx.util.np_shape(True):
        assert out.infer_shape_partial() == ([None], [None], [])


def test_sizes_that_do_not_follow_are_0():
    x = sym.Variable("x", shape=(0, 4))
    out = sym.FullyConnected(sym.reshape(x, shape=(-1, 2)), num_hidden=3, name="f")
    assert out.infer_shape() == (None, None, None)
    assert out.infer_shape_partial() == ([(0, 4), (3, 2), (3,)], [(0, 3)], [])
    assert out.infer_shape(x=(5, 4)) == ([(5, 4), (3, 2), (3,)], [(10, 3)], [])
    assert (x * sym.ones((6, 0))).infer_shape()[1] == [(6, 4)]
    y = sym.Variable("y")
    assert (x + y).infer_shape(y=(7, 0)) == ([(7, 4), (7, 4)], [(7, 4)], [])
    with mx.util.np_shape(True):
        assert out.infer_shape_partial()[1] == [(-1, 3)]
        assert (x + y).infer_shape(y=(0, 4))[1] == [(0, 4)]


def test_ones_are_stretched_over_open_sizes():
    x, scale = sym.Variable("x"), sym.Variable("scale", shape=(1, 4))
    assert sym.broadcast_mul(x, scale).infer_shape_partial(x=(0, 4))[1] == [(0, 4)]
    assert sym.broadcast_mul(x, scale).infer_shape(x=(7, 4))[1] == [(7, 4)]
    # A state that still waits for its size takes that of the other operand, be it 1.
    assert (sym.zeros((0, 4)) + scale).infer_shape()[1] == [(1, 4)]


def test_labels_follow_with_open_sizes():
    net = sym.SoftmaxOutput(sym.FullyConnected(sym.Variable("x"), num_hidden=3), name="softmax")
    arguments, outputs, _ = net.infer_shape_partial(x=(0, 5))
    assert arguments[-1] == (0,) and outputs == [(0, 3)]
