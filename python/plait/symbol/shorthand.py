"""Functions of `mx.sym` with further spellings of their arguments."""

import math
from builtins import pow as builtin_pow

from .._gen import sym as _generated
from .arithmetic import binary_hint
from .compose import compose
from .symbol import Symbol

__all__ = [
    "AvgPool",
    "Convolution",
    "FullyConnected",
    "LabelCrossEntropyOutput",
    "MaxPool",
    "histogram",
    "hypot",
    "maximum",
    "minimum",
    "pow",
    "power",
    "split_v2",
]

_LEAST = 1e-30  # the smallest probability whose logarithm is taken


def _pair(value, like=None):
    """A number for each of two spatial axes."""
    if value is None or isinstance(value, (tuple, list)):
        return value
    return (value,) * (len(like) if isinstance(like, (tuple, list)) else 2)


def _window(kwargs, kernel_size):
    if kernel_size is not None:
        if kwargs.get("kernel") is not None:
            raise TypeError("kernel and kernel_size are given, must be one of them")
        kwargs["kernel"] = _pair(kernel_size)
    for name in ("kernel", "stride", "pad", "dilate"):
        if kwargs.get(name) is not None:
            kwargs[name] = _pair(kwargs[name], kwargs.get("kernel"))
    return kwargs


def _binary(op, left, right, python, name, reflected=""):
    """A function of two symbols, of a symbol and a number, or of two numbers.

    `reflected` is "r" where a number in front needs another operator than one behind.
    """
    symbols = [isinstance(v, Symbol) for v in (left, right)]
    if not any(symbols):
        return python(left, right)
    if all(symbols):
        return compose(op, name, (left, right), {}, hint=binary_hint(op))
    data, number = (left, right) if symbols[0] else (right, left)
    side = "" if symbols[0] else reflected
    attrs, hint = {"scalar": float(number)}, binary_hint(op, True, side)
    return compose(f"{side}{op}_scalar", name, (data,), attrs, hint=hint)


def maximum(left, right, name=None):
    """The larger of two, element by element; each is a symbol or a number."""
    return _binary("maximum", left, right, max, name)


def minimum(left, right, name=None):
    """The smaller of two, element by element; each is a symbol or a number."""
    return _binary("minimum", left, right, min, name)


def power(base, exp, name=None):
    """`base` to the power `exp`; each is a symbol or a number."""
    return _binary("power", base, exp, builtin_pow, name, "r")


pow = power


def hypot(left, right, name=None):
    """The square root of the sum of the squares; each is a symbol or a number."""
    return _binary("hypot", left, right, math.hypot, name)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False, name=None):
    """Take a symbol apart along an axis.

    Parameters
    ----------
    ary : Symbol
    indices_or_sections : int or tuple of int
        Number of equal pieces, or the first index of each piece but the first.
    axis : int
    squeeze_axis : bool
        Drop the axis from pieces of size 1.
    """
    if hasattr(indices_or_sections, "__index__"):
        pieces = {"indices": (), "sections": int(indices_or_sections)}
    else:
        pieces = {"indices": (0, *indices_or_sections)}
    return _generated._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, name=name, **pieces)


def FullyConnected(*args, activation=None, **kwargs):
    """As the operator, with an activation behind it if `activation` (relu, ...) is given."""
    out = _generated.FullyConnected(*args, **kwargs)
    return out if activation is None else _generated.Activation(out, act_type=activation)


def Convolution(*args, kernel_size=None, activation=None, **kwargs):
    """As the operator; `kernel_size`, `stride` and `pad` may be one number for two axes."""
    out = _generated.Convolution(*args, **_window(kwargs, kernel_size))
    return out if activation is None else _generated.Activation(out, act_type=activation)


def MaxPool(data=None, kernel_size=None, stride=None, pad=None, name=None, **kwargs):
    """Largest values of windows: `Pooling` with pool_type max."""
    kwargs.update(stride=stride if stride is not None else kernel_size, pad=pad)
    kwargs = {k: v for k, v in _window(kwargs, kernel_size).items() if v is not None}
    return _generated.Pooling(data, pool_type="max", name=name, **kwargs)


def AvgPool(data=None, kernel_size=None, stride=None, pad=None, name=None, **kwargs):
    """Means of windows: `Pooling` with pool_type avg."""
    kwargs.update(stride=stride if stride is not None else kernel_size, pad=pad)
    kwargs = {k: v for k, v in _window(kwargs, kernel_size).items() if v is not None}
    return _generated.Pooling(data, pool_type="avg", name=name, **kwargs)


def LabelCrossEntropyOutput(data=None, label=None, name=None):
    """Cross entropy of probabilities and labels, one number for each sample.

    Parameters
    ----------
    data : Symbol
        Probabilities (batch, classes), such as those of `SoftmaxOutput`.
    label : Symbol
        Numbers of the classes, (batch,).
    """
    chosen = _generated.pick(data, label, axis=1)
    floor = _generated.clip(chosen, a_min=_LEAST, a_max=1.0)
    return _generated.negative(_generated.log(floor), name=name)


def histogram(a, bins=10, range=None, name=None):
    """How many elements lie in each of some bins, and the edges of the bins.

    Parameters
    ----------
    a : Symbol
    bins : int or Symbol
        Number of bins of equal width over `range`, or the edges, ascending. The last edge belongs
        to the last bin.
    range : (float, float)
        Least and greatest edge; needed with a number of bins.

    Returns
    -------
    (Symbol, Symbol)
        Counts as int64, and edges.

    Raises
    ------
    ValueError
        If `range` is missing: symbols have no least and greatest element yet.
    """
    if isinstance(bins, Symbol):
        edges = bins
    elif range is None:
        raise ValueError("histogram: range is None, must be given for a symbol")
    else:
        attrs = {"start": float(range[0]), "stop": float(range[1]), "num": bins + 1}
        edges = compose("linspace", None, (), {**attrs, "endpoint": True, "dtype": "float32"})
    values = _generated.reshape(a, shape=(-1, 1))
    low = _generated.slice_axis(edges, axis=0, begin=0, end=-1)
    high = _generated.slice_axis(edges, axis=0, begin=1, end=None)
    last = _generated.slice_axis(edges, axis=0, begin=-1, end=None)
    inside = _generated.broadcast_greater_equal(values, low)
    below = _generated.broadcast_lesser(values, high)
    at_end = _generated.broadcast_mul(
        _generated.broadcast_equal(values, last), _generated.broadcast_equal(high, last)
    )
    counts = _generated.sum(inside * _generated.broadcast_add(below, at_end), axis=0)
    return _generated.Cast(counts, dtype="int64", name=name), edges
