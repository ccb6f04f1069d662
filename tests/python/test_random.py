"""Random arrays."""

import numpy as np
import pytest

import plait as mx
from plait import nd


def test_seed_repeats():
    mx.random.seed(7)
    a = nd.random.normal(shape=(100,)).asnumpy()
    mx.random.seed(7)
    np.testing.assert_array_equal(nd.random.normal(shape=(100,)).asnumpy(), a)
    assert not np.array_equal(nd.random.normal(shape=(100,)).asnumpy(), a)


@pytest.mark.parametrize(
    "draw, mean, std",
    [
        (lambda: mx.random.uniform(2, 4, shape=(100000,)), 3, 2 / 12**0.5),
        (lambda: mx.random.normal(1, 3, shape=(100000,)), 1, 3),
        (lambda: mx.random.exponential(2, shape=(100000,)), 2, 2),
        (lambda: mx.random.gamma(3, 2, shape=(100000,)), 6, 12**0.5),
        (lambda: mx.random.poisson(4, shape=(100000,)), 4, 2),
    ],
)
def test_moments(draw, mean, std):
    values = draw().asnumpy()
    assert abs(values.mean() - mean) < 6 * std / len(values) ** 0.5
    assert abs(values.std() - std) < 0.05 * std


def test_randint_and_out():
    values = nd.random.randint(0, 5, shape=(1000,))
    assert values.dtype is np.int32 and set(values.asnumpy()) == set(range(5))
    out = nd.zeros((3, 4))
    mx.random.uniform(5, 6, out=out)
    assert (out.asnumpy() >= 5).all()


def test_shuffle_keeps_rows():
    rows = nd.arange(20).reshape((10, 2))
    shuffled = nd.random.shuffle(rows).asnumpy()
    np.testing.assert_array_equal(np.sort(shuffled[:, 0]), np.arange(0, 20, 2))
    np.testing.assert_array_equal(shuffled[:, 1] - shuffled[:, 0], np.ones(10))


def test_parameters_may_be_arrays():
    low, high = mx.nd.array([0.0, 10.0]), mx.nd.array([1.0, 20.0])
    x = mx.nd.random.uniform(low, high, shape=(3, 4))
    assert x.shape == (2, 3, 4)
    assert (x[0] < 1).asnumpy().all() and (x[1] >= 10).asnumpy().all()
    assert mx.nd.random.exponential(mx.nd.array([1.0, 2.0])).shape == (2,)
    with pytest.raises(TypeError, match="low and high must be all arrays or all numbers"):
        mx.nd.random.uniform(low, 1.0)


def test_multinomial_and_the_shapes_of_arrays():
    p = mx.nd.array([[0.0, 1.0], [1.0, 0.0]])
    assert mx.nd.random.multinomial(p, shape=3).asnumpy().tolist() == [[1, 1, 1], [0, 0, 0]]
    assert mx.random.normal_like(p, loc=5.0).shape == (2, 2)
    assert mx.random.generalized_negative_binomial(2.0, 0.3, shape=(4,)).shape == (4,)
