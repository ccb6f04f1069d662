"""Sorting of all types: NaN, zeros of both signs, equal numbers, both directions, long and short."""

import numpy as np
import pytest

import plait as mx
from plait import op

FLOATS = ("float16", "float32", "float64")
WHOLE = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
SHAPES = [((1,), 0), ((7,), 0), ((5, 700), 1), ((600, 37), 0), ((2, 400, 3), 1), ((150000,), 0)]


def numbers(dtype, shape):
    """Numbers with many equal ones and, of floating types, all that compares in a special way."""
    rng = np.random.default_rng(len(dtype) + sum(shape))
    kind = rng.random(shape)
    if dtype == "bool":
        return kind < 0.5
    if dtype in FLOATS:
        x = (np.round(rng.normal(size=shape) * 20) / 8).astype(dtype)
        for i, special in enumerate((np.nan, -np.nan, -0.0, 0.0, np.inf, -np.inf)):
            x[(kind > 0.05 * i) & (kind < 0.05 * (i + 1))] = special
        return x
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return np.where(kind < 0.5, x, (x % 50).astype(dtype))


def order_of(x, axis, is_ascend):
    """NumPy's stable order; NaN is the largest, so it comes first where the largest do."""
    if is_ascend:
        return np.argsort(x, axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis, kind="stable"), axis)


def bits(x):
    return x.view(f"u{x.dtype.itemsize}")


def run(name, x, **attrs):
    result = op.invoke(name, [mx.nd.array(x, dtype=x.dtype)], attrs)
    return [r.asnumpy() for r in result] if isinstance(result, (list, tuple)) else result.asnumpy()


@pytest.mark.parametrize("is_ascend", [True, False])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
def test_order(dtype, shape, axis, is_ascend):
    x = numbers(dtype, shape)
    order = order_of(x, axis, is_ascend)
    values = np.take_along_axis(x, order, axis)
    attrs = {"axis": axis, "is_ascend": is_ascend}
    np.testing.assert_array_equal(bits(run("sort", x, **attrs)), bits(values))
    np.testing.assert_array_equal(run("argsort", x, **attrs, dtype="int64"), order)
    for k in (1, 3, 40):
        if k > shape[axis]:
            continue
        v, i = run("topk", x, k=k, ret_typ="both", dtype="int64", **attrs)
        first = np.take(order, range(k), axis)
        np.testing.assert_array_equal(i, first)
        np.testing.assert_array_equal(bits(v), bits(np.take(values, range(k), axis)))
        mask = np.zeros(shape, dtype)
        np.put_along_axis(mask, first, 1, axis)
        np.testing.assert_array_equal(run("topk", x, k=k, ret_typ="mask", **attrs), mask)


@pytest.mark.parametrize("shape, axis", [((300, 20), 0), ((20, 300), 1), ((60000,), 0)])
def test_gradient_goes_back_to_the_places(shape, axis):
    x = numbers("float32", shape)
    data = mx.nd.array(x)
    data.attach_grad()
    with mx.autograd.record():
        y = op.invoke("sort", [data], {"axis": axis, "is_ascend": False})
    dout = np.random.default_rng(1).normal(size=shape).astype("float32")
    y.backward(mx.nd.array(dout))
    want = np.zeros(shape, "float32")
    np.put_along_axis(want, order_of(x, axis, False), dout, axis)
    np.testing.assert_array_equal(data.grad.asnumpy(), want)


@pytest.mark.parametrize("axis", [0, 1])
def test_nothing_to_sort(axis):
    for shape in ((0, 3), (3, 0)):
        x = np.zeros(shape, "float32")
        assert run("sort", x, axis=axis).shape == shape
        assert run("argsort", x, axis=axis).shape == shape
