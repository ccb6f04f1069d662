"""Draws have the moments of their distribution, and a seed repeats them."""

import numpy as np
import pytest
from spec_random import LIKE, MOMENTS

import plait as mx
from plait import op

COUNT = 200000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "attrs", "mean", "variance", "low", "high"), MOMENTS)
def test_moments(name, attrs, mean, variance, low, high, dtype):
    mx.random.seed(7)
    x = (
        op.invoke(name, [], {**attrs, "shape": (COUNT,), "dtype": dtype})
        .asnumpy()
        .astype("float64")
    )
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / COUNT)
    assert abs(x.var() - variance) < 0.04 * variance
    assert low is None or x.min() >= low
    assert high is None or x.max() <= high


def test_a_seed_repeats_and_calls_differ():
    def draw():
        return op.invoke("random_normal", [], {"shape": (1000,)}).asnumpy()

    mx.random.seed(3)
    first, second = draw(), draw()
    mx.random.seed(3)
    np.testing.assert_array_equal(first, draw())
    assert not np.array_equal(first, second)


def check_moments(x, mean, variance):
    x = x.astype("float64")
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / x.size)
    assert abs(x.var() - variance) < 0.08 * variance


@pytest.mark.parametrize(("name", "attrs", "mean", "variance"), LIKE)
def test_moments_in_the_shape_of_an_array(name, attrs, mean, variance):
    mx.random.seed(11)
    like = mx.nd.zeros((100, 1000))
    check_moments(op.invoke(f"random_{name}_like", [like], attrs).asnumpy(), mean, variance)


@pytest.mark.parametrize(("name", "attrs", "mean", "variance"), LIKE)
def test_moments_of_each_pair_of_parameters(name, attrs, mean, variance):
    mx.random.seed(12)
    parameters = [mx.nd.array([v, v]) for v in attrs.values()]
    x = op.invoke(f"sample_{name}", parameters, {"shape": (COUNT // 2,)}).asnumpy()
    assert x.shape == (2, COUNT // 2)
    assert not np.array_equal(x[0], x[1])
    for row in x:
        check_moments(row, mean, variance)


def test_multinomial_draws_with_its_probabilities():
    mx.random.seed(5)
    p = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])
    data = mx.nd.array(p, dtype="float64")
    data.attach_grad()
    with mx.autograd.record():
        out, log_p = op.invoke(
            "sample_multinomial", [data], {"shape": (20000,), "get_prob": True, "dtype": "int32"}
        )
    counts = np.stack([np.bincount(row, minlength=3) for row in out.asnumpy()]) / 20000
    np.testing.assert_allclose(counts, p, atol=0.02)
    np.testing.assert_allclose(log_p.asnumpy(), np.log(np.take_along_axis(p, out.asnumpy(), 1)))
    log_p.backward()
    want = counts * 20000 / np.maximum(p, 1e-35)
    np.testing.assert_allclose(data.grad.asnumpy(), want)
    assert op.invoke("sample_multinomial", [mx.nd.array([0.5, 0.5])]).shape == (1,)
    sure = mx.nd.array(np.eye(3)[[[2, 0], [1, 1]]])
    np.testing.assert_array_equal(
        op.invoke("sample_multinomial", [sure]).asnumpy(), [[2, 0], [1, 1]]
    )
    assert op.invoke("sample_multinomial", [sure], {"shape": (5, 2)}).shape == (2, 2, 5, 2)
    assert op.invoke("sample_multinomial", [mx.nd.zeros((0, 3))], {"shape": (4,)}).shape == (0, 4)


def test_shuffle_keeps_the_rows():
    mx.random.seed(6)
    x = np.arange(200.0).reshape(100, 2)
    y = op.invoke("shuffle", [mx.nd.array(x)]).asnumpy()
    assert not np.array_equal(x, y)
    np.testing.assert_array_equal(y[y[:, 0].argsort()], x)


def test_parameters_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="sample_normal: parameter 1 has shape"):
        op.invoke("sample_normal", [mx.nd.zeros((2,)), mx.nd.ones((3,))])


def test_all_orders_are_equally_likely():
    mx.random.seed(9)
    orders = [op.invoke("random_permutation", [], {"n": 4}).asnumpy() for _ in range(2400)]
    _, counts = np.unique(np.stack(orders), axis=0, return_counts=True)
    assert counts.size == 24 and abs(counts - 100).max() < 50
    for n in (0, 1, 513, 20000):
        order = op.invoke("random_permutation", [], {"n": n}).asnumpy()
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
    with pytest.raises(ValueError, match="random_permutation: n is -1, must be >= 0"):
        op.invoke("random_permutation", [], {"n": -1})


def test_counts_of_results():
    mx.random.seed(10)
    p = np.array([0.2, 0.0, 0.3, 0.5])
    counts = op.invoke(
        "random_counts", [mx.nd.array(p, dtype="float64")], {"n": 1000, "shape": (3, 40)}
    ).asnumpy()
    assert counts.shape == (3, 40, 4) and (counts.sum(-1) == 1000).all()
    np.testing.assert_allclose(counts.mean((0, 1)) / 1000, p, atol=0.01)
    np.testing.assert_allclose(counts.var((0, 1)), 1000 * p * (1 - p), rtol=0.5)
    few = op.invoke("random_counts", [mx.nd.array([0.0, 0.0])], {"n": 5}).asnumpy()
    np.testing.assert_array_equal(few, [0, 5])
    assert op.invoke("random_counts", [mx.nd.zeros((0,))], {"n": 5, "shape": (2,)}).shape == (2, 0)


@pytest.mark.parametrize("name", ["random_uniform", "random_normal", "random_gamma"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_draws_begin_like_short_ones(name, dtype):
    def draw(n):
        mx.random.seed(13)
        return op.invoke(name, [], {"shape": (n,), "dtype": dtype}).asnumpy()

    long = draw(70001)
    for n in (1, 2, 3, 4, 5, 33, 1027):
        np.testing.assert_allclose(draw(n), long[:n], rtol=1e-6)
