"""Functions of `mx.sym` with further spellings of their arguments."""

import math
from builtins import pow as builtin_pow

from .._gen import sym as _generated
from .symbol import Symbol

__all__ = [
    "AvgPool",
    "Convolution",
    "FullyConnected",
    "LabelCrossEntropyOutput",
    "MaxPool",
    "hypot",
    "maximum",
    "minimum",
    "pow",
    "power",
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


def _binary(left, right, function, scalar, reversed_scalar, python, name=None):
    """A function of two symbols, of a symbol and a number, or of two numbers."""
    symbols = [isinstance(v, Symbol) for v in (left, right)]
    if all(symbols):
        return getattr(_generated, function)(left, right, name=name)
    if not any(symbols):
        return python(left, right)
    if symbols[0]:
        return getattr(_generated, scalar)(left, scalar=float(right), name=name)
    return getattr(_generated, reversed_scalar)(right, scalar=float(left), name=name)


def maximum(left, right, name=None):
    """The larger of two, element by element; each is a symbol or a number."""
    return _binary(
        left, right, "broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max, name
    )


def minimum(left, right, name=None):
    """The smaller of two, element by element; each is a symbol or a number."""
    return _binary(
        left, right, "broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min, name
    )


def power(base, exp, name=None):
    """`base` to the power `exp`; each is a symbol or a number."""
    return _binary(
        base, exp, "broadcast_power", "_power_scalar", "_rpower_scalar", builtin_pow, name
    )


pow = power


def hypot(left, right, name=None):
    """The square root of the sum of the squares; each is a symbol or a number."""
    return _binary(
        left, right, "broadcast_hypot", "_hypot_scalar", "_hypot_scalar", math.hypot, name
    )


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
