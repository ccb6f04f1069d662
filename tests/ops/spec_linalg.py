"""Entries of core/ops/linalg."""

import numpy as np
from harness import HALVES, NUMBERS, Spec, normal


def dot(a, b, transpose_a=False, transpose_b=False):
    if transpose_a and a.ndim > 1:
        a = np.moveaxis(a, 0, -1)
    if transpose_b and b.ndim > 1:
        b = np.moveaxis(b, -1, 0)
    return np.atleast_1d(np.tensordot(a, b, (-1, 0)))


def batch_dot(a, b, transpose_a=False, transpose_b=False):
    a = a.swapaxes(-1, -2) if transpose_a else a
    return a @ (b.swapaxes(-1, -2) if transpose_b else b)


Spec(
    "dot",
    dot,
    [
        ((normal(3, 4), normal(4, 5)), {}),
        ((normal(4, 3), normal(5, 4)), dict(transpose_a=True, transpose_b=True)),
        ((normal(2, 3, 4), normal(4, 5)), {}),
        ((normal(4), normal(4)), {}),
        ((normal(3, 0), normal(0, 2)), {}),
    ],
    dtypes=(*NUMBERS, *HALVES),
    grad=(0, 1),
    second=True,
    raises=[
        ((normal(3, 4), normal(3, 4)), {}, ValueError, "must equal rhs.shape"),
        ((np.array(1.0), normal(3)), {}, ValueError, "must have at least 1 axis"),
        ((normal(2, 2), np.ones((2, 2), "float32")), {}, TypeError, "rhs has dtype float32"),
    ],
)
Spec(
    "batch_dot",
    batch_dot,
    [
        ((normal(2, 3, 4), normal(2, 4, 5)), {}),
        ((normal(2, 4, 3), normal(2, 5, 4)), dict(transpose_a=True, transpose_b=True)),
        ((normal(2, 2, 3, 4), normal(2, 2, 5, 4)), dict(transpose_b=True)),
    ],
    dtypes=(*NUMBERS, *HALVES),
    grad=(0, 1),
    second=True,
    raises=[
        ((normal(2, 3, 4), normal(3, 4, 5)), {}, ValueError, "axis 0 must be equal"),
        ((normal(2, 3, 4), normal(2, 3, 4)), {}, ValueError, "the axes summed over"),
        ((normal(2, 3, 4), normal(3, 4)), {}, ValueError, "same number of axes"),
    ],
)


def transform(x, axes=(-1,), inverse=False, norm="backward"):
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)


LINES = normal(3, 6, 5) + 1j * normal(3, 6, 5)
Spec(
    "fft",
    transform,
    [
        ((normal(3, 8),), {}),
        ((LINES,), dict(axes=(1, 0), norm="ortho")),
        ((LINES,), dict(axes=(-1, 1), inverse=True, norm="forward")),
        ((normal(0, 3),), {}),
    ],
    raises=[
        ((normal(3),), dict(axes=()), ValueError, r"axes is \(\), must name an axis"),
        ((normal(3),), dict(axes=(1,)), IndexError, "axes is 1"),
        ((normal(3, 0),), {}, ValueError, "must have elements along axis"),
        ((normal(3),), dict(norm="x"), ValueError, "norm is 'x'"),
    ],
)
Spec(
    "rfft",
    lambda x, axis=-1, norm="backward": np.fft.rfft(x, axis=axis, norm=norm),
    [
        ((normal(3, 8),), {}),
        ((normal(3, 7, 2),), dict(axis=1, norm="ortho")),
        ((normal(4, 1),), dict(norm="forward")),
    ],
    raises=[((LINES,), {}, TypeError, "data has dtype complex128, must be floating")],
)
Spec(
    "irfft",
    lambda x, n, axis=-1, norm="backward": np.fft.irfft(x, n, axis=axis, norm=norm),
    [
        ((LINES,), dict(n=8)),
        ((LINES,), dict(n=11, axis=1, norm="ortho")),
        ((LINES[..., :1],), dict(n=1, norm="forward")),
    ],
    dtypes=("float64",),
    raises=[
        ((LINES,), dict(n=7), ValueError, "n is 7, must be >= 1"),
        ((normal(3),), dict(n=4), TypeError, "data has dtype float64, must be complex"),
    ],
)


def interleaved(x, compute_size=128):
    y = np.fft.fft(x)
    return np.stack([y.real, y.imag], -1).reshape(*x.shape[:-1], 2 * x.shape[-1])


def from_interleaved(x, compute_size=128):
    return np.fft.ifft(x[..., ::2] + 1j * x[..., 1::2]).real * (x.shape[-1] // 2)


Spec(
    "contrib_fft",
    interleaved,
    [((normal(3, 5),), {}), ((normal(2, 1, 2, 8),), {"compute_size": 2}), ((normal(0, 3),), {})],
    dtypes=("float32", "float64", *HALVES),
    grad=(0,),
    second=True,
    raises=[
        ((normal(3, 0),), {}, ValueError, "contrib_fft: data has shape"),
        ((np.ones((2, 2), "int32"),), {}, TypeError, "data has dtype int32, must be floating"),
    ],
)
Spec(
    "contrib_ifft",
    from_interleaved,
    [((normal(3, 10),), {}), ((normal(2, 1, 2, 8),), {})],
    dtypes=("float32", "float64", *HALVES),
    grad=(0,),
    second=True,
    raises=[((normal(3, 5),), {}, ValueError, "contrib_ifft: data has shape .* must have pairs")],
)
