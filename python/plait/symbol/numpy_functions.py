"""Functions of `mx.sym.np` that are made of several operators.

A symbol has no number of axes before it is bound, so only functions that need none are here.
"""

import math

import numpy as np

from .arithmetic import operator
from .compose import compose
from .create import arange, full

__all__ = ["FUNCTIONS", "LINALG"]


def _apply(op, *inputs, **attrs):
    return compose(op, None, inputs, attrs)


def _reduced(op, a, axis, keepdims):
    return _apply(op, a, axis=() if axis is None else axis, keepdims=keepdims)


def _slice(a, axis, begin, end):
    return _apply("slice_axis", a, axis=axis, begin=begin, end=end)


def _flat(a):
    return operator("reshape")(a, shape=(-1,))


def all(a, axis=None, keepdims=False):
    """1 where no element along the axes is 0."""
    return _reduced("min", a != 0, axis, keepdims)


def any(a, axis=None, keepdims=False):
    """1 where an element along the axes is not 0."""
    return _reduced("max", a != 0, axis, keepdims)


def var(a, axis=None, keepdims=False):
    """Mean of the squared distances from the mean."""
    mean = _reduced("mean", a, axis, True)
    return _reduced("mean", _apply("square", a - mean), axis, keepdims)


def std(a, axis=None, keepdims=False):
    """Square root of `var`."""
    return _apply("sqrt", var(a, axis, keepdims))


def average(a, axis=None, weights=None, keepdims=False):
    """Mean, weighted by an array that broadcasts to `a`."""
    if weights is None:
        return _reduced("mean", a, axis, keepdims)
    spread = weights * _apply("ones_like", a)
    return _reduced("sum", a * weights, axis, keepdims) / _reduced("sum", spread, axis, keepdims)


def trace(a, offset=0, axis1=0, axis2=1):
    """Sum of the diagonal of the first two axes."""
    if (axis1, axis2) != (0, 1):
        raise ValueError(f"trace: axes are {axis1} and {axis2}, must be 0 and 1")
    return _apply("sum", _apply("diagonal", a, offset=offset, axis1=0, axis2=1), axis=-1)


def argsort(a, axis=-1):
    """Indices that sort along the axis."""
    return _apply("argsort", a, axis=axis, dtype="int64")


def diff(a, n=1, axis=-1):
    """Differences of neighbours along the axis, n times."""
    for _ in range(n):
        a = _slice(a, axis, 1, None) - _slice(a, axis, 0, -1)
    return a


def ediff1d(ary):
    """Differences of neighbours of all elements."""
    return diff(_flat(ary))


def roll(a, shift, axis=None):
    """Elements moved along an axis, those that leave coming back in front.

    Raises
    ------
    ValueError
        If `axis` is None: the shape is not known.
    """
    if axis is None:
        raise ValueError("roll: axis is None, must be an int for symbols")
    if shift == 0:
        return a
    return _apply("concat", _slice(a, axis, -shift, None), _slice(a, axis, 0, -shift), dim=axis)


def fliplr(m):
    """Elements in reverse order along axis 1."""
    return _apply("flip", m, axis=(1,))


def flipud(m):
    """Elements in reverse order along axis 0."""
    return _apply("flip", m, axis=(0,))


def split(ary, indices_or_sections, axis=0):
    """List of the pieces of an array."""
    pieces = operator("split_v2")(ary, indices_or_sections, axis=axis)
    return [pieces[i] for i in range(len(pieces))]


def append(arr, values, axis=None):
    """Arrays joined along an axis, or all their elements."""
    if axis is None:
        arr, values, axis = _flat(arr), _flat(values), 0
    return _apply("concat", arr, values, dim=axis)


def delete(arr, obj, axis=None):
    """Without the row of number `obj` along an axis."""
    if axis is None:
        arr, axis = _flat(arr), 0
    if obj in (0, -1):
        return _slice(arr, axis, *((1, None) if obj == 0 else (0, -1)))
    return _apply("concat", _slice(arr, axis, 0, obj), _slice(arr, axis, obj + 1, None), dim=axis)


def ravel(a):
    """All elements as a vector."""
    return _flat(a)


def repeat(a, repeats, axis=None):
    """Each element `repeats` times."""
    return _apply("repeat", a, repeats=repeats, axis=axis)


def diag(v, k=0):
    """The diagonal of a matrix, or a matrix with the vector as its diagonal."""
    return _apply("diag", v, k=k)


def diagflat(v, k=0):
    """A matrix with all elements as its diagonal."""
    return _apply("diag", _flat(v), k=k)


def dot(a, b):
    """Sums of products over the last axis of `a` and the first of `b`."""
    return _apply("dot", a, b)


def vdot(a, b):
    """Sum of the products of all elements."""
    return _apply("sum", _flat(a) * _flat(b))


def inner(a, b):
    """Sums of products over the last axes of two matrices."""
    return _apply("dot", a, b, transpose_b=True)


def outer(a, b):
    """Products of all pairs of elements."""
    return operator("reshape")(a, shape=(-1, 1)) * operator("reshape")(b, shape=(1, -1))


def polyval(p, x):
    """A polynomial with numbers as coefficients, the highest power first."""
    total = _apply("zeros_like", x)
    for c in np.asarray(p, dtype="float64").tolist():
        total = total * x + c
    return total


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities replaced by numbers; None: the largest and least of float32."""
    most = float(np.finfo("float32").max)
    for where, value in (
        (_apply("isnan", x), nan),
        (isposinf(x), most if posinf is None else posinf),
        (isneginf(x), -most if neginf is None else neginf),
    ):
        x = _apply("where", where, _apply("full_like", x, fill_value=float(value)), x)
    return x


def isposinf(x):
    """1 where an element is infinite and above 0."""
    return x == math.inf


def isneginf(x):
    """1 where an element is infinite and below 0."""
    return x == -math.inf


def around(x, decimals=0):
    """Rounded to so many decimals, halves to the even neighbour."""
    if decimals == 0:
        return _apply("round_even", x)
    scale = 10.0**decimals
    return _apply("round_even", x * scale) / scale


def eye(N, M=None, k=0, dtype="float32"):
    """Ones on a diagonal."""
    return compose("eye", None, (), {"N": N, "M": M or 0, "k": k, "dtype": dtype or "float32"})


def identity(n, dtype="float32"):
    """The unit matrix."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype="float32"):
    """Ones on and below a diagonal."""
    return _apply("tril", full((N, M or N), 1.0, dtype=dtype), k=k)


def linspace(start, stop, num=50, endpoint=True, dtype="float32"):
    """`num` numbers at equal distances."""
    attrs = {"start": float(start), "stop": float(stop), "num": num, "endpoint": endpoint}
    return compose("linspace", None, (), {**attrs, "dtype": dtype or "float32"})


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype="float32"):
    """Powers of `base` whose exponents are `linspace`."""
    return float(base) ** linspace(start, stop, num, endpoint, dtype)


def _window(offset, *amplitudes):
    """A function for sums of cosines over one period."""

    def window(M, dtype="float32"):
        if M <= 1:
            return full((max(M, 0),), 1.0, dtype=dtype)
        angle = arange(0, M, dtype=dtype) * (2 * math.pi / (M - 1))
        total = None
        for k, amplitude in enumerate(amplitudes, 1):
            term = _apply("cos", angle * float(k)) * amplitude
            total = term if total is None else total + term
        return total + offset

    window.__doc__ = "Weights of a window of M samples."
    return window


def unravel_index(indices, shape):
    """Indices along each axis of an array of `shape`, of places in it."""
    places = _apply("unravel_index", indices, shape=tuple(shape))
    rows = _apply("split", places, num_outputs=len(shape), axis=0, squeeze_axis=True)
    return tuple(rows[i] for i in range(len(rows)))


def zeros_like(a):
    """Zeros of the same shape."""
    return _apply("zeros_like", a)


def ones_like(a):
    """Ones of the same shape."""
    return _apply("ones_like", a)


FUNCTIONS = {
    f.__name__: f
    for f in (
        all, any, append, argsort, around, average, delete, diag, diagflat, diff, dot, ediff1d, eye,
        fliplr, flipud, identity, inner, isneginf, isposinf, linspace, logspace, nan_to_num,
        ones_like, outer, polyval, ravel, repeat, roll, split, std, trace, tri, unravel_index, var,
        vdot, zeros_like,
    )
}  # fmt: skip
FUNCTIONS.update(
    blackman=_window(0.42, -0.5, 0.08), empty_like=zeros_like, hamming=_window(0.54, -0.46),
    hanning=_window(0.5, -0.5), round=around, round_=around, sometrue=any,
)  # fmt: skip


def _several(op):
    def function(a, **attrs):
        made = compose(op, None, (a,), attrs)
        return tuple(made[i] for i in range(len(made)))

    function.__doc__ = f"As `mx.np.linalg.{op}`, of symbols."
    return function


def _one(op, doc):
    def function(*inputs, **attrs):
        return compose(op, None, inputs, attrs)

    function.__doc__ = doc
    return function


LINALG = {
    "cholesky": _one("cholesky", "The lower triangular factor."),
    "det": _one("det", "Determinants."),
    "inv": _one("inverse", "Inverses."),
    "solve": _one("solve", "x with a x = b."),
    "norm": _one("norm", "Norms; `ord` is 1 or 2."),
    "eig": _several("eig"),
    "eigh": _several("eigh"),
    "qr": _several("qr"),
    "slogdet": _several("slogdet"),
    "svd": _several("svd"),
    "eigvals": lambda a: LINALG["eig"](a)[0],
    "eigvalsh": lambda a: LINALG["eigh"](a)[0],
}
