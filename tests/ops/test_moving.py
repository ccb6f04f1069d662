"""Elements moved by rows: long and short ones, in step and askew, of every size of an element."""

import numpy as np
import pytest

import plait as mx
from plait import np as mnp

DTYPES = ("bool", "int8", "float16", "float32", "int64", "complex128")


def numbers(dtype, *shape):
    x = np.random.default_rng(sum(shape)).integers(-99, 99, shape)
    return x % 2 == 0 if dtype == "bool" else x.astype(dtype)


def same(got, want):
    assert got.shape == want.shape and got.dtype == want.dtype
    np.testing.assert_array_equal(got.asnumpy(), want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 16, 1021, 3000])
def test_rows(dtype, width):
    x = numbers(dtype, 5, width)
    a = mnp.array(x, dtype=dtype)
    same(mnp.roll(a, 3, axis=1), np.roll(x, 3, axis=1))
    same(mnp.repeat(a, 2, axis=1), np.repeat(x, 2, axis=1))
    same(mnp.repeat(a[:, ::2], 3, axis=0), np.repeat(x[:, ::2], 3, axis=0))
    same(mnp.concatenate([a, a[:, :1], a], axis=1), np.concatenate([x, x[:, :1], x], axis=1))
    same(mnp.stack([a, a[::-1]], axis=-1), np.stack([x, x[::-1]], axis=-1))
    index = np.random.default_rng(width).integers(-width, width, 40)
    same(mnp.take(a, mnp.array(index), axis=1), np.take(x, index, axis=1))
    same(a[:, mnp.array(index)], x[:, index])
    same(a[mnp.array(index % 5)], x[index % 5])
    same(a.T[mnp.array(index)], x.T[index])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_pad(dtype, mode):
    rng = np.random.default_rng(len(dtype))
    for shape in ((5,), (3, 4), (2, 3, 4), (2, 3, 1, 600), (1, 1)):
        x = numbers(dtype, *shape)
        for _ in range(4):
            width = [tuple(map(int, rng.integers(0, 4, 2) * (rng.random(2) < 0.6))) for _ in shape]
            for values in (0, -1, ((1, 2),)):
                given = {"constant_values": values} if mode == "constant" else {}
                want = np.pad(x, width, mode, **given)
                same(mnp.pad(mnp.array(x, dtype=dtype), width, mode, **given), want)


@pytest.mark.parametrize("width", [1, 5, 40, 600])
def test_sums_of_rows(width):
    rng = np.random.default_rng(width)
    index, dout = rng.integers(0, 30, 200), rng.integers(-9, 9, (200, width)).astype("float32")
    want = np.zeros((40, width), "float32")
    np.add.at(want, index, dout)
    for pick in (
        lambda w: mnp.take(w, mnp.array(index), axis=0),
        lambda w: w[mnp.array(index)],
        lambda w: mx.npx.embedding(mnp.array(index), w, input_dim=40, output_dim=width),
        lambda w: mx.npx.gather_nd(w, mnp.array(index[None])),
    ):
        w = mnp.zeros((40, width))
        w.attach_grad()
        with mx.autograd.record():
            y = pick(w)
        y.backward(mnp.array(dout))
        same(w.grad, want)
    w = mnp.zeros((2, 40, width))
    w.attach_grad()
    with mx.autograd.record():
        y = mnp.take(w, mnp.array(index), axis=1)
    y.backward(mnp.array(np.stack([dout, 2 * dout])))
    same(w.grad, np.stack([want, 2 * want]))


@pytest.mark.parametrize("k", [-70, -3, 0, 2, 90])
def test_eye(k):
    same(mnp.eye(50, 70, k=k), np.eye(50, 70, k=k, dtype="float32"))
