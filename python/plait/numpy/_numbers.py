"""Rounding, tests of equality, windows, and the dtypes."""

from __future__ import annotations

import math
from typing import Any

import numpy as _np

from .. import _array, _gen
from .._array import invoke, operator
from ..context import current_context
from . import _operands as _o
from ._axes import ravel
from ._choice import where
from ._creation import arange, ones
from ._reduction import all as _all
from .multiarray import ndarray

__all__ = [
    "fabs", "rint", "round", "around", "round_", "nan_to_num", "isclose", "allclose",
    "array_equal", "array_equiv", "isposinf", "isneginf", "isreal", "iscomplex", "isrealobj",
    "iscomplexobj", "isscalar", "positive",
    "divmod", "float_power", "sinc", "modf", "logaddexp2", "spacing", "hanning", "hamming",
    "blackman", "bartlett", "real", "imag", "angle", "astype", "can_cast",
    "result_type", "promote_types", "finfo", "iinfo", "isdtype", "issubdtype", "convolve",
]  # fmt: skip

_ROUND, _COMPLEX = operator("round_even"), operator("complex")


def round(x: Any, decimals: int = 0, out: Any = None) -> Any:
    """Numbers rounded to so many decimals, halves to the even digit; < 0: before the point."""
    if _o.is_scalar(x):
        return _np.round(x, decimals)
    x = _o.array_of(x)
    if _o.is_complex(x):
        parts = [round(part, decimals) for part in (real(x), imag(x))]
        result = invoke(_COMPLEX, tuple(parts), (), None, ndarray)
    elif not _o.is_floating(x) and decimals >= 0:
        result = x.copy()
    elif decimals == 0:
        result = invoke(_ROUND, (x,), (), None, ndarray)
    else:
        scale = 10.0 ** abs(decimals)
        moved = x * scale if decimals > 0 else x / scale
        rounded = invoke(_ROUND, (moved,), (), None, ndarray)
        result = _o.cast(rounded / scale if decimals > 0 else rounded * scale, x.dtype_name)
    return result if out is None else _o.store(result, out)


around = round_ = round


def rint(x: Any, out: Any = None, where: Any = True) -> Any:
    """Nearest whole number, halves to the even one; floating also for integers."""
    x = x if _o.is_scalar(x) else _o.floating(_o.array_of(x))
    return _gen.np.rint(x, out, where)


def fabs(x: Any, out: Any = None, where: Any = True) -> Any:
    """Absolute value; floating also for integers."""
    x = x if _o.is_scalar(x) else _o.floating(_o.array_of(x))
    return _gen.np.fabs(x, out, where)


def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Any:  # fmt: skip
    """NaN and infinities replaced by numbers: 0 and the largest ones, or those given."""
    x = _o.array_of(x)
    if _o.is_complex(x):
        parts = [nan_to_num(part, True, nan, posinf, neginf) for part in (real(x), imag(x))]
        result = invoke(_COMPLEX, tuple(parts), (), None, ndarray)
        return result if copy else _o.store(result, x)
    if not _o.is_floating(x):
        return x.copy() if copy else x
    top = float(_np.finfo("float32" if x.dtype_name == "bfloat16" else x.dtype_name).max)
    result = where(_gen.np.isnan(x), nan, x)
    result = where(isposinf(result), top if posinf is None else posinf, result)
    result = where(isneginf(result), -top if neginf is None else neginf, result)
    return result if copy else _o.store(result, x)


def isposinf(x: Any, out: Any = None) -> Any:
    """True where a number is +inf."""
    result = _o.array_of(x) == math.inf
    return result if out is None else _o.store(result, out)


def isneginf(x: Any, out: Any = None) -> Any:
    """True where a number is -inf."""
    result = _o.array_of(x) == -math.inf
    return result if out is None else _o.store(result, out)


def isreal(x: Any) -> Any:
    """True where the imaginary part is 0."""
    x = _o.array_of(x)
    return imag(x) == 0.0 if _o.is_complex(x) else ones(x.shape, "bool")


def iscomplex(x: Any) -> Any:
    """True where the imaginary part is not 0."""
    return ~isreal(x)


def iscomplexobj(x: Any) -> bool:
    """True if the dtype is complex."""
    return _o.is_complex(_o.array_of(x))


def isrealobj(x: Any) -> bool:
    """True if the dtype is real."""
    return not iscomplexobj(x)


def isscalar(element: Any) -> bool:
    """True for the numbers of Python and NumPy."""
    return _np.isscalar(element)


def isclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """True where |a - b| <= atol + rtol |b|; infinities equal themselves."""
    a, b = _o.operands(a, b)
    if not (_o.is_inexact(a) or _o.is_inexact(b)):
        a, b = _o.cast(a, "float64"), _o.cast(b, "float64")
    finite = _gen.np.isfinite(b)
    close = _gen.np.less_equal(abs(a - b), atol + rtol * abs(b)) & finite | (a == b)
    return close | (_gen.np.isnan(a) & _gen.np.isnan(b)) if equal_nan else close


def allclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """True if `isclose` holds everywhere."""
    return bool(_all(isclose(a, b, rtol, atol, equal_nan)))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """True if shapes and all elements are equal."""
    a, b = _o.array_of(a1), _o.array_of(a2)
    if a.shape != b.shape:
        return False
    same = a == b
    if equal_nan:
        same = same | (_gen.np.isnan(a) & _gen.np.isnan(b))
    return bool(_all(same))


def array_equiv(a1: Any, a2: Any) -> bool:
    """True if the shapes broadcast and all elements are equal."""
    try:
        return bool(_all(_o.array_of(a1) == _o.array_of(a2)))
    except ValueError:
        return False


def positive(x: Any, out: Any = None) -> Any:
    """A copy of the numbers."""
    if _o.is_scalar(x):
        return _np.positive(x)
    result = _o.array_of(x).copy()
    return result if out is None else _o.store(result, out)


def divmod(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Quotient rounded down, and remainder."""
    return _gen.np.floor_divide(x1, x2), _gen.np.mod(x1, x2)


def float_power(x1: Any, x2: Any, out: Any = None) -> Any:
    """x1 to the power x2 in float64."""
    a, b = (_o.cast(x, "float64") for x in _o.operands(x1, x2))
    return _gen.np.power(a, b, out)


def logaddexp2(x1: Any, x2: Any, out: Any = None) -> Any:
    """log2(2**x1 + 2**x2) without overflow."""
    x1, x2 = _o.operands(x1, x2)
    result = _gen.np.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2)
    return result if out is None else _o.store(result, out)


def spacing(x: Any) -> Any:
    """Distance to the next number away from 0."""
    x = _o.floating(_o.array_of(x))
    return _gen.np.nextafter(x, _gen.np.copysign(_o.number(math.inf, x.dtype_name), x)) - x


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x); 1 at 0."""
    x = _o.floating(_o.array_of(x)) * math.pi
    zero = x == 0.0
    return where(zero, 1.0, _gen.np.sin(x) / where(zero, 1.0, x))


def modf(x: Any) -> tuple[Any, Any]:
    """Fraction and whole part, both with the sign of x."""
    x = _o.floating(_o.array_of(x))
    whole = _gen.np.trunc(x)
    infinite = _gen.np.isinf(x)
    return _gen.np.copysign(where(infinite, 0.0, x - whole), x), whole


def real(val: Any) -> Any:
    """The real parts; real numbers themselves."""
    return _o.array_of(val).real


def imag(val: Any) -> Any:
    """The imaginary parts; 0 for real numbers."""
    return _o.array_of(val).imag


def angle(z: Any, deg: bool = False) -> Any:
    """Angle of a number in the complex plane from the positive real axis, in radians or degrees."""
    z = _o.floating(_o.array_of(z))
    if _o.is_complex(z):
        found = _gen.np.arctan2(imag(z), real(z))
    else:
        found = _gen.np.arctan2(z * 0.0, z)
    return found * (180 / math.pi) if deg else found


# --- windows ------------------------------------------------------------------------------------


def _window(M: int, dtype: Any, ctx: Any, weights: tuple[float, ...]) -> Any:
    """Sum of weights[k] cos(2 pi k n / (M - 1))."""
    name = _o.result_dtype(dtype) or _o.float_name()
    if M <= 1:
        return ones((max(M, 0),), name, ctx=ctx)
    n = arange(M, dtype="float64") * (2 * math.pi / (M - 1))
    total = weights[0] + n * 0.0
    for k, weight in enumerate(weights[1:], 1):
        total = total + weight * _gen.np.cos(n * float(k))
    result = _o.cast(total, name)
    return result if ctx is None else result.as_in_context(ctx)


def hanning(M: int, dtype: Any = None, ctx: Any = None) -> Any:
    """Window 0.5 - 0.5 cos(2 pi n / (M - 1))."""
    return _window(M, dtype, ctx, (0.5, -0.5))


def hamming(M: int, dtype: Any = None, ctx: Any = None) -> Any:
    """Window 0.54 - 0.46 cos(2 pi n / (M - 1))."""
    return _window(M, dtype, ctx, (0.54, -0.46))


def blackman(M: int, dtype: Any = None, ctx: Any = None) -> Any:
    """Window 0.42 - 0.5 cos(2 pi n / (M - 1)) + 0.08 cos(4 pi n / (M - 1))."""
    return _window(M, dtype, ctx, (0.42, -0.5, 0.08))


def bartlett(M: int, dtype: Any = None, ctx: Any = None) -> Any:
    """Triangular window that is 0 at both ends."""
    name = _o.result_dtype(dtype) or _o.float_name()
    if M <= 1:
        return ones((max(M, 0),), name, ctx=ctx)
    n = arange(M, dtype="float64") * (2 / (M - 1))
    return _o.cast(1.0 - abs(n - 1.0), name)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Discrete convolution of two vectors.

    Parameters
    ----------
    mode : str
        "full", "same" (as long as the longer vector) or "valid" (without the borders).
    """
    a, v = (
        _o.floating(x) if x.dtype_name == "bool" else x for x in _o.same_dtype(*_o.operands(a, v))
    )
    a, v = ravel(a), ravel(v)
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"convolve: mode is {mode!r}, must be 'full', 'same' or 'valid'")
    if not a.size or not v.size:
        raise ValueError("convolve: a vector is empty, must have at least one element")
    a, v = (a, v) if a.size >= v.size else (v, a)
    from ._padding import pad

    n, m = a.size, v.size
    wide = pad(a, m - 1)
    rows = _np.arange(n + m - 1)[:, None] + _np.arange(m)[None, :]
    full = wide[_o.from_numpy(rows)] @ v[::-1]
    if mode == "full":
        return full
    if mode == "valid":
        return full[m - 1 : n]
    return full[(m - 1) // 2 : (m - 1) // 2 + n]


# --- dtypes -------------------------------------------------------------------------------------


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """The elements converted to `dtype`."""
    result = _o.ours(x, "astype").astype(dtype, copy=copy)
    return result if device is None else result.to_device(device)


def _name(x: Any) -> str:
    return str(x.dtype_name) if isinstance(x, _array.Array) else _o.named(x)


def _as_dtype(name: str) -> Any:
    return name if name == "bfloat16" else _np.dtype(name)


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """True if a dtype (or that of an array) can be converted to another without loss."""
    return bool(_np.can_cast(_name(from_), _name(to), casting))  # type: ignore[arg-type]


def promote_types(type1: Any, type2: Any) -> Any:
    """The dtype of a result of two dtypes; an integer with a float gives the float."""
    return _as_dtype(_o.promoted(_name(type1), _name(type2)))


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype of a result of arrays, dtypes and Python numbers."""
    firm = [
        x
        for x in arrays_and_dtypes
        if not isinstance(x, (bool, int, float, complex)) or isinstance(x, _np.generic)
    ]
    names = [_name(x.dtype if isinstance(x, _np.generic | _np.ndarray) else x) for x in firm]
    if not names:
        return _np.result_type(*arrays_and_dtypes)
    name = _o.promoted(*names)
    for x in arrays_and_dtypes:
        if isinstance(x, _np.generic):
            continue
        if isinstance(x, complex) and name not in _o.COMPLEX:
            name = _o.promoted(name, "complex64") if name in _o.FLOATS else _o.complex_name()
        elif isinstance(x, float) and name not in _o.INEXACT:
            name = _o.float_name()
        elif isinstance(x, int) and not isinstance(x, bool) and name == "bool":
            name = "int64"
    return _as_dtype(name)


def finfo(dtype: Any) -> Any:
    """Limits of a floating dtype, or of the parts of a complex one."""
    return _np.finfo(_name(dtype))


def iinfo(dtype: Any) -> Any:
    """Limits of an integer dtype."""
    return _np.iinfo(_name(dtype))


_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float16", "bfloat16", "float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


def isdtype(dtype: Any, kind: Any) -> bool:
    """True if a dtype is `kind`, or of this kind of the array API, such as "integral"."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str) and kind in _KINDS:
        return _name(dtype) in _KINDS[kind]
    if isinstance(kind, str) and kind not in _array.DTYPE_NUMBERS:
        raise ValueError(f"isdtype: kind is {kind!r}, must be a dtype or one of {list(_KINDS)}")
    return _name(dtype) == _name(kind)


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """True if a dtype is of a kind of NumPy's hierarchy."""
    return bool(_np.issubdtype(arg1, arg2))


class ArrayNamespaceInfo:
    """What `mx.np` offers, in the words of the array API standard."""

    def capabilities(self) -> dict[str, Any]:
        """Boolean indexing and results whose shape depends on values exist."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 32}

    def default_device(self) -> Any:
        """Where new arrays live."""
        return current_context()

    def devices(self) -> list[Any]:
        """All places where arrays can live."""
        return [current_context()]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Dtypes that new arrays have."""
        real = _np.dtype(_o.float_name())
        return {
            "real floating": real,
            "complex floating": _np.dtype(_o.complex_name()),
            "integral": _np.dtype("int64"),
            "indexing": _np.dtype("int64"),
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """All dtypes by name, or those of a kind."""
        every = [n for n in _array.DTYPE_NAMES if n != "bfloat16"]
        return {n: _np.dtype(n) for n in every if kind is None or isdtype(n, kind)}


def __array_namespace_info__() -> ArrayNamespaceInfo:
    """What the module offers, in the words of the array API standard."""
    return ArrayNamespaceInfo()
