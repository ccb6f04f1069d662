"""Draws have the moments of their distribution, and a seed repeats them."""

import numpy as np
import pytest
from spec_random import MOMENTS

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
