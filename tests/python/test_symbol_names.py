"""Names of MXNet's symbol API: random numbers, splitting, partial inference, what symbols lack."""

import numpy as np
import pytest

import plait as mx
from plait import nd, sym


def value(symbol, **arrays):
    return symbol.eval(**{n: nd.array(a) for n, a in arrays.items()})[0].asnumpy()


@pytest.mark.parametrize(
    ("name", "params", "mean"),
    [
        ("uniform", {"low": 1, "high": 3}, 2),
        ("normal", {"loc": 5, "scale": 0.5}, 5),
        ("exponential", {"scale": 4}, 4),
        ("gamma", {"alpha": 9, "beta": 0.5}, 4.5),
        ("poisson", {"lam": 4}, 4),
        ("negative_binomial", {"k": 4, "p": 0.5}, 4),
        ("generalized_negative_binomial", {"mu": 3, "alpha": 0.1}, 3),
        ("randint", {"low": 0, "high": 9}, 4),
    ],
)
def test_random_numbers(name, params, mean):
    mx.random.seed(3)
    symbol = getattr(sym.random, name)(shape=(4000,), **params)
    first, second = value(symbol), value(symbol)
    assert first.shape == (4000,)
    assert abs(first.mean() - mean) < 0.3
    assert (first != second).any()


def test_random_numbers_of_symbols():
    loc, scale = sym.Variable("loc"), sym.Variable("scale")
    drawn = value(sym.random.normal(loc, scale, shape=1000), loc=[-5.0, 5.0], scale=[1.0, 0.1])
    assert drawn.shape == (2, 1000)
    np.testing.assert_allclose(drawn.mean(axis=1), [-5, 5], atol=0.2)
    with pytest.raises(TypeError, match="all symbols or all numbers"):
        sym.random.normal(loc, 1.0)


def test_random_numbers_like():
    x = sym.Variable("x")
    assert value(sym.random.uniform_like(x, low=2, high=3), x=np.zeros((2, 5))).shape == (2, 5)
    assert sorted(value(sym.random.shuffle(x), x=np.arange(7.0))) == list(range(7))
    assert value(sym.random.multinomial(x), x=[0.0, 1.0]) == 1
    assert value(sym.random.randn(2, 3)).shape == (2, 3)


def test_split_v2():
    x = sym.Variable("x")
    data = nd.array(np.arange(12.0).reshape(4, 3))
    first, rest = (o.asnumpy() for o in sym.split_v2(x, (1,)).eval(x=data))
    assert first.shape == (1, 3) and rest.shape == (3, 3)
    halves = x.split_v2(2).eval(x=data)
    assert [h.shape for h in halves] == [(2, 3), (2, 3)]
    columns = sym.split_v2(x, 3, axis=1, squeeze_axis=True).eval(x=data)
    assert [c.shape for c in columns] == [(4,)] * 3


def test_partial_types():
    a, b = sym.Variable("a"), sym.Variable("b")
    args, outs, aux = sym.Group([a, b]).infer_type_partial(a="float16")
    assert args == [np.float16, None] and outs == [np.float16, None] and aux == []


def test_methods_are_listed():
    names = dir(sym.Variable("x"))
    assert {"reshape", "softmax", "sum", "split_v2", "infer_shape", "list_arguments"} <= set(names)


@pytest.mark.parametrize("name", ["asnumpy", "asscalar", "wait_to_read", "backward", "copy"])
def test_symbols_have_no_values(name):
    with pytest.raises(NotImplementedError, match="has no value"):
        getattr(sym.Variable("x"), name)()
    assert sym.Variable("x").as_np_ndarray().name == "x"


def test_names_of_numpy():
    a, b = sym.Variable("a"), sym.Variable("b")
    x, y = np.arange(6.0).reshape(2, 3) + 1, np.full((1, 3), 2.0)
    for name in ("add", "subtract", "multiply", "true_divide", "power", "maximum"):
        function, want = getattr(sym.np, name), getattr(np, name)
        np.testing.assert_allclose(value(function(a, b), a=x, b=y), want(x, y), rtol=1e-6)
        np.testing.assert_allclose(value(function(a, 2), a=x), want(x, 2), rtol=1e-6)
    np.testing.assert_allclose(value(sym.np.exp(a), a=x), np.exp(x), rtol=1e-6)
    np.testing.assert_allclose(value(sym.np.sum(a, axis=1), a=x), x.sum(axis=1))
    joined = value(sym.np.concatenate([a, b]), a=x, b=y)
    np.testing.assert_array_equal(joined, np.concatenate([x, y]))
    np.testing.assert_array_equal(value(sym.np.stack([a, a], axis=1), a=x), np.stack([x, x], 1))
    np.testing.assert_allclose(value(sym.np.matmul(a, b), a=x, b=y.T), x @ y.T)
    assert "exp" in dir(sym.np) and "softmax" in dir(sym.npx)
    with pytest.raises(AttributeError, match="nosuch"):
        sym.np.nosuch  # noqa: B018


def test_names_of_numpy_extension():
    data = sym.Variable("data")
    out = sym.npx.fully_connected(data, num_hidden=3, name="fc")
    assert out.list_arguments() == ["data", "fc_weight", "fc_bias"]
    x = np.random.default_rng(0).normal(size=(2, 4))
    got = value(sym.npx.softmax(data, axis=-1), data=x)
    np.testing.assert_allclose(got.sum(axis=1), [1, 1], rtol=1e-6)
    with pytest.raises(TypeError, match="unexpected keyword"):
        sym.npx.softmax(data, nosuch=1)


def test_composition_names_and_refuses():
    a, b = sym.Variable("a"), sym.Variable("b")
    f = sym.FullyConnected(a, num_hidden=3, name="fc")
    g = sym.Activation(b, act_type="relu", name="act")
    h = g(b=f, name="x")
    assert h.list_outputs() == ["x_output"] and g.list_outputs() == ["act_output"]
    assert h.list_arguments() == ["a", "fc_weight", "fc_bias"]
    assert h.get_internals().list_outputs()[-2:] == ["fc_output", "x_output"]
    assert g(name="q").list_outputs() == ["q_output"] and g().list_outputs() == ["act_output"]
    assert g(f).list_arguments() == h.list_arguments()
    both = sym.Group([f, g])
    assert both(b=f, name="z").list_outputs() == ["z_output", "act_output"]
    twin = g.__copy__()
    assert twin._compose(b=f, name="own") is None and twin.list_outputs() == ["own_output"]
    assert g.list_arguments() == ["b"]
    with pytest.raises(TypeError, match="by position and by name"):
        g(f, b=f)
    with pytest.raises(TypeError, match="argument is int, must be a Symbol"):
        g(3)
    with pytest.raises(KeyError, match="name is 'zz', must be an argument"):
        g(zz=f)
    with pytest.raises(ValueError, match="got 2 symbols, must be at most 1"):
        g(f, f)
    with pytest.raises(ValueError, match="rename: symbol must be an operator"):
        a(name="c")


def test_debug_str_is_that_of_mxnet():
    a = sym.Variable("a")
    first = sym.BatchNorm(a, name="bn")
    mean = first.get_internals()["bn_moving_mean"]
    both = sym.BatchNorm(first, moving_mean=mean, eps=0.5, name="bn2")
    assert both.debug_str().splitlines()[:10] == [
        "Symbol Outputs:", "\toutput[0]=bn2(0)", "Variable:a", "Variable:bn_gamma",
        "Variable:bn_beta", "Variable:bn_moving_mean", "Variable:bn_moving_var",
        "--------------------", "Op:BatchNorm, Name=bn", "Inputs:",
    ]  # fmt: skip
    assert both.debug_str().endswith(
        "\targ[0]=bn(0)\n\targ[1]=bn2_gamma(0) version=0\n\targ[2]=bn2_beta(0) version=0\n"
        "\targ[3]=bn_moving_mean(0) version=2\n\targ[4]=bn2_moving_var(0) version=1\n"
        "Attrs:\n\teps=0.5\n"
    )
    executor = both.simple_bind(mx.cpu(), a=(2, 3))
    assert executor.debug_str().endswith("Total 0 MB allocated\n")
    assert executor.get_optimized_symbol().list_outputs() == ["bn2_output"]


def test_methods_are_attributes_of_the_class():
    assert {"reshape", "sum", "exp", "log_softmax", "get_inputs"} <= set(dir(sym.Symbol))
    x = sym.Variable("x")
    assert x.reshape((3, 2)).infer_shape(x=(2, 3))[1] == [(3, 2)]
    assert (x + sym.Variable("y")).get_inputs().list_outputs() == ["x", "y"]
    assert not x.has_dynamic_shape_op


def test_histogram_and_zipfian():
    data = np.array([0.1, 0.4, 0.4, 0.9, 1.0, 2.0], "float32")
    x = sym.Variable("x")
    for bins, more in ((4, {"range": (0, 1)}), (np.array([0, 0.3, 0.5, 1], "float32"), {})):
        given = {"x": nd.array(data)}
        if isinstance(bins, np.ndarray):
            given["edges"] = nd.array(bins)
        counts, edges = sym.histogram(
            x, sym.Variable("edges") if "edges" in given else bins, **more
        )
        want = np.histogram(data, bins, **more)
        np.testing.assert_array_equal(counts.eval(**given)[0].asnumpy(), want[0])
        given.pop("x")
        np.testing.assert_allclose(edges.eval(**given)[0].asnumpy(), want[1])
    with pytest.raises(ValueError, match="range is None, must be given for a symbol"):
        sym.np.histogram(x)
    assert mx.io.io.DataBatch is mx.io.DataBatch
    drawn, true, each = sym.contrib.rand_zipfian(sym.Variable("t"), 5000, 8)
    sampled = drawn.eval()[0].asnumpy()
    expected = true.eval(t=nd.arange(8))[0].asnumpy()
    counts = np.bincount(sampled, minlength=8)
    assert sampled.max() < 8 and expected.sum() == pytest.approx(5000)
    np.testing.assert_allclose(counts, expected, atol=250)
    assert each.eval()[0].shape == (5000,)


def test_gradient_is_a_symbol():
    x, w = sym.Variable("x"), sym.Variable("w")
    net = sym.sin(x * w) * x
    grad = net.gradient(["w", "x"])
    assert grad.list_arguments() == net.list_arguments() and len(grad) == 2
    arrays = {"x": nd.array([0.5, -1.0]), "w": nd.array([2.0, 0.25])}
    xs, ws = (a.asnumpy() for a in arrays.values())
    dw, dx = (g.asnumpy() for g in grad.eval(**arrays))
    np.testing.assert_allclose(dw, np.cos(xs * ws) * xs * xs, rtol=1e-5)
    np.testing.assert_allclose(dx, np.cos(xs * ws) * ws * xs + np.sin(xs * ws), rtol=1e-5)
    # a gradient of the gradient, from a file, and by binding
    again = sym.load_json(grad.tojson()).gradient("w")
    ddw = again.eval(**arrays)[0].asnumpy()
    own = -np.sin(xs * ws) * xs**3
    mixed = (2 * np.cos(xs * ws) - np.sin(xs * ws) * xs * ws) * xs
    np.testing.assert_allclose(ddw, own + mixed, rtol=1e-4)
    executor = grad.bind(mx.cpu(), arrays, {"w": nd.zeros(2)}, {"w": "write"})
    executor.forward(is_train=True)
    executor.backward([nd.ones(2), nd.zeros(2)])
    np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), own, rtol=1e-4)
    with pytest.raises(ValueError, match="wrt has 'y', must be different names"):
        net.gradient("y")


def test_gradient_of_an_output_layer_and_of_dependent_inputs():
    x = sym.Variable("x")
    net = sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=3, name="fc"), name="sm")
    executor = net.simple_bind(mx.cpu(), x=(2, 5), sm_label=(2,))
    values = {n: nd.random.normal(shape=a.shape) for n, a in executor.arg_dict.items()}
    values["sm_label"] = nd.array([0, 2])
    executor.copy_params_from(values)
    executor.forward(is_train=True)
    executor.backward()
    got = net.grad(["fc_weight", "fc_bias"]).eval(**values)
    for g, name in zip(got, ("fc_weight", "fc_bias"), strict=True):
        np.testing.assert_allclose(
            g.asnumpy(), executor.grad_dict[name].asnumpy(), rtol=1e-4, atol=1e-6
        )
    # y follows from x outside: its part does not count in the gradient for x
    a, b = sym.Variable("a"), sym.Variable("b")
    whole = (a * b).gradient("a")(b=a * a)
    np.testing.assert_allclose(whole.eval(a=nd.array([3.0]))[0].asnumpy(), [9.0])
    norm = sym.BatchNorm(x, name="bn").gradient("bn_beta")
    assert norm.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    np.testing.assert_allclose(
        norm.simple_bind(mx.cpu(), x=(4, 3)).forward()[0].asnumpy(), [4, 4, 4]
    )
