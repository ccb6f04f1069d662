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
