"""Discrete Fourier transforms: `mx.np.fft`, with gradients.

Results are complex64, or complex128 for float64 and complex128. Gradients of complex arrays follow
the convention of JAX: dL/dx - i dL/dy for x + iy.
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from ._axes import roll
from ._creation import _on
from ._padding import pad
from .multiarray import ndarray

__all__ = [
    "fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft", "irfft", "rfft2", "irfft2", "rfftn",
    "irfftn", "hfft", "ihfft", "fftfreq", "rfftfreq", "fftshift", "ifftshift",
]  # fmt: skip

_FFT, _RFFT, _IRFFT = operator("fft"), operator("rfft"), operator("irfft")
_SLICE = operator("slice_axis")
_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _norm_of(name: str, norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in _SWAPPED:
        raise ValueError(f"{name}: norm is {norm!r}, must be one of {list(_SWAPPED)}")
    return str(norm)


def _sized(name: str, x: Any, n: Any, axis: int) -> Any:
    """The first n elements along an axis, or zeros behind those that there are."""
    if n is None or n == x.shape[axis]:
        return x
    if n < 1:
        raise ValueError(f"{name}: n is {n}, must be >= 1")
    if n < x.shape[axis]:
        return invoke(_SLICE, (x,), (axis, 0, int(n)), None, ndarray, True)
    widths = [(0, n - x.shape[axis] if i == axis else 0) for i in range(x.ndim)]
    return pad(x, widths)


def _operand(name: str, a: Any) -> Any:
    x = _o.floating(_o.array_of(a))
    if not x.ndim:
        raise ValueError(f"{name}: array has no axes, must have one")
    return x


def _real_operand(name: str, a: Any) -> Any:
    x = _operand(name, a)
    if _o.is_complex(x):
        raise TypeError(f"{name}: dtype is {x.dtype_name}, must be real")
    return x


def _complex_operand(name: str, a: Any) -> Any:
    x = _operand(name, a)
    return x if _o.is_complex(x) else _o.cast(x, _o.promoted(x.dtype_name, "complex64"))


def _sizes(name: str, x: Any, s: Any, axes: Any) -> tuple[list[Any], tuple[int, ...]]:
    """(sizes, axes); sizes are None where they stay."""
    if axes is None:
        axes = tuple(range(x.ndim)) if s is None else tuple(range(-len(s), 0))
    axes = _o.axes_of(axes, x.ndim, "axes")
    sizes = [None] * len(axes) if s is None else [None if n == -1 else n for n in s]
    if len(sizes) != len(axes):
        raise ValueError(f"{name}: s is {s}, must have one size for each of the axes {axes}")
    if not axes:
        raise ValueError(f"{name}: axes is (), must name an axis")
    return sizes, axes


def _transform(name: str, a: Any, s: Any, axes: Any, norm: Any, inverse: bool) -> Any:
    x = _operand(name, a)
    sizes, axes = _sizes(name, x, s, axes)
    for n, axis in zip(sizes, axes, strict=True):
        x = _sized(name, x, n, axis)
    return invoke(_FFT, (x,), (axes, inverse, _norm_of(name, norm)), None, ndarray)


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _o.store(result, out)


def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """Discrete Fourier transform along an axis.

    Parameters
    ----------
    a : array_like
        Real or complex.
    n : int, optional
        Length: the array is cut, or zeros are added; default: as it is.
    axis : int
    norm : {'backward', 'ortho', 'forward'}, optional
        Which direction is divided by n: the inverse one (default), both by its root, this one.

    Returns
    -------
    ndarray
        Complex, with n elements along axis.

    Raises
    ------
    ValueError
        The array has no axes, `n` is not positive or `norm` is unknown.
    """
    return _finish(_transform("fft", a, None if n is None else (n,), (axis,), norm, False), out)


def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """Inverse of `fft`, with the same arguments."""
    return _finish(_transform("ifft", a, None if n is None else (n,), (axis,), norm, True), out)


def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = "backward", out: Any = None) -> Any:
    """Discrete Fourier transform along several axes.

    Parameters
    ----------
    s : sequence of int, optional
        Length of each axis, as `n` of `fft`; -1 keeps it.
    axes : sequence of int, optional
        Default: all, or the last ones if `s` is given.
    """
    return _finish(_transform("fftn", a, s, axes, norm, False), out)


def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = "backward", out: Any = None) -> Any:
    """Inverse of `fftn`, with the same arguments."""
    return _finish(_transform("ifftn", a, s, axes, norm, True), out)


def fft2(
    a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward", out: Any = None
) -> Any:
    """`fftn` along the last two axes."""
    return fftn(a, s, axes, norm, out)


def ifft2(
    a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward", out: Any = None
) -> Any:
    """`ifftn` along the last two axes."""
    return ifftn(a, s, axes, norm, out)


def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """The first n // 2 + 1 results of `fft` for real numbers; the others are their conjugates.

    Raises
    ------
    TypeError
        The array is complex.
    """
    x = _real_operand("rfft", a)
    (axis,) = _o.axes_of(axis, x.ndim)
    x = _sized("rfft", x, n, axis)
    return _finish(invoke(_RFFT, (x,), (axis, _norm_of("rfft", norm)), None, ndarray), out)


def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """Inverse of `rfft`: real numbers.

    Parameters
    ----------
    n : int, optional
        How many; default: 2 (m - 1) for m elements along axis. n // 2 + 1 of them are read.
    """
    x = _complex_operand("irfft", a)
    (axis,) = _o.axes_of(axis, x.ndim)
    n = 2 * (x.shape[axis] - 1) if n is None else n
    if n < 1:
        raise ValueError(f"irfft: n is {n}, must be >= 1")
    x = _sized("irfft", x, n // 2 + 1, axis)
    attrs = (axis, _norm_of("irfft", norm), int(n))
    return _finish(invoke(_IRFFT, (x,), attrs, None, ndarray), out)


def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = "backward", out: Any = None) -> Any:
    """`rfft` along the last of several axes, then `fft` along the others."""
    x = _real_operand("rfftn", a)
    sizes, axes = _sizes("rfftn", x, s, axes)
    result = rfft(x, sizes[-1], axes[-1], norm)
    if len(axes) > 1:
        result = fftn(result, [-1 if n is None else n for n in sizes[:-1]], axes[:-1], norm)
    return _finish(result, out)


def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = "backward", out: Any = None) -> Any:
    """Inverse of `rfftn`."""
    x = _complex_operand("irfftn", a)
    sizes, axes = _sizes("irfftn", x, s, axes)
    if len(axes) > 1:
        x = ifftn(x, [-1 if n is None else n for n in sizes[:-1]], axes[:-1], norm)
    return irfft(x, sizes[-1], axes[-1], norm, out)


def rfft2(
    a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward", out: Any = None
) -> Any:
    """`rfftn` along the last two axes."""
    return rfftn(a, s, axes, norm, out)


def irfft2(
    a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward", out: Any = None
) -> Any:
    """`irfftn` along the last two axes."""
    return irfftn(a, s, axes, norm, out)


def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """Real transform of numbers with a[-k] the conjugate of a[k], of which one half is given."""
    x = _complex_operand("hfft", a)
    return irfft(x.conj(), n, axis, _SWAPPED[_norm_of("hfft", norm)], out)


def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = "backward", out: Any = None) -> Any:
    """Inverse of `hfft`: the first half of the numbers."""
    return _finish(rfft(a, n, axis, _SWAPPED[_norm_of("ihfft", norm)]).conj(), out)


def _frequencies(name: str, values: Any, n: int, d: float, dtype: Any, device: Any) -> Any:
    if n < 1:
        raise ValueError(f"{name}: n is {n}, must be >= 1")
    result = _o.from_numpy((values / (n * d)).astype(_o.result_dtype(dtype) or _o.float_name()))
    return _on(result, device, None)


def fftfreq(n: int, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Frequencies of the results of `fft` of samples that are `d` apart, in cycles for a unit."""
    half = (n - 1) // 2 + 1
    values = _np.concatenate([_np.arange(half), _np.arange(-(n // 2), 0)])
    return _frequencies("fftfreq", values, n, d, dtype, device)


def rfftfreq(n: int, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Frequencies of the results of `rfft`; see `fftfreq`."""
    return _frequencies("rfftfreq", _np.arange(n // 2 + 1), n, d, dtype, device)


def _shifted(x: Any, axes: Any, steps: Any) -> Any:
    x = _o.array_of(x)
    axes = _o.axes_of(axes, x.ndim, "axes")
    return roll(x, tuple(steps(x.shape[i]) for i in axes), axes) if axes else x.copy()


def fftshift(x: Any, axes: Any = None) -> Any:
    """Halves of axes exchanged, so that the frequency 0 stands in the middle."""
    return _shifted(x, axes, lambda n: n // 2)


def ifftshift(x: Any, axes: Any = None) -> Any:
    """Inverse of `fftshift`."""
    return _shifted(x, axes, lambda n: -(n // 2))
