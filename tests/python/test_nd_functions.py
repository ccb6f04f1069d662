"""Functions of `mx.nd` and `mx.sym` beside the operators: numbers as arguments, namespaces."""

import importlib

import numpy as np
import pytest

import plait as mx
from plait import nd

A, B = np.array([3.0, -2.0, 0.0, 2.0], "f"), np.array([1.0, 2.0, 3.0, 2.0], "f")

PAIRS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "true_divide": np.divide,
    "modulo": np.mod,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "hypot": np.hypot,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "lesser": np.less,
    "lesser_equal": np.less_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_take_arrays_and_numbers(name):
    function, expected = getattr(nd, name), PAIRS[name]
    a, b = nd.array(A), nd.array(B)
    for left, right, x, y in ((a, b, A, B), (a, 2.0, A, 2.0), (2, b, 2, B)):
        got = function(left, right)
        np.testing.assert_allclose(got.asnumpy(), expected(x, y).astype("f"), rtol=1e-6)
    assert function(3, 2) == pytest.approx(float(expected(3, 2)))


def test_functions_of_two_name_what_they_cannot_take():
    with pytest.raises(TypeError, match="maximum: rhs is str"):
        nd.maximum(nd.ones((2,)), "2")


def test_gradient_of_maximum_with_a_number():
    x = nd.array(A)
    x.attach_grad()
    with mx.autograd.record():
        y = nd.maximum(x, 1.0)
    y.backward()
    np.testing.assert_array_equal(x.grad.asnumpy(), [1, 0, 0, 1])


def test_random_arrays_take_the_distribution_first():
    assert nd.random_normal(0, 1, (2, 3)).shape == (2, 3)
    low = nd.uniform(5, 6, shape=(50,)).asnumpy()
    assert low.min() >= 5 and low.max() < 6
    assert nd.random_randint(3, 4, (4,)).asnumpy().tolist() == [3] * 4
    assert nd.random_gamma(2, 1, (3,)).shape == (3,)


def test_moveaxis():
    x = nd.zeros((2, 3, 4))
    for source, target in ((0, -1), ([0, 1], [-1, 0]), (-1, 0), ((2, 0), (0, 2))):
        want = np.moveaxis(np.zeros((2, 3, 4)), source, target).shape
        assert nd.moveaxis(x, source, target).shape == want
    for source, target, message in (
        (3, 0, "source has 3"),
        ((0, 0), (1, 2), "once"),
        (0, (1, 2), "axes"),
    ):
        with pytest.raises(ValueError, match=message):
            nd.moveaxis(x, source, target)


def test_split_v2():
    x = np.arange(10, dtype="f").reshape(5, 2)
    parts = nd.split_v2(nd.array(x), (1, 3))
    for got, want in zip(parts, np.split(x, (1, 3)), strict=True):
        np.testing.assert_array_equal(got.asnumpy(), want)
    assert [p.shape for p in nd.split_v2(nd.array(x), 2, axis=1, squeeze_axis=True)] == [(5,)] * 2
    assert nd.split_v2(nd.array(x), 1).shape == (5, 2)
    assert [p.shape for p in nd.array(x).split_v2((2,))] == [(2, 2), (3, 2)]
    symbol = mx.sym.split_v2(mx.sym.Variable("x"), (1, 3))
    assert symbol.infer_shape(x=(5, 2))[1] == [(1, 2), (2, 2), (2, 2)]


def test_transpose_takes_axes_by_name():
    x = nd.arange(24).reshape((2, 3, 4))
    for y in (x.transpose(axes=(2, 0, 1)), x.transpose((2, 0, 1)), x.transpose(2, 0, 1)):
        np.testing.assert_array_equal(y.asnumpy(), x.asnumpy().transpose(2, 0, 1))
    assert x.transpose().shape == x.transpose(axes=None).shape == x.T.shape == (4, 3, 2)
    with pytest.raises(TypeError, match="twice"):
        x.transpose(0, 1, 2, axes=(0, 1, 2))


@pytest.mark.parametrize("bins, bounds", [(3, (0, 6)), (2, None), (np.array([0.0, 2, 7]), None)])
def test_histogram(bins, bounds):
    x = np.array([1, 2, 3, 4, 5], "f")
    given = nd.array(bins) if isinstance(bins, np.ndarray) else bins
    for got, want in zip(
        nd.histogram(nd.array(x), given, bounds), np.histogram(x, bins, bounds), strict=True
    ):
        np.testing.assert_allclose(got.asnumpy(), want)


def test_reset_arrays():
    arrays = [nd.ones((2, 3)), nd.ones(4, dtype="int32"), nd.ones((0, 2))]
    views = arrays[0][1]
    nd.reset_arrays(*arrays, num_arrays=3)
    assert all((x.asnumpy() == 0).all() for x in (*arrays, views))
    assert [x.dtype for x in arrays] == [np.float32, np.int32, np.float32]
    with pytest.raises(ValueError, match="reset_arrays: num_arrays is 2, must be 3"):
        nd.reset_arrays(*arrays, num_arrays=2)


def test_rand_zipfian():
    drawn, true, counts = nd.contrib.rand_zipfian(nd.array([0, 3]), 20000, 5)
    chance = np.log((np.arange(5) + 2) / (np.arange(5) + 1)) / np.log(6)
    assert (drawn.dtype, true.dtype, counts.dtype) == (np.int64, np.float64, np.float64)
    found = np.bincount(drawn.asnumpy(), minlength=5) / 20000
    np.testing.assert_allclose(found, chance, atol=0.02)
    np.testing.assert_allclose(true.asnumpy(), 20000 * chance[[0, 3]], rtol=1e-12)
    np.testing.assert_allclose(counts.asnumpy(), 20000 * chance[drawn.asnumpy()], rtol=1e-12)
    with pytest.raises(ValueError, match="rand_zipfian: num_sampled is 0"):
        nd.contrib.rand_zipfian(nd.array([0]), 0, 5)


def test_onehot_encode():
    out = nd.zeros((2, 3))
    assert nd.onehot_encode(nd.array([1, 2]), out) is out
    np.testing.assert_array_equal(out.asnumpy(), [[0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    "module, name",
    [
        ("ndarray.linalg", "gemm2"),
        ("ndarray.image", "to_tensor"),
        ("ndarray._internal", "_plus"),
        ("ndarray.op", "Convolution"),
        ("symbol.linalg", "gemm2"),
        ("symbol.image", "to_tensor"),
        ("symbol._internal", "_plus"),
        ("symbol.op", "Convolution"),
        ("symbol.contrib", "MultiBoxPrior"),
        ("symbol.random", "uniform"),
    ],
)
def test_namespaces_are_modules(module, name):
    found = importlib.import_module(f"plait.{module}")
    parent, _, last = module.partition(".")
    assert found is getattr(getattr(mx, parent), last)
    assert callable(getattr(found, name))


def test_random_symbols():
    random = mx.sym.random
    out = random.uniform(2, 3, shape=(4, 5)).eval()[0].asnumpy()
    assert out.shape == (4, 5) and out.min() >= 2 and out.max() < 3
    mean = mx.sym.Variable("mean")
    drawn = random.normal(mean, mx.sym.ones_like(mean), shape=200).eval(mean=nd.array([0, 100]))[0]
    np.testing.assert_allclose(drawn.asnumpy().mean(axis=1), [0, 100], atol=1)
    assert random.randn(2, 3).eval()[0].shape == (2, 3)
    assert random.randint(0, 5, (3,)).eval()[0].dtype is np.int32
    for name in ("exponential", "gamma", "poisson", "negative_binomial"):
        assert getattr(random, name)(shape=(2,)).eval()[0].shape == (2,)
    data = mx.sym.Variable("data")
    assert random.uniform_like(data).eval(data=nd.ones((3, 2)))[0].shape == (3, 2)
    draws, logs = random.multinomial(data, shape=4).eval(data=nd.array([[0, 1.0], [1, 0]]))
    np.testing.assert_array_equal(draws.asnumpy(), [[1] * 4, [0] * 4])
    np.testing.assert_array_equal(logs.asnumpy(), np.zeros((2, 4)))
    shuffled = random.shuffle(data).eval(data=nd.arange(5))[0].asnumpy()
    assert sorted(shuffled) == [0, 1, 2, 3, 4]
    with pytest.raises(TypeError, match="all symbols or all numbers"):
        random.normal(mean, 1.0)
