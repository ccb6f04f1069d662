"""The NDArray class."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _array, _autograd, _sparse
from .._arithmetic import NDArithmetic
from .._array import invoke, operator
from .._indexing import basic_view
from ..base import dtype_name
from ..context import Context, current_context

__all__ = ["NDArray"]


class _Ops:
    """Handles of the operators behind the methods; looked up once."""

    copy, cast, reshape = operator("copy"), operator("cast"), operator("reshape")
    zeros_like = operator("zeros_like")


class NDArray(NDArithmetic):
    """An array with MXNet's rules: float32 by default, comparisons give 0 and 1.

    Made by `mx.nd.array` and the functions of `mx.nd`. Operations return before their result is
    there; reading waits.
    """

    __slots__ = ()
    __array_priority__ = 1000.0
    _is_sparse = False

    # --- what it is -----------------------------------------------------------------------------

    @property
    def dtype(self) -> Any:
        """type: NumPy type of the elements; "bfloat16" as text."""
        name = self.dtype_name
        return name if name == "bfloat16" else np.dtype(name).type

    @property
    def context(self) -> Any:
        """Context: where the array lives."""
        kind, number = self.place
        return (
            current_context()
            if (kind, number) == (1, 0) and _is_default()
            else _context(kind, number)
        )

    ctx = device = context

    @property
    def stype(self) -> Any:
        """str: storage type, "default" for dense arrays."""
        return "default"

    @property
    def T(self) -> Any:
        """NDArray: axes in reverse order."""
        return self.transpose()

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of an array without axes")
        return int(self.shape[0])

    def __repr__(self) -> str:
        sizes = "x".join(str(d) for d in self.shape)
        return f"\n{self.asnumpy()}\n<{type(self).__name__} {sizes} @{self.context}>"

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.dtype_name, self.shape, self.tobytes())

    # --- to Python ------------------------------------------------------------------------------

    def asnumpy(self) -> Any:
        """A NumPy array with a copy of the content; waits for it. bfloat16 becomes float32."""
        if self.dtype_name == "bfloat16":
            return self.astype("float32").asnumpy()
        out = np.empty(self.shape, self.dtype_name)
        self.copy_to_buffer(out)
        return out

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.asnumpy() if dtype is None else self.asnumpy().astype(dtype, copy=False)

    def tobytes(self) -> Any:
        """The content as bytes, row-major."""
        out = bytearray(self.size * _array.ITEM_SIZES[self.dtype_name])
        self.copy_to_buffer(out)
        return bytes(out)

    def asscalar(self) -> Any:
        """The only element as a Python number.

        Raises
        ------
        ValueError
            The array has another number of elements than one.
        """
        if self.size != 1:
            raise ValueError(f"asscalar: array has shape {self.shape}, must have one element")
        return self.asnumpy().reshape(())[()]

    item = asscalar

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.asnumpy().tolist()

    def __float__(self) -> float:
        return float(self.asscalar())

    def __int__(self) -> int:
        return int(self.asscalar())

    def __index__(self) -> int:
        if np.issubdtype(self.asnumpy().dtype, np.integer):
            return int(self.asscalar())
        raise TypeError("only an integer array of one element can be an index")

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError("the truth of an array with several elements is ambiguous")
        return self.size == 1 and bool(self.asscalar())

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # --- copies ---------------------------------------------------------------------------------

    def copy(self) -> Any:
        """A copy with memory of its own."""
        return invoke(_Ops.copy, (self,), (), None, type(self))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The elements converted to `dtype`; the array itself if nothing changes and not `copy`."""
        name = dtype_name(dtype)
        if not copy and name == self.dtype_name:
            return self
        return invoke(_Ops.cast, (self,), (name,), None, type(self))

    def copyto(self, other: Any) -> Any:
        """Copy into another array, or into a new one on a Context."""
        if isinstance(other, Context):
            if other == self.context:
                return self.copy()
            fresh = _array.empty(
                self.shape,
                _array.DTYPE_NUMBERS[self.dtype_name],
                other.device_typeid,
                other.device_id,
                type(self),
            )
            if _autograd.is_recording():  # gradients flow back to the other device
                return _array.invoke(_Ops.copy, (self,), (), fresh, type(self))
            self.copy_into(fresh)
            return fresh
        if not isinstance(other, NDArray):
            raise TypeError(
                f"copyto: other is {type(other).__name__}, must be an NDArray or a Context"
            )
        if other.shape != self.shape:
            raise ValueError(f"copyto: other has shape {other.shape}, must be {self.shape}")
        if other._is_sparse:
            other[:] = self
        else:
            self.copy_into(other)
        return other

    def as_in_context(self, context: Any) -> Any:
        """The array itself if it lives on `context`, else a copy there."""
        here = (context.device_typeid, context.device_id) == self.place
        return self if here else self.copyto(context)

    as_in_ctx = as_in_context

    def as_np_ndarray(self) -> Any:
        """The same array with the rules of `mx.np`; gradients flow through."""
        from ..numpy.multiarray import ndarray

        return self.same_handle(ndarray)

    def as_nd_ndarray(self) -> Any:
        """The array itself."""
        return self

    def to_dlpack_for_read(self) -> Any:
        """A DLPack capsule on the memory, once the content is there."""
        self.wait_to_read()
        return self.__dlpack__()

    def to_dlpack_for_write(self) -> Any:
        """A DLPack capsule on the memory, once nobody reads or writes it."""
        self.wait_to_write()
        return self.__dlpack__()

    def tostype(self, stype: Any) -> Any:
        """The array stored as "default", "csr" or "row_sparse"; see `mx.nd.sparse`."""
        from ._sparse_arrays import cast_storage

        return cast_storage(self, stype)

    # --- gradients ------------------------------------------------------------------------------

    def attach_grad(self, grad_req: str = "write", stype: str | None = None) -> None:
        """Make this a variable with a gradient array of zeros.

        With `stype` "row_sparse" the gradient holds only the rows to which something flows.
        """
        from ..autograd import mark_variables

        wanted = grad_req != "null"
        if wanted and stype not in (None, "default"):
            from .sparse import zeros as sparse_zeros

            grad = sparse_zeros(stype, self.shape, dtype=self.dtype)
            mark_variables([self], [grad], grad_req)
            return
        zeros = invoke(_Ops.zeros_like, (self,), (), None, type(self)) if wanted else None
        mark_variables([self], [zeros], grad_req)

    @property
    def grad(self) -> Any:
        """NDArray: the gradient array, or None."""
        dense = _autograd.get_grad(self, type(self))
        rows = _sparse.get_grad(self) if dense is None else None
        if rows is None:
            return dense
        from ._storage import wrap

        return wrap(rows)

    def detach(self) -> Any:
        """The same memory outside of the recording."""
        return self.detached()

    def backward(
        self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True
    ) -> None:
        """Compute gradients into the variables that this array came from."""
        from ..autograd import backward

        backward([self], None if out_grad is None else [out_grad], retain_graph, train_mode)

    # --- arithmetic -----------------------------------------------------------------------------

    def _inplace(self, result: Any) -> Any:
        if result is NotImplemented:
            return result
        check_writable(self)
        result.copy_into(self)
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._inplace(self + other)

    def __isub__(self, other: Any) -> Any:
        return self._inplace(self - other)

    def __imul__(self, other: Any) -> Any:
        return self._inplace(self * other)

    def __itruediv__(self, other: Any) -> Any:
        return self._inplace(self / other)

    # --- indexing -------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        view = basic_view(self, key)
        if view is None:
            from ..numpy import _indexing

            view = _indexing.get(self, key)
        return view if view.ndim else view.reshape((1,))  # MXNet has no arrays without axes

    def __setitem__(self, key: Any, value: Any) -> None:
        from ..numpy import _indexing

        if getattr(value, "_is_sparse", False):
            value = value.tostype("default")
        _indexing.put(self, key, value)

    def slice(self, begin: Any, end: Any, step: Any = None) -> Any:
        """Part of the array along the leading axes."""
        return self[_slices(begin, end, step)]

    def slice_assign(self, rhs: Any, begin: Any, end: Any, step: Any) -> Any:
        """Write `rhs` into the part that `slice` would give; returns this array."""
        self[_slices(begin, end, step)] = rhs
        return self

    def slice_assign_scalar(self, value: Any, begin: Any, end: Any, step: Any) -> Any:
        """Write a number into the part that `slice` would give; returns this array."""
        return self.slice_assign(value, begin, end, step)

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """A view of another shape, with MXNet's codes 0, -1, -2, -3 and -4."""
        sizes = kwargs.pop("shape", shape)
        if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
            sizes = sizes[0]
        attrs = (tuple(sizes), kwargs.pop("reverse", None))
        if kwargs:
            raise TypeError(f"reshape: unknown arguments {sorted(kwargs)}")
        return invoke(_Ops.reshape, (self,), attrs, None, type(self), True)

    def transpose(self, *order: Any, axes: Any = None) -> Any:
        """A copy with permuted axes; default: reversed. Axes come one by one, listed or by name."""
        from .._gen import nd

        if axes is None:
            axes = order[0] if len(order) == 1 and isinstance(order[0], (tuple, list)) else order
        elif order:
            raise TypeError("transpose: axes are given twice, must be given once")
        return nd.transpose(self, axes=tuple(axes or ()))

    def split_v2(self, indices_or_sections: Any, axis: int = 0, squeeze_axis: bool = False) -> Any:
        """Parts along an axis; see `mx.nd.split_v2`."""
        from .functions import split_v2

        return split_v2(self, indices_or_sections, axis, squeeze_axis)


def check_writable(x: Any) -> None:
    """Refuse to change an array that a recording needs."""
    if _autograd.is_recording() and _autograd.is_recorded(x):
        raise ValueError(
            "array is part of the recording, must not be changed in place while autograd records"
        )


def _slices(begin: Any, end: Any, step: Any) -> Any:
    """The index that MXNet's begin, end and step of each leading axis mean."""
    step = step or (None,) * len(begin)
    return tuple(slice(b, e, s) for b, e, s in zip(begin, end, step, strict=False))


def _is_default() -> bool:
    return bool(current_context() == Context("cpu", 0))


def _context(kind: int, number: int) -> Context:
    return Context({1: "cpu", 2: "gpu", 3: "cpu_pinned", 5: "cpu_shared"}[kind], number)


def _rebuild(cls: type, name: str, shape: tuple[int, ...], data: bytes) -> Any:
    out = _array.empty(shape, _array.DTYPE_NUMBERS[name], 1, 0, cls)
    out.copy_from_buffer(data)
    return out


# Operators that are methods too: the array is their first input.
_METHODS = """
    sum nansum prod nanprod mean max min norm argmax argmin argsort sort topk abs sign round
    rint fix floor ceil trunc sin cos tan arcsin arccos arctan degrees radians sinh cosh tanh
    arcsinh arccosh arctanh exp expm1 log log10 log2 log1p sqrt rsqrt cbrt rcbrt square
    reciprocal relu sigmoid softmax log_softmax softmin swapaxes
    flip tile repeat pad split slice_axis slice_like take one_hot pick clip broadcast_to
    broadcast_axes broadcast_like zeros_like ones_like diag shape_array size_array reshape_like
    argmax_channel depth_to_space space_to_depth
""".split()


def _with_view(function: Any) -> Any:
    """The operator as a method that with `inplace` returns a view of the array, as in MXNet."""

    @functools.wraps(function)
    def method(self: NDArray, *args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        out = function(self, *args, **kwargs)
        return self.reshape(out.shape) if inplace else out

    return method


def add_methods(module: Any) -> None:
    """Give NDArray the methods that are operators of `module`."""
    for name in ("flatten", "expand_dims", "squeeze"):
        setattr(NDArray, name, _with_view(getattr(module, name)))
    for name in _METHODS:
        if hasattr(module, name):
            setattr(NDArray, name, getattr(module, name))
    if hasattr(module, "abs"):
        setattr(NDArray, "__abs__", module.abs)  # noqa: B010  the type checker knows no new members


def __getattr__(name: str) -> Any:
    """MXNet has the functions that make arrays here as well: `mx.nd.ndarray.array`."""
    from . import create

    if name.startswith("_") or not hasattr(create, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(create, name)
