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
