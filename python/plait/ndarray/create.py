"""Making, saving and loading of NDArrays."""

import numpy as np

from .. import _array, _engine
from .._gen import nd as _gen
from ..base import dtype_name
from ..context import current_context
from .ndarray import NDArray


def _as_shape(shape):
    return (int(shape),) if hasattr(shape, "__index__") else tuple(int(d) for d in shape)


def empty(shape, ctx=None, dtype=None):
    """An array of undefined content.

    Parameters
    ----------
    shape : int or tuple of int
    ctx : Context, optional
    dtype : optional
        Default float32.
    """
    ctx = ctx or current_context()
    number = _array.DTYPE_NUMBERS[dtype_name(dtype) or "float32"]
    return _array.empty(_as_shape(shape), number, ctx.device_typeid, ctx.device_id, NDArray)


def full(shape, val, ctx=None, dtype=None, out=None):
    """An array filled with one value."""
    if out is None and fits_double(val):
        return _constant(shape, val, ctx, dtype)
    out = empty(shape, ctx, dtype) if out is None else out
    out[...] = val
    return out


def fits_double(value):
    """True if a number is the same as a double, which the operators for constants take."""
    return isinstance(value, (int, float)) and abs(value) <= 2.0**53


def _constant(shape, value, ctx, dtype):
    """By one operator, which `hybridize` can write down."""
    ctx = ctx or current_context()
    dtype = dtype_name(dtype) or "float32"
    out = _gen._full(shape=_as_shape(shape), dtype=dtype, value=value)
    return out.as_in_context(ctx)


def zeros(shape, ctx=None, dtype=None, stype=None, **kwargs):
    """An array of zeros; `stype`: "default", "csr" or "row_sparse"."""
    if stype not in (None, "default"):
        from .sparse import zeros as sparse_zeros

        return sparse_zeros(stype, shape, ctx, dtype)
    return _constant(shape, 0, ctx, dtype)


def ones(shape, ctx=None, dtype=None, **kwargs):
    """An array of ones."""
    return _constant(shape, 1, ctx, dtype)


def zeros_like(data, **kwargs):
    """Zeros in the shape and dtype of `data`."""
    return _gen.zeros_like(data)


def ones_like(data, **kwargs):
    """Ones in the shape and dtype of `data`."""
    return _gen.ones_like(data)


def array(source_array, ctx=None, dtype=None):
    """An array with a copy of anything that NumPy takes.

    The dtype is that of `source_array` if it is an NDArray, else float32 unless `dtype` says more:
    NumPy's arrays become float32 too, as in MXNet 1.9. Sparse arrays and scipy's
    matrices stay sparse.
    """
    if getattr(source_array, "_is_sparse", False) or hasattr(source_array, "tocsr"):
        from .sparse import array as sparse_array

        return sparse_array(source_array, ctx, dtype)
    if isinstance(source_array, NDArray):
        result = source_array.astype(dtype or source_array.dtype)
        return result.as_in_context(ctx) if ctx else result
    name = dtype_name(dtype) or "float32"
    ctx = ctx or current_context()
    if name == "bfloat16":
        return array(source_array, ctx, "float32").astype("bfloat16")
    data = np.asarray(source_array, dtype=name)
    number = _array.DTYPE_NUMBERS[dtype_name(name)]
    return _array.from_buffer(data, number, ctx.device_typeid, ctx.device_id, NDArray)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=None, ctx=None, dtype="float32"):
    """Evenly spaced values in [start, stop), each `repeat` times."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError("arange: step is 0, must not be 0")
    return array(np.repeat(np.arange(start, stop, step), repeat), ctx, dtype)


def eye(N, M=0, k=0, ctx=None, dtype=None, **kwargs):
    """Ones on the diagonal `k` of an (N, M) array of zeros; M = 0: square."""
    made = _gen.eye(N, M, k, dtype=dtype_name(dtype) or "float32", **kwargs)
    return made.as_in_context(ctx or current_context())


def linspace(start, stop, num, endpoint=True, ctx=None, dtype=None, **kwargs):
    """`num` evenly spaced values from `start` to `stop`, which is the last one with `endpoint`."""
    attrs = {"endpoint": endpoint, "dtype": dtype_name(dtype) or "float32", **kwargs}
    return _gen.linspace(start, stop, num, **attrs).as_in_context(ctx or current_context())


def concatenate(arrays, axis=0, always_copy=True):
    """Arrays joined along an axis."""
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    return _gen.concat(*arrays, dim=axis)


def from_numpy(ndarray, zero_copy=True):
    """An array on the memory of a NumPy array (or a copy of it)."""
    return from_dlpack(ndarray) if zero_copy else array(ndarray, dtype=ndarray.dtype)


def from_dlpack(source):
    """An array on the memory of any object with `__dlpack__`, or of a capsule."""
    capsule = source.__dlpack__() if hasattr(source, "__dlpack__") else source
    return _array.from_dlpack_capsule(capsule, NDArray)


def to_dlpack_for_read(data):
    """A DLPack capsule on the memory of `data`, once its content is there."""
    data.wait_to_read()
    return data.__dlpack__()


def to_dlpack_for_write(data):
    """A DLPack capsule on the memory of `data`, once nobody reads or writes it."""
    data.wait_to_write()
    return data.__dlpack__()


def waitall():
    """Wait until all work is done; raises the first failure that nothing has reported yet."""
    _engine.wait_all()


def save(fname, data):
    """Write an array, a list or a dict of arrays in MXNet's format.

    Raises
    ------
    OSError
        The file cannot be written; a file of that name stays as it was.
    """
    if isinstance(data, NDArray):
        data = [data]
    names = list(data) if isinstance(data, dict) else None
    arrays = list(data.values()) if isinstance(data, dict) else list(data)
    for item in arrays:
        if not isinstance(item, NDArray):
            raise TypeError(f"save: data holds {type(item).__name__}, must hold NDArrays")
    _engine.save(fname, [a._sparse if a._is_sparse else a for a in arrays], names)


def _unpack(result):
    from ._storage import wrap

    arrays, names = result
    arrays = [a if isinstance(a, NDArray) else wrap(a) for a in arrays]
    return dict(zip(names, arrays, strict=False)) if names else arrays


def load(fname):
    """List or dict of arrays from a file that plait or MXNet wrote.

    Raises
    ------
    OSError
        The file is missing or corrupt; the message has the position of the fault.
    """
    return _unpack(_engine.load(fname, NDArray))


def load_frombuffer(buf):
    """The same from bytes."""
    return _unpack(_engine.load_buffer(bytes(buf), NDArray))
