"""Sizes at which operators take other loops: many lines side by side, more numbers than a block,
products with long vectors; floats of any size and all float16."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

import plait as mx

RNG = np.random.default_rng(0)


def normal(*shape, dtype="float32"):
    return RNG.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(3, 5, 8), (2, 7, 64), (1, 300, 130), (4, 1, 9)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_between_other_axes(name, shape, dtype):
    x, dy = normal(*shape, dtype=dtype), normal(*shape, dtype=dtype)
    data = mx.nd.array(x, dtype=dtype)
    data.attach_grad()
    with mx.autograd.record():
        y = getattr(mx.nd, name)(data, axis=1, temperature=2)
    y.backward(mx.nd.array(dy, dtype=dtype))
    wide, dwide = x.astype("float64"), dy.astype("float64")
    want = getattr(special, name)(wide / 2, axis=1)
    p = special.softmax(wide / 2, axis=1)
    if name == "softmax":
        dx = p * (dwide - (dwide * p).sum(1, keepdims=True)) / 2
    else:
        dx = (dwide - p * dwide.sum(1, keepdims=True)) / 2
    close = {"float16": 5e-3, "float32": 3e-6, "float64": 1e-12}[dtype]
    assert_allclose(y.asnumpy(), want, rtol=close, atol=close)
    assert_allclose(data.grad.asnumpy(), dx, rtol=close, atol=10 * close)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "complex64"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 1300), 1), ((1100, 9), 0), ((3, 4, 700), 1), ((2, 530, 3), 1), ((2000,), 0)],
)
def test_cumsum_of_long_lines(shape, axis, dtype, reverse):
    x = (normal(*shape) * 10).astype(dtype)
    y = mx.np.array(x, dtype=dtype)
    got = mx.op.invoke("cumsum", [y], {"axis": axis, "reverse": reverse}).asnumpy()
    turned = np.flip(x, axis) if reverse else x
    want = np.cumsum(turned, axis, dtype="complex128" if dtype == "complex64" else None)
    if dtype == "float32":
        want = np.cumsum(turned, axis, dtype="float64")
    want = np.flip(want, axis) if reverse else want
    assert_allclose(got, want.astype(dtype), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 7, 8192, 8193, 50_001])
def test_dot_of_two_vectors(k):
    x, y = normal(k), normal(k)
    want = x.astype("float64") @ y.astype("float64")
    got = mx.np.dot(mx.np.array(x), mx.np.array(y)).item()
    assert abs(got - want) < 1e-6 * np.abs(x * y).sum()


@pytest.mark.parametrize(("k", "n"), [(1, 5), (9, 1), (300, 77), (1003, 520)])
def test_products_with_a_vector(k, n):
    x, w = normal(k), normal(k, n)
    want = x.astype("float64") @ w.astype("float64")
    close = {"rtol": 1e-4, "atol": 1e-4}
    vector, matrix = mx.nd.array(x), mx.nd.array(w)
    assert_allclose(mx.nd.dot(vector, matrix).asnumpy(), want, **close)
    column = vector.reshape((k, 1))
    assert_allclose(mx.nd.dot(matrix, vector, transpose_a=True).asnumpy(), want, **close)
    assert_allclose(mx.nd.dot(matrix, column, transpose_a=True).asnumpy()[:, 0], want, **close)
    turned = mx.nd.array(w.T)
    assert_allclose(mx.nd.dot(turned, vector).asnumpy(), want, **close)
    assert_allclose(mx.nd.dot(column, turned, True, True).asnumpy()[0], want, **close)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_of_floats_of_all_sizes(name):
    bits = RNG.integers(0, 1 << 32, 200_000, dtype=np.uint32)
    x = np.concatenate([bits.view("float32"), normal(50_000) * 100, np.float32([0, -0.0, 1e-40])])
    got = getattr(mx.np, name)(mx.np.array(x)).asnumpy()
    finite = np.isfinite(x)
    assert np.isnan(got[~finite]).all()
    want = getattr(np, name)(x[finite].astype("float64"))
    ulp = np.spacing(np.maximum(np.abs(want), 1e-37).astype("float32"))
    assert (np.abs(got[finite] - want) <= 2 * ulp).all()
    assert_array_equal(np.signbit(got[-3:-1]), np.signbit(getattr(np, name)(x[-3:-1])))


def test_all_float16_numbers_and_those_between():
    half = np.arange(1 << 16, dtype=np.uint16).view("float16")
    got = mx.nd.array(half, dtype="float16").astype("float32").asnumpy()
    assert_array_equal(got, half.astype("float32"))
    x = np.concatenate([normal(100_000) * 1000, normal(100_000) * 1e-6, np.float32([65519, 65520])])
    got = mx.nd.array(x).astype("float16").asnumpy()
    with np.errstate(over="ignore"):
        assert_array_equal(got.view("uint16"), x.astype("float16").view("uint16"))


def test_sums_of_many_floats():
    x = normal(300_007) + 1
    for name in ("sum", "mean"):
        got = getattr(mx.np, name)(mx.np.array(x)).item()
        assert_allclose(got, getattr(np, name)(x, dtype="float64"), rtol=2e-7)
    x[5] = np.nan
    assert_allclose(
        mx.nd.nansum(mx.nd.array(x)).asscalar(), np.nansum(x, dtype="float64"), rtol=2e-7
    )


@pytest.mark.parametrize("n", [1, 2, 7, 30, 64, 97, 143, 1000, 1001, 8192, 40_000])
@pytest.mark.parametrize(("outer", "inner"), [(1, 1), (19, 1), (2, 3), (1, 21)])
def test_fourier_transforms_of_many_lines(n, outer, inner):
    x = normal(outer, n, inner, dtype="float64")
    data = mx.np.array(x, dtype="float64")
    want = np.fft.fft(x, axis=1)
    close = {"rtol": 1e-9, "atol": 1e-9 * n**0.5}
    assert_allclose(mx.np.fft.fft(data, axis=1).asnumpy(), want, **close)
    half = mx.np.fft.rfft(data, axis=1)
    assert_allclose(half.asnumpy(), want[:, : n // 2 + 1], **close)
    assert_allclose(mx.np.fft.irfft(half, n=n, axis=1).asnumpy(), x, **close)
    small = mx.np.array(x, dtype="float32")
    got = mx.np.fft.fft(small, axis=1).asnumpy()
    assert np.abs(got - want).max() < 3e-7 * np.log2(n + 1) * np.sqrt((x**2).sum(1).max() * n)
    assert_allclose(mx.np.fft.ifft(mx.np.array(got), axis=1).asnumpy(), x, rtol=1e-4, atol=1e-5)


def test_gelu_keeps_the_digits_of_its_tail():
    x = np.linspace(-9, 9, 100_001).astype("float32")
    y = mx.nd.LeakyReLU(mx.nd.array(x), act_type="gelu").asnumpy()
    want = x * special.ndtr(x.astype("float64"))
    inner = np.abs(x) < 5.5
    assert_allclose(y[inner], want[inner], rtol=2e-5, atol=1e-12)
    assert_allclose(y, want, rtol=2e-7, atol=3e-7)
