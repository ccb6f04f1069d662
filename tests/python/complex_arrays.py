"""Complex arrays for tests, and gradients of functions of them."""

import numpy as np

import plait as mx
from plait import autograd

RNG = np.random.default_rng(5)


def numbers(*shape, dtype="complex128"):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)


def close(got, want, tolerance=None):
    want = np.asarray(want)
    assert got.shape == want.shape and got.asnumpy().dtype == want.dtype
    tolerance = tolerance or (2e-6 if want.dtype in ("complex64", "float32") else 1e-12)
    np.testing.assert_allclose(got.asnumpy(), want, rtol=tolerance, atol=tolerance)


def gradient(f, *arrays):
    leaves = [mx.np.array(x, dtype=x.dtype) for x in arrays]
    for x in leaves:
        x.attach_grad()
    with autograd.record():
        y = f(*leaves)
    y.backward()
    return [x.grad.asnumpy() for x in leaves]


def numeric(f, arrays, which, step=1e-6):
    """dL/dx - i dL/dy by central differences."""
    x = arrays[which]
    found = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        slopes = []
        for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[which][at] += sign * step * unit
                values.append(f(*[mx.np.array(a, dtype=a.dtype) for a in moved]).item())
            slopes.append((values[0] - values[1]) / (2 * step))
        found[at] = slopes[0] - 1j * slopes[1] if len(slopes) == 2 else slopes[0]
    return found


def loss(y):
    y = mx.np.reshape(y, (-1,))
    weights = mx.np.array(np.cos(np.arange(y.size)), dtype="float64")
    return ((mx.np.abs(y - 0.3) ** 2 + y.real - 2 * y.imag) * weights).sum()
