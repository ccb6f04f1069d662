"""Passes of the graph compiler: what each does, and that results stay the same."""

import numpy as np
import pytest

import plait as mx
from plait import _engine, autograd, gluon, nd, sym

NAMES = [p["name"] for p in mx.graph.passes()]


def run(symbol, arrays, **switches):
    """Outputs and gradients of `symbol` compiled with the switches, as numpy arrays; the text."""
    inputs = [nd.array(arrays[name]) for name in symbol.list_inputs()]
    for array in inputs:
        array.attach_grad()
    with mx.graph.switched(**switches):
        graph = sym.CachedGraph(symbol)
    with autograd.record():
        outs = graph(*inputs)
    autograd.backward(outs, [nd.ones(o.shape) * 0.5 for o in outs])
    values = [o.asnumpy() for o in outs] + [a.grad.asnumpy() for a in inputs]
    with autograd.pause():
        values += [o.asnumpy() for o in graph(*inputs)]
    return values, graph.explain()


def random_graph(rng, size):
    """A symbol of about `size` nodes over x, y (4, 6), row (6,), column (4, 1) and w (5, 6)."""
    shapes = {"x": (4, 6), "y": (4, 6), "row": (6,), "column": (4, 1), "w": (5, 6)}
    known = {name: (sym.Variable(name), shape) for name, shape in shapes.items()}
    pool = [known[name] for name in ("x", "y", "row", "column")]
    whole = [pool[0], pool[1]]

    def pick(values):
        return values[rng.integers(len(values))]

    unary = [
        sym.tanh, sym.sigmoid, sym.relu, sym.square, sym.negative, sym.identity, sym.sin, sym.abs,
        lambda s: s * 1.5, lambda s: 2 - s, lambda s: s * 1, lambda s: s - 0, lambda s: sym.negative(sym.negative(s)),
        lambda s: sym.Activation(s, act_type="softsign"), sym.BlockGrad,
        lambda s: sym.clip(s, a_min=-1, a_max=1), lambda s: sym.exp(s * 0.1),
        lambda s: s + sym.zeros((4, 6)) + 1, lambda s: s * (sym.ones((6,)) * 3),
        lambda s: sym.transpose(sym.transpose(s)), lambda s: sym.Reshape(s, shape=(4, 6)),
        lambda s: sym.Reshape(sym.Reshape(s, shape=(6, 4)), shape=(4, 6)),
        lambda s: sym.Dropout(s, p=0.0), lambda s: sym.softmax(s),
        lambda s: sym.broadcast_sub(s, sym.mean(s, axis=1, keepdims=True)),
        lambda s: sym.broadcast_mul(s, sym.sum(s, axis=0) * 0.1),
        lambda s: sym.FullyConnected(
            sym.FullyConnected(s, known["w"][0], num_hidden=5, no_bias=True),
            sym.transpose(known["w"][0]), num_hidden=6, no_bias=True) * 0.1,
    ]  # fmt: skip
    binary = [
        sym.broadcast_add, sym.broadcast_sub, sym.broadcast_mul, sym.broadcast_maximum,
        lambda a, b: a / (1 + b * b), sym.broadcast_minimum,
    ]  # fmt: skip
    for _ in range(size):
        if rng.random() < 0.5:
            value = pick(unary)(pick(whole)[0])
        else:
            value = pick(binary)(pick(whole)[0], pick(pool)[0])
        whole.append((value, (4, 6)))
        pool.append(whole[-1])
    outputs = [whole[-1][0]] + [pick(whole[2:])[0] for _ in range(rng.integers(3))]
    return sym.Group(outputs), shapes


@pytest.mark.parametrize("seed", range(24))
def test_passes_keep_results(seed):
    rng = np.random.default_rng(seed)
    symbol, shapes = random_graph(rng, int(rng.integers(3, 24)))
    arrays = {n: rng.standard_normal(shapes[n]).astype("f") for n in symbol.list_inputs()}
    off = dict.fromkeys(NAMES, False)
    want, text = run(symbol, arrays, **off)
    assert "share: off" in text
    for switches in [{}, *({**off, name: True} for name in NAMES)]:
        got, _ = run(symbol, arrays, **switches)
        for a, b in zip(want, got, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5, err_msg=str(switches))


def test_pointwise_fusion_is_exact_and_one_step():
    a, b, c = (sym.Variable(n) for n in "abc")
    net = sym.exp(a) * b + c
    rng = np.random.default_rng(0)
    arrays = {n: rng.standard_normal((3, 5000)).astype("f") for n in "abc"}
    want, _ = run(net, arrays, fuse_pointwise=False)
    got, text = run(net, arrays)
    for x, y in zip(want, got, strict=True):
        np.testing.assert_array_equal(x, y)
    assert "fuse_pointwise (forward): 3 changes" in text
    assert "forward: 1 steps" in text


@pytest.mark.parametrize("shape", [(7,), (), (3, 1), (5000, 3), (3, 9001), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_pointwise_shapes_and_dtypes(shape, dtype):
    x, row, number = sym.Variable("x"), sym.Variable("row"), sym.Variable("number")
    net = sym.broadcast_add(sym.broadcast_mul(x * 2, row) - x, number) * x
    rng = np.random.default_rng(1)
    data = [
        rng.integers(-5, 5, shape), rng.integers(-5, 5, shape[1:]), rng.integers(-5, 5, (1,)),
    ]  # fmt: skip
    arrays = [nd.array(d, dtype=dtype) for d in data]
    graph = sym.CachedGraph(net)
    got = graph(*arrays)[0]
    with mx.graph.switched(fuse_pointwise=False):
        want = sym.CachedGraph(net)(*arrays)[0]
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.asnumpy(), want.asnumpy())
    assert "pointwise" in graph.explain()


def test_pointwise_results_that_no_cache_holds_are_exact():
    a, b, c = (sym.Variable(n) for n in "abc")
    product = sym.clip(sym.exp(a), a_min=0.1, a_max=3.0) * b
    half = (product + c) * 0.5
    net = sym.Group([product, half, sym.broadcast_maximum(half, c)])
    arrays = [nd.random.normal(shape=(5_000_003,)) for _ in "abc"]
    graph = sym.CachedGraph(net)
    got = graph(*arrays)
    assert "forward: 1 steps in 1 task" in graph.explain()
    with mx.graph.switched(fuse_pointwise=False):
        want = sym.CachedGraph(net)(*arrays)
    for x, y in zip(want, got, strict=True):
        np.testing.assert_array_equal(x.asnumpy(), y.asnumpy())


FUNCTIONS = """exp expm1 log log1p sqrt rsqrt cbrt sigmoid tanh relu softsign erf gammaln sin cos arctan
sinh arcsinh abs sign square reciprocal negative floor rint hard_sigmoid""".split()


def equal_to_operators_one_by_one(net, arrays):
    args = [arrays[name] for name in net.list_arguments()]
    got = sym.CachedGraph(net)(*args)[0].asnumpy()
    with mx.graph.switched(fuse_pointwise=False):
        want = sym.CachedGraph(net)(*args)[0].asnumpy()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


@pytest.mark.parametrize("size", [5, 1003, 5_000_003])  # the last fits no cache
def test_arithmetic_around_a_function_is_exact(size):
    arrays = {name: nd.random.normal(shape=(size,)) for name in "abcd"}
    a, b, c, d = (sym.Variable(name) for name in "abcd")
    for name in FUNCTIONS if size < 10**6 else ["exp", "sigmoid", "relu"]:
        f = getattr(sym, name)
        equal_to_operators_one_by_one(c - f(1 / ((2 - a) * b - c)) / d, arrays)
        equal_to_operators_one_by_one((b * f(a) * -0.0 + 0.5 - c) * f(d), arrays)


def test_operators_that_no_cache_holds_are_exact():
    a, b = (nd.random.normal(shape=(9_000_003,)) for _ in "ab")
    last = slice(-1003, None)
    parts = a[last].copy(), b[last].copy()
    for f in (
        lambda x, y: nd.tanh(x),
        lambda x, y: x * y,
        lambda x, y: 2 - x,
        lambda x, y: nd.exp(x, out=x),
    ):
        np.testing.assert_array_equal(f(a, b)[last].asnumpy(), f(*parts).asnumpy())


def test_fusion_stops_where_a_path_would_come_back():
    x = sym.Variable("x")
    a = sym.exp(x)
    outside = sym.softmax(a)  # not element-wise
    net = a * outside + a
    values, text = run(net, {"x": np.ones((2, 3), "f")})
    want, _ = run(net, {"x": np.ones((2, 3), "f")}, fuse_pointwise=False)
    for x, y in zip(want, values, strict=True):
        np.testing.assert_array_equal(x, y)
    assert "fuse_pointwise (forward): 2 changes" in text


def test_bias_along_a_middle_axis_is_not_fused():
    x, bias = sym.Variable("x"), sym.Variable("bias")
    net = sym.relu(sym.broadcast_add(x, bias))
    graph = sym.CachedGraph(net)
    a, b = nd.ones((2, 3, 4)) * -1, nd.array(np.arange(3).reshape(1, 3, 1))
    want = np.maximum(a.asnumpy() + b.asnumpy(), 0)
    np.testing.assert_array_equal(graph(a, b)[0].asnumpy(), want)


def test_constants_are_folded():
    x = sym.Variable("x")
    net = x + (sym.arange(6) * 2 + 1).reshape((2, 3))
    values, text = run(net, {"x": np.zeros((2, 3), "f")})
    np.testing.assert_array_equal(values[0], np.arange(6).reshape(2, 3) * 2 + 1)
    assert "forward: 1 steps" in text


def test_random_numbers_are_not_shared():
    x = sym.Variable("x")
    net = sym.Group([sym.Dropout(x, p=0.5), sym.Dropout(x, p=0.5)])
    graph = sym.CachedGraph(net)
    with autograd.train_mode():
        a, b = (o.asnumpy() for o in graph(nd.ones((1000,))))
    assert (a != b).any()


def test_dropout_is_left_out_at_inference():
    net = sym.Dropout(sym.Variable("x"), p=0.5)
    graph = sym.CachedGraph(net)
    np.testing.assert_array_equal(graph(nd.ones((3,)))[0].asnumpy(), np.ones(3))
    assert "simplify: 1 changes" in graph.explain()


def test_switches():
    assert mx.graph.set_pass("share", False) is True
    assert mx.graph.set_pass("share", True) is False
    with pytest.raises(KeyError, match="nosuch"):
        mx.graph.set_pass("nosuch", True)
    with pytest.raises(ZeroDivisionError), mx.graph.switched(share=False):
        raise ZeroDivisionError
    assert all(p["on"] for p in mx.graph.passes() if p["name"] == "share")


def test_memory_plan_reuses_and_reports():
    x = sym.Variable("x")
    y = x
    for _ in range(10):
        y = sym.softmax(y)
    data = {"x": np.ones((64, 64), "f")}
    _, text = run(y, data, reuse_memory=False, in_place=False)
    _, planned = run(y, data)
    assert text != planned


def test_a_compiled_step_takes_no_memory_from_the_system():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(32, activation="relu"), gluon.nn.Dense(10))
    net.initialize()
    net.hybridize()
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    x, y = nd.ones((16, 20)), nd.zeros((16,))

    def step():
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(16)
        mx.nd.waitall()

    for _ in range(5):
        step()
    before = _engine.memory_stats()["system_allocations"]
    for _ in range(20):
        step()
    assert _engine.memory_stats()["system_allocations"] == before


def test_gradients_are_written_where_they_belong():
    """The backward plan writes into `.grad` itself; sums and requests are kept."""
    x = sym.Variable("x")
    graph = sym.CachedGraph(x * x)
    a = nd.array([1.0, 2.0, 3.0])
    a.attach_grad()
    grad = a.grad
    for _ in range(2):
        with autograd.record():
            out = graph(a)[0]
        out.backward()
        np.testing.assert_array_equal(grad.asnumpy(), [2, 4, 6])
    with autograd.record():  # two steps lead to the leaf
        out = graph(a)[0] + graph(a)[0]
    out.backward()
    np.testing.assert_array_equal(grad.asnumpy(), [4, 8, 12])
    a.attach_grad("add")
    for _ in range(2):
        with autograd.record():
            out = graph(a)[0]
        out.backward()
    np.testing.assert_array_equal(a.grad.asnumpy(), [4, 8, 12])


def test_an_output_that_backward_reads_must_not_change():
    graph = sym.CachedGraph(sym.sigmoid(sym.Variable("x")))
    a = nd.array([0.5])
    a.attach_grad()
    with autograd.record():
        out = graph(a)[0]
    out[:] = 3
    with pytest.raises(mx.MXNetError, match="was changed"):
        out.backward()


PRODUCTS_AND_SUMS = [
    lambda a, b, c: a * b + c,
    lambda a, b, c: c + a * b,
    lambda a, b, c: a * b - c,
    lambda a, b, c: c - a * b,
    lambda a, b, c: (a * b + c) * (c - a * b) + a * a,
    lambda a, b, c: (a * b + a * b) * c + a,
]


@pytest.mark.parametrize("size", [1, 127, 4097, 1 << 18, 5 << 20])
def test_a_product_and_a_sum_in_one_loop_round_twice(size):
    arrays = [nd.random.normal(shape=(size,)) for _ in range(3)]
    for make in PRODUCTS_AND_SUMS[:: 5 if size > 1 << 20 else 1]:
        symbol = make(*(sym.Variable(name) for name in "abc"))
        inputs = [arrays["abc".index(name)] for name in symbol.list_inputs()]
        got = sym.CachedGraph(symbol)(*inputs)[0]
        np.testing.assert_array_equal(got.asnumpy(), make(*arrays).asnumpy())
