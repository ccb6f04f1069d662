"""Making arrays: `mx.np.array`, `zeros`, `arange`, ..."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _array
from .._array import invoke, operator
from ..context import Context, current_context
from ..ndarray.create import fits_double
from ..util import is_np_default_dtype
from . import _operands as _o
from .multiarray import ndarray

__all__ = [
    "arange", "array", "asarray", "asanyarray", "ascontiguousarray", "copy", "empty",
    "empty_like", "eye", "from_dlpack", "frombuffer", "fromfunction", "full", "full_like",
    "identity", "linspace", "logspace", "geomspace", "meshgrid", "ones", "ones_like", "zeros",
    "zeros_like", "tri", "indices", "ix_", "diag", "diagflat", "vander", "mgrid", "ogrid",
]  # fmt: skip

_ARANGE, _LINSPACE, _EYE = operator("arange"), operator("linspace"), operator("eye")
_ZEROS, _ONES, _CONSTANT = operator("zeros"), operator("ones"), operator("full")
_COPY, _PLACE, _DIAGONAL = operator("copy"), operator("place_diagonal"), operator("diagonal")


def _on(result: Any, device: Any, ctx: Any) -> Any:
    """The result on the device that the caller wants."""
    where = device if device is not None else ctx
    if where is None:
        where = current_context()
        if (where.device_typeid, where.device_id) == result.place:
            return result
    if isinstance(where, str):
        where = Context(where)
    return result if where == result.ctx else result.as_in_context(where)


def _kind(dtype: Any, fallback: str | None = None) -> str:
    return _o.result_dtype(dtype) or fallback or _o.float_name()


def array(object: Any, dtype: Any = None, *, copy: bool | None = True, order: str | None = "K",
          ctx: Any = None, device: Any = None) -> Any:  # fmt: skip
    """An array from anything that NumPy takes.

    Parameters
    ----------
    object : array_like
    dtype : optional
        Default: that of an array of `mx`; of all else float32 as in MXNet, or with
        `npx.set_np(dtype=True)` what NumPy would choose.
    copy : bool, optional
        False: `object` must be an array of `mx` that needs no change.

    Raises
    ------
    ValueError
        If a copy must be made and `copy` is False.
    """
    if isinstance(object, _array.Array):
        same = _o.array_of(object)
        name = _kind(dtype, same.dtype_name)
        if name != same.dtype_name:
            if copy is False:
                raise ValueError(f"array: copy is False, must be True to get {name}")
            same = _o.cast(same, name)
        elif copy:
            same = invoke(_COPY, (same,), (), None, ndarray)
        return _on(same, device, ctx)
    if copy is False:
        raise ValueError(f"array: copy is False, must be True for {type(object).__name__}")
    if isinstance(object, (list, tuple)):
        object = _plain(object)
    if dtype is None:
        found = _np.asarray(object).dtype
        name = "complex64" if found.kind == "c" else "float32"
        name = found.name if is_np_default_dtype() else name
    else:
        name = _kind(dtype)
    if name == "bfloat16":
        return _on(_o.cast(array(object, "float32"), "bfloat16"), device, ctx)
    return _on(_o.from_numpy(_np.asarray(object, dtype=name)), device, ctx)


def _plain(items: Any) -> Any:
    """Nested sequences with arrays of ours as NumPy's."""
    if isinstance(items, _array.Array):
        return _o.to_numpy(items)
    return [_plain(i) for i in items] if isinstance(items, (list, tuple)) else items


def asarray(obj: Any, dtype: Any = None, *, device: Any = None, copy: bool | None = None,
            order: str | None = None, ctx: Any = None) -> Any:  # fmt: skip
    """The array itself, or an array from anything that NumPy takes; see `array`."""
    if isinstance(obj, _array.Array):
        return array(obj, dtype, copy=copy, ctx=ctx, device=device)
    if copy is False:
        return from_dlpack(obj, device=device, copy=False)
    return array(obj, dtype, ctx=ctx, device=device)


asanyarray = ascontiguousarray = asarray


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """A copy with memory of its own."""
    return array(a) if isinstance(a, _array.Array) else asarray(a)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """An array on the memory of any object with `__dlpack__`, or of a capsule."""
    if hasattr(x, "__dlpack__"):
        try:
            capsule = x.__dlpack__(max_version=(1, 0), copy=copy)
        except TypeError:  # before the version of 2023
            capsule = x.__dlpack__()
    else:
        capsule = x
    result = _array.from_dlpack_capsule(capsule, ndarray)
    return _on(result.copy() if copy else result, device, None)


def frombuffer(buffer: Any, dtype: Any = None, count: int = -1, offset: int = 0) -> Any:
    """A vector with a copy of bytes."""
    return _o.from_numpy(_np.frombuffer(buffer, _kind(dtype), count, offset))


def fromfunction(function: Any, shape: Any, *, dtype: Any = None, **kwargs: Any) -> Any:
    """What a function gives for the arrays of indices of a shape."""
    return function(*indices(shape, dtype), **kwargs)


def empty(
    shape: Any, dtype: Any = None, order: str = "C", ctx: Any = None, device: Any = None
) -> Any:
    """An array of undefined content."""
    number = _array.DTYPE_NUMBERS[_kind(dtype)]
    where = device or ctx or current_context()
    where = Context(where) if isinstance(where, str) else where
    return _array.empty(_o.shape_of(shape), number, where.device_typeid, where.device_id, ndarray)


def zeros(
    shape: Any, dtype: Any = None, order: str = "C", ctx: Any = None, device: Any = None
) -> Any:
    """An array of zeros."""
    attrs = (_o.shape_of(shape), None, _kind(dtype))
    return _on(invoke(_ZEROS, (), attrs, None, ndarray), device, ctx)


def ones(
    shape: Any, dtype: Any = None, order: str = "C", ctx: Any = None, device: Any = None
) -> Any:
    """An array of ones."""
    attrs = (_o.shape_of(shape), None, _kind(dtype))
    return _on(invoke(_ONES, (), attrs, None, ndarray), device, ctx)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", ctx: Any = None,
         device: Any = None, out: Any = None) -> Any:  # fmt: skip
    """An array filled with one value; its dtype is that of the value unless `dtype` says more."""
    if _o.is_scalar(fill_value):
        if dtype is None:
            kind = "int64" if isinstance(fill_value, int) else _o.float_name()
            kind = _o.complex_name() if isinstance(fill_value, complex) else kind
            dtype = "bool" if isinstance(fill_value, (bool, _np.bool_)) else kind
        if fits_double(fill_value):
            attrs = (_o.shape_of(shape), None, _kind(dtype), fill_value)
            result = _on(invoke(_CONSTANT, (), attrs, None, ndarray), device, ctx)
        else:
            result = empty(shape, dtype, ctx=ctx, device=device)
            result[...] = fill_value
    else:
        value = _o.array_of(fill_value)
        result = broadcast_copy(value, _o.shape_of(shape), _kind(dtype, value.dtype_name))
    return result if out is None else _o.store(result, out)


def broadcast_copy(value: Any, shape: tuple[int, ...], name: str) -> Any:
    """A copy of an array stretched to a shape, in a dtype."""
    return invoke(_o._BROADCAST, (_o.cast(value, name),), (shape,), None, ndarray)


def _like(make: Any, prototype: Any, dtype: Any, shape: Any, **more: Any) -> Any:
    if isinstance(prototype, _array.Array):
        own, name = prototype.shape, prototype.dtype_name
    else:
        data = _np.asarray(prototype)
        own, name = data.shape, data.dtype.name
    return make(own if shape is None else shape, dtype=_kind(dtype, name), **more)


def empty_like(prototype: Any, dtype: Any = None, order: str = "C", subok: bool = False,
               shape: Any = None, *, device: Any = None, ctx: Any = None) -> Any:  # fmt: skip
    """An array of undefined content in the shape and dtype of another."""
    return _like(empty, prototype, dtype, shape, device=device, ctx=ctx)


def zeros_like(a: Any, dtype: Any = None, order: str = "C", ctx: Any = None, out: Any = None, *,
               shape: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Zeros in the shape and dtype of another array."""
    result = _like(zeros, a, dtype, shape, device=device, ctx=ctx)
    return result if out is None else _o.store(result, out)


def ones_like(a: Any, dtype: Any = None, order: str = "C", ctx: Any = None, out: Any = None, *,
              shape: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Ones in the shape and dtype of another array."""
    result = _like(ones, a, dtype, shape, device=device, ctx=ctx)
    return result if out is None else _o.store(result, out)


def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "C", ctx: Any = None,
              out: Any = None, *, shape: Any = None, device: Any = None) -> Any:  # fmt: skip
    """One value in the shape and dtype of another array."""
    result = _like(full, a, dtype, shape, fill_value=fill_value, device=device, ctx=ctx)
    return result if out is None else _o.store(result, out)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, ctx: Any = None,
           device: Any = None) -> Any:  # fmt: skip
    """Evenly spaced values in [start, stop).

    Raises
    ------
    ValueError
        If `step` is 0.
    """
    if stop is None:
        start, stop = 0, start
    if dtype is None and is_np_default_dtype():
        whole = all(isinstance(v, (int, _np.integer)) for v in (start, stop, step))
        dtype = "int64" if whole else "float64"
    name = _kind(dtype)
    if step == 0:
        raise ValueError("arange: step is 0, must not be 0")
    if max(abs(start), abs(stop)) >= 2**53:  # beyond what a double counts exactly
        return _on(_o.from_numpy(_np.arange(start, stop, step, dtype=name)), device, ctx)
    attrs = (float(start), float(stop), float(step), None, None, None, name)
    return _on(invoke(_ARANGE, (), attrs, None, ndarray), device, ctx)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    ctx: Any = None,
    device: Any = None,
) -> Any:
    """`num` evenly spaced values from `start` to `stop`.

    Parameters
    ----------
    start, stop : float or array_like
        Arrays give a new axis, at `axis`.
    retstep : bool
        Give the distance too.
    """
    if num < 0:
        raise ValueError(f"linspace: num is {num}, must be >= 0")
    gaps = num - 1 if endpoint else num
    ends = [_o.array_of(v) for v in (start, stop)]
    name = _kind(dtype, _o.complex_name() if any(map(_o.is_complex, ends)) else None)
    if _o.is_scalar(start) and _o.is_scalar(stop) and name not in _o.COMPLEX:
        attrs = (float(start), float(stop), int(num), bool(endpoint), None, name)
        result = invoke(_LINSPACE, (), attrs, None, ndarray)
        step = (stop - start) / gaps if gaps > 0 else float("nan")
        if endpoint and num > 1:
            result[-1] = stop
    else:
        start, stop = (_o.floating(v) for v in ends)
        step = (stop - start) / max(gaps, 1)
        steps = arange(num, dtype=_o.COMPLEX.get(step.dtype_name, step.dtype_name)).reshape(
            (num,) + (1,) * step.ndim
        )
        result = _o.cast(start + steps * step, name)
        if axis:
            from ._axes import moveaxis

            result = moveaxis(result, 0, axis)
    result = _on(result, device, ctx)
    return (result, step) if retstep else result


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: Any = None,
    axis: int = 0,
    ctx: Any = None,
    device: Any = None,
) -> Any:
    """`num` values from `base**start` to `base**stop` in equal ratios."""
    powers = linspace(start, stop, num, endpoint, dtype="float64", axis=axis)
    return _on(_o.cast(base**powers, _kind(dtype)), device, ctx)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None,
              axis: int = 0) -> Any:  # fmt: skip
    """`num` values from `start` to `stop`, both of one sign, in equal ratios."""
    start, stop = _o.to_numpy(start), _o.to_numpy(stop)
    data = _np.geomspace(start, stop, num, endpoint, axis=axis)
    return _o.cast(_o.from_numpy(data), _kind(dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None, order: str = "C", *,
        ctx: Any = None, device: Any = None) -> Any:  # fmt: skip
    """1 on diagonal `k`, 0 elsewhere; N rows, M columns."""
    columns = N if M is None else M
    name = _kind(dtype)
    if columns == 0 or N == 0:
        return zeros((N, columns), name, ctx=ctx, device=device)
    return _on(
        invoke(_EYE, (), (int(N), int(columns), int(k), None, name), None, ndarray), device, ctx
    )


def identity(n: int, dtype: Any = None, ctx: Any = None, device: Any = None) -> Any:
    """1 on the main diagonal, 0 elsewhere."""
    return eye(n, dtype=dtype, ctx=ctx, device=device)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None, ctx: Any = None) -> Any:
    """1 on and below diagonal `k`, 0 above it."""
    from ._axes import tril

    return tril(ones((N, N if M is None else M), dtype, ctx=ctx), k)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Any]:
    """Coordinate arrays from vectors.

    Parameters
    ----------
    indexing : str
        "xy": the first vector runs along axis 1; "ij": along axis 0.
    sparse : bool
        Leave axes of size 1 instead of stretching them.
    copy : bool
        False: views.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is {indexing!r}, must be 'xy' or 'ij'")
    arrays = [_o.array_of(x).reshape(-1) for x in xi]
    n = len(arrays)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[:2] = [1, 0]
    thin = [
        a.reshape([-1 if i == p else 1 for i in range(n)])
        for a, p in zip(arrays, places, strict=True)
    ]
    if not sparse and n:
        shape = tuple(arrays[places.index(i)].size for i in range(n))
        thin = [invoke(_o._BROADCAST, (a,), (shape,), None, ndarray, True) for a in thin]
    return [a.copy() for a in thin] if copy else thin


def indices(dimensions: Any, dtype: Any = None, sparse: bool = False, ctx: Any = None) -> Any:
    """For each axis of a shape the index of each element, as one array (sparse: a tuple)."""
    shape = _o.shape_of(dimensions)
    name = _kind(dtype, "int64")
    grids = meshgrid(*[arange(n, dtype=name) for n in shape], indexing="ij", sparse=sparse)
    if sparse:
        return tuple(grids)
    from ._joining import stack

    return stack(grids) if grids else empty((0,), name)


def ix_(*args: Any) -> tuple[Any, ...]:
    """Vectors as an index of their cross product; vectors of bool stand for their true places."""
    from ._indexing import nonzero

    vectors = [_o.array_of(_np.asarray(a) if isinstance(a, (list, tuple)) else a) for a in args]
    vectors = [nonzero(v)[0] if v.dtype_name == "bool" else v for v in vectors]
    return tuple(meshgrid(*vectors, sparse=True, indexing="ij"))


class _Grid:
    """`mgrid[0:2, 0:3]`: coordinate arrays from slices."""

    def __init__(self, sparse: bool) -> None:
        self._sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        grid: Any = (_np.ogrid if self._sparse else _np.mgrid)[key]
        if self._sparse and not isinstance(grid, _np.ndarray):
            return tuple(array(g, g.dtype) for g in grid)
        return array(grid, grid.dtype)


mgrid, ogrid = _Grid(False), _Grid(True)


def diag(v: Any, k: int = 0) -> Any:
    """The matrix with a vector on diagonal `k`, or that diagonal of a matrix."""
    v = _o.array_of(v)
    if v.ndim == 1:
        n = v.size + abs(k)
        return invoke(_PLACE, (v,), ((n, n), int(k)), None, ndarray)
    if v.ndim != 2:
        raise ValueError(f"diag: v has shape {v.shape}, must have 1 or 2 axes")
    return invoke(_DIAGONAL, (v,), (int(k),), None, ndarray)


def diagflat(v: Any, k: int = 0) -> Any:
    """The matrix with the elements of `v` on diagonal `k`."""
    return diag(_o.array_of(v).reshape(-1), k)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of the elements of a vector, one column for each power."""
    x = _o.array_of(x)
    n = x.size if N is None else N
    powers = arange(n, dtype=x.dtype_name)
    return x.reshape(-1, 1) ** (powers if increasing else powers[::-1])
