"""What becomes an operand of an operator, in which dtype, and where a result goes."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _array
from .._array import Operator, invoke, operator
from ..base import dtype_name
from ..context import current_context
from ..ndarray.create import fits_double
from ..ndarray.ndarray import check_writable
from ..util import is_np_default_dtype

Array = _array.Array
FLOATS = frozenset(("float32", "float64", "float16", "bfloat16"))
COMPLEX = {"complex64": "float32", "complex128": "float64"}  # and the dtype of the parts
INEXACT = FLOATS | COMPLEX.keys()
_SCALARS = (bool, int, float, complex, _np.generic)

_FULL = operator("full")

# Set by multiarray: the class of results.
cls: Any = None


def float_name() -> str:
    """Name of the floating dtype that results have where nothing else decides."""
    return "float64" if is_np_default_dtype() else "float32"


def complex_name() -> str:
    """Name of the complex dtype that results have where nothing else decides."""
    return "complex128" if is_np_default_dtype() else "complex64"


def to_numpy(x: Any) -> Any:
    """An array of ours, or anything that NumPy takes, as NumPy's."""
    return x.asnumpy() if isinstance(x, Array) else _np.asarray(x)  # type: ignore[attr-defined]


def is_floating(x: Any) -> bool:
    """True if the array has a floating dtype."""
    return x.dtype_name in FLOATS


def is_complex(x: Any) -> bool:
    """True if the array has a complex dtype."""
    return x.dtype_name in COMPLEX


def is_inexact(x: Any) -> bool:
    """True if the array has a floating or complex dtype."""
    return x.dtype_name in INEXACT


def is_scalar(x: Any) -> bool:
    """True for the numbers of Python and NumPy."""
    return isinstance(x, _SCALARS)


def from_numpy(data: Any) -> Any:
    """An array with a copy of a NumPy array; the dtype stays."""
    name = data.dtype.name
    if name not in _array.DTYPE_NUMBERS:
        raise TypeError(f"array: dtype is {name}, must be one of {', '.join(_array.DTYPE_NAMES)}")
    ctx = current_context()
    number = _array.DTYPE_NUMBERS[name]
    return _array.from_buffer(data, number, ctx.device_typeid, ctx.device_id, cls)


def number(value: Any, name: str) -> Any:
    """A number as an array of no axes."""
    if name not in COMPLEX and fits_double(value):
        return invoke(_FULL, (), ((), None, name, value), None, cls)
    if name == "bfloat16":
        return cast(from_numpy(_np.array(value, "float32")), name)
    return from_numpy(_np.array(value).astype(name))


def array_of(x: Any) -> Any:
    """Anything that NumPy takes as an array; float64 of other libraries becomes the default."""
    if isinstance(x, Array):
        return x if isinstance(x, cls) else x.same_handle(cls)
    if hasattr(x, "__dlpack__") and not isinstance(x, _np.ndarray):
        return _array.from_dlpack_capsule(x.__dlpack__(), cls)
    data = _np.asarray(x)
    if data.dtype == _np.float64 and not isinstance(x, _np.generic):
        data = data.astype(float_name())
    elif data.dtype == _np.complex128 and not isinstance(x, _np.generic):
        data = data.astype(complex_name())
    if data.dtype == object:
        raise TypeError(f"array: {type(x).__name__} holds other things than numbers")
    return from_numpy(data)


def weak(value: Any, like: Any) -> Any:
    """A Python number in the dtype that it takes next to the array `like`."""
    kind = like.dtype_name
    if isinstance(value, _np.generic):
        value = value.item()
    if isinstance(value, bool):
        return number(value, "bool" if kind == "bool" else kind)
    if isinstance(value, complex):
        if kind in COMPLEX:
            return number(value, kind)
        wide = kind == "float64" or kind not in FLOATS and is_np_default_dtype()
        return number(value, "complex128" if wide else "complex64")
    if isinstance(value, int):
        if kind not in INEXACT and kind != "bool":
            bounds = _np.iinfo(kind)
            if not bounds.min <= value <= bounds.max:
                raise OverflowError(
                    f"scalar is {value}, must be in [{bounds.min}, {bounds.max}] next to {kind}"
                )
        return number(value, "int64" if kind == "bool" else kind)
    return number(value, kind if kind in INEXACT else float_name())


def operands(*values: Any) -> list[Any]:
    """Arrays from arrays, numbers and sequences; numbers take the dtype of the arrays."""
    arrays = [v for v in values if isinstance(v, Array)]
    if not arrays or len(arrays) == len(values):
        return [array_of(v) for v in values]
    like = next((a for names in (COMPLEX, FLOATS) for a in arrays if a.dtype_name in names), None)
    if like is None:  # a number takes the widest of the integer types
        like = max(arrays, key=lambda a: (a.dtype_name != "bool", _np.dtype(a.dtype_name).itemsize))
    return [weak(v, like) if is_scalar(v) else array_of(v) for v in values]


def cast(x: Any, name: str) -> Any:
    """The array in another dtype; itself if it has it."""
    return x if x.dtype_name == name else invoke(_CAST, (x,), (name,), None, cls)


def floating(x: Any) -> Any:
    """The array in a floating or complex dtype: its own, or the default floating one."""
    return x if is_inexact(x) else cast(x, float_name())


def same_dtype(*arrays: Any) -> list[Any]:
    """The arrays in the dtype that they promote to."""
    names = [a.dtype_name for a in arrays]
    if names.count(names[0]) == len(names):
        return list(arrays)
    name = promoted(*names)
    return [cast(a, name) for a in arrays]


def promoted(*names: str) -> str:
    """The dtype that all are converted to: an integer with a float gives the float; complex parts
    are promoted as floats."""
    result = names[0]
    for name in names[1:]:
        if result == name or name == "bool":
            continue
        if result in COMPLEX or name in COMPLEX:
            parts = [COMPLEX.get(n, n) for n in (result, name) if n in INEXACT]
            result = "complex128" if promoted(*parts) == "float64" else "complex64"
            continue
        floats = [n for n in (result, name) if n in FLOATS]
        if result == "bool":
            result = name
        elif len(floats) == 1:
            result = floats[0]
        elif floats and "bfloat16" in floats:
            result = "float64" if "float64" in floats else "float32"
        else:
            found = _np.promote_types(result, name).name
            result = "int64" if found == "float64" and not floats else found
    return result


def run(op: Operator, inputs: tuple[Any, ...], attrs: tuple[Any, ...] = (), out: Any = None,
        view: bool = False) -> Any:  # fmt: skip
    """Run an operator on operands of any kind; with `out` the result is stored there."""
    arrays = tuple(x if isinstance(x, Array) or x is None else array_of(x) for x in inputs)
    result = invoke(op, arrays, attrs, None, cls, view)
    if isinstance(out, (tuple, list)):
        out = out[0] if len(out) == 1 and not isinstance(result, list) else out
    return result if out is None else store(result, out)


def store(result: Any, out: Any, where: Any = True) -> Any:
    """Put a result where the caller wants it; `where` says which elements."""
    if isinstance(result, list):
        return [store(r, o, where) for r, o in zip(result, out, strict=True)]
    if isinstance(out, tuple):
        (out,) = out
    if where is not True:
        rest = out if out is not None else number(0, result.dtype_name)
        result = invoke(_WHERE, (array_of(where), result, rest), (), None, cls)
    if out is None:
        return result
    if not isinstance(out, Array):
        raise TypeError(f"out is {type(out).__name__}, must be an array")
    check_writable(out)
    if not _np.can_cast(_numpy_name(result), _numpy_name(out), "same_kind"):
        raise TypeError(f"out has dtype {out.dtype_name}, must be able to hold {result.dtype_name}")
    if result.shape != out.shape:
        result = invoke(_BROADCAST, (result,), (out.shape,), None, cls, True)
    result.copy_into(out)
    return out


def _numpy_name(x: Any) -> str:
    return "float32" if x.dtype_name == "bfloat16" else str(x.dtype_name)


def elementwise(op: Operator, name: str, inputs: tuple[Any, ...], out: Any = None,
                where: Any = True) -> Any:  # fmt: skip
    """A function of numbers on arrays, numbers or both; numbers alone give NumPy's result.

    Parameters
    ----------
    name : str
        Name of the function in NumPy.
    where : array of bool, optional
        Which elements are computed; the others keep what `out` has, or are 0.
    """
    if out is None and where is True and not is_np_default_dtype():
        for x in inputs:
            if type(x) is not cls:
                break
        else:
            return invoke(op, inputs, (), None, cls)
    if all(is_scalar(x) for x in inputs) and out is None and where is True:
        function = getattr(_np, name, None)
        if function is not None:
            return function(*inputs)
    arrays = operands(*inputs)
    result = invoke(op, tuple(arrays), (), None, cls)
    if result.dtype_name == "float32" and is_np_default_dtype():
        if not any(is_inexact(a) for a in arrays):
            arrays = [cast(a, "float64") for a in arrays]
            result = invoke(op, tuple(arrays), (), None, cls)
    return result if out is None and where is True else store(result, out, where)


def general(op: Operator, a: Any, b: Any) -> Any:
    """Python's operators on all kinds of operands."""
    for x in (a, b):
        if not isinstance(x, (Array, list, tuple, *_SCALARS)) and not hasattr(x, "__array__"):
            return NotImplemented
    x1, x2 = operands(a, b)
    if op.name == "matmul":
        x1, x2 = same_dtype(x1, x2)
    return elementwise(op, op.name, (x1, x2))


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape given as an integer or a sequence of them."""
    if hasattr(shape, "__index__"):
        return (shape.__index__(),)
    return tuple([int(d) for d in shape])


def joint_shape(name: str, *shapes: Any) -> tuple[int, ...]:
    """The shape that all broadcast to.

    Raises
    ------
    ValueError
        There is none; `name` is the function that needs it.
    """
    longer = [s for s in shapes if s != ()]
    if longer and isinstance(longer[0], tuple) and longer.count(longer[0]) == len(longer):
        return longer[0]
    try:
        return _np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(str(tuple(s)) for s in shapes)
        raise ValueError(f"{name}: shapes {listed} must broadcast together") from None


def ours(x: Any, name: str) -> Any:
    """The array that a function is about to change, or that must be one of ours.

    Raises
    ------
    TypeError
        It is something else.
    """
    if not isinstance(x, Array):
        raise TypeError(f"{name}: got {type(x).__name__}, must be an array")
    return x


def axes_of(axis: Any, ndim: int, name: str = "axis") -> tuple[int, ...]:
    """Axes counted from the front; None means all.

    Raises
    ------
    IndexError
        An axis is out of range.
    ValueError
        An axis is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if hasattr(axis, "__index__") else tuple(axis)
    found = []
    for a in axes:
        if not -ndim <= a < ndim:
            from .._status import AxisError

            raise AxisError(
                f"{name} is {a}, must be in [{-ndim}, {ndim - 1}] for an array of {ndim} dimensions"
            )
        found.append(int(a) % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"{name} is {axis}, must not repeat an axis")
    return tuple(found)


def named(dtype: Any) -> str:
    """Name of a dtype."""
    return str(dtype_name(dtype))


def result_dtype(dtype: Any) -> str | None:
    """Name of a dtype argument; None stays None."""
    return None if dtype is None else named(dtype)


_CAST, _WHERE, _BROADCAST = operator("cast"), operator("where"), operator("broadcast_to")
