"""The array of `mx.np`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as _np

from .. import _arithmetic
from .._arithmetic import NPArithmetic
from .._array import invoke, operator
from ..ndarray.ndarray import NDArray
from ..util import is_np_default_dtype
from . import _indexing, _operands

__all__ = ["ndarray"]


class _Ops:
    """Handles of the operators behind the methods; looked up once."""

    copy, cast, reshape = operator("copy"), operator("cast"), operator("view_shape")
    negative, abs, invert = operator("negative"), operator("abs"), operator("bitwise_not")
    transpose, swap = operator("transpose"), operator("swap_axes")
    real, imag, conj = operator("real"), operator("imag"), operator("conj")


class ndarray(NPArithmetic, NDArray):
    """An array with the rules of NumPy, gradients and execution in the background.

    Made by the functions of `mx.np`. Slices are views, comparisons give bool, integers with floats
    give the floating dtype, and Python's numbers take the dtype of the array next to them.
    Operations return before their result is there; reading waits.
    """

    __slots__ = ()
    __array_priority__ = 2000.0

    # --- what it is -----------------------------------------------------------------------------

    @property
    def dtype(self) -> Any:
        """numpy.dtype: dtype of the elements; "bfloat16" as text."""
        name = self.dtype_name
        return name if name == "bfloat16" else _np.dtype(name)

    @property
    def itemsize(self) -> int:
        """int: bytes of one element."""
        return 2 if self.dtype_name == "bfloat16" else int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """int: bytes of all elements."""
        return int(self.size) * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """tuple of int: steps of the axes, in bytes."""
        return tuple(s * self.itemsize for s in self.strides_elements)

    @property
    def T(self) -> Any:
        """ndarray: a view with the axes in reverse order."""
        return invoke(_Ops.transpose, (self,), (), None, ndarray, True)

    @property
    def mT(self) -> Any:
        """ndarray: a view with the last two axes exchanged.

        Raises
        ------
        ValueError
            If the array has fewer than two axes.
        """
        if self.ndim < 2:
            raise ValueError(f"mT: array has shape {self.shape}, must have at least 2 axes")
        return invoke(_Ops.swap, (self,), (-1, -2), None, ndarray, True)

    @property
    def flat(self) -> Iterator[Any]:
        """The elements one by one."""
        return iter(self.reshape(-1))

    @property
    def real(self) -> Any:
        """ndarray: a copy of the real parts; the array itself if it is real."""
        if self.dtype_name not in _operands.COMPLEX:
            return self
        return invoke(_Ops.real, (self,), (), None, ndarray)

    @property
    def imag(self) -> Any:
        """ndarray: a copy of the imaginary parts, 0 for real numbers."""
        return invoke(_Ops.imag, (self,), (), None, ndarray)

    def conj(self) -> Any:
        """A copy with the imaginary parts negated."""
        return invoke(_Ops.conj, (self,), (), None, ndarray)

    conjugate = conj

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of an array without axes")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over an array without axes")
        return (self[i] for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).asnumpy().any())

    def __reduce__(self) -> Any:
        return NDArray.__reduce__(self)

    def _printed(self) -> Any:
        return self.asnumpy()

    def __str__(self) -> str:
        return str(self._printed())

    def __repr__(self) -> str:
        name = self.dtype_name
        text = _np.array2string(self._printed(), separator=", ", prefix="array(", suffix=")")
        plain = ("float64", "int64", "bool") if is_np_default_dtype() else ("float32", "bool")
        dtype = "" if name in plain and self.size else f", dtype={name}"
        place = "" if self.ctx.device_type == "cpu" else f", ctx={self.ctx}"
        return f"array({text}{dtype}{place})"

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else str(self), spec)

    # --- to Python and other libraries ----------------------------------------------------------

    def item(self, *args: Any) -> Any:
        """One element as a Python number: the only one, or that at a flat index or an index.

        Raises
        ------
        ValueError
            No index is given and the array has another number of elements than one.
        """
        if not args:
            if self.size != 1:
                raise ValueError(f"item: array has shape {self.shape}, must have one element")
            return self.asnumpy().reshape(()).item()
        if len(args) == 1 and isinstance(args[0], tuple):
            args = args[0]
        if len(args) == 1:
            return self.reshape(-1)[args[0]].asnumpy().item()
        return self[args].asnumpy().item()

    def asscalar(self) -> Any:
        """The only element as a Python number."""
        return self.item()

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.ndim or self.dtype_name in _operands.INEXACT or self.dtype_name == "bool":
            raise TypeError("only an integer array of no axes can be an index")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"the truth of an array of {self.size} elements is ambiguous, use any() or all()"
            )
        return bool(self.item())

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        """The module `mx.np`, as the array API standard has it."""
        from .. import numpy

        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"api_version is {api_version!r}, must be '2024.12' or earlier")
        return numpy

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from ._dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ._dispatch import call_function

        return call_function(func, types, args, kwargs)

    def as_nd_ndarray(self) -> Any:
        """The same array with the rules of `mx.nd`; gradients flow through."""
        return self.same_handle(NDArray)

    def as_np_ndarray(self) -> Any:
        """The array itself."""
        return self

    def to_device(self, device: Any, *, stream: None = None) -> Any:
        """The array itself if it lives on `device`, else a copy there."""
        if stream is not None:
            raise ValueError("to_device: stream must be None")
        return self.as_in_context(device)

    # --- copies and changes ---------------------------------------------------------------------

    def copy(self, order: str = "C") -> Any:
        """A copy with memory of its own."""
        return invoke(_Ops.copy, (self,), (), None, ndarray)

    def astype(  # type: ignore[override]
        self,
        dtype: Any,
        order: str = "K",
        casting: str = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        """The elements converted to `dtype`; the array itself if nothing changes and not `copy`.

        Raises
        ------
        TypeError
            If `casting` does not allow the conversion.
        """
        name = _operands.named(dtype)
        if casting != "unsafe" and not _np.can_cast(self.dtype, name, casting):  # type: ignore[arg-type]
            raise TypeError(
                f"astype: dtype is {name}, must follow from {self.dtype_name} by {casting}"
            )
        if self.dtype_name in _operands.COMPLEX and name not in (*_operands.COMPLEX, "bool"):
            raise TypeError(
                f"astype: dtype is {name}, must be complex for {self.dtype_name}; real and imag "
                "give the parts"
            )
        if not copy and name == self.dtype_name:
            return self
        return invoke(_Ops.cast, (self,), (name,), None, ndarray)

    def fill(self, value: Any) -> None:
        """Set every element."""
        self[...] = value

    def sort(self, axis: int = -1, kind: str | None = None, order: None = None, *,
             descending: bool = False, stable: bool = True) -> None:  # fmt: skip
        """Put the elements in order along an axis, in place."""
        from . import sort

        self[...] = sort(self, axis, kind, order, descending=descending, stable=stable)

    def drop_grad(self) -> None:
        """Give up the gradient array."""
        from ..autograd import mark_variables

        mark_variables([self], [None], "null")

    # --- axes -----------------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C", **kwargs: Any) -> Any:
        """The elements in another shape; one size may be -1. A view where the memory allows it.

        Raises
        ------
        ValueError
            The shape does not hold the elements, or `order` is not "C".
        """
        if len(shape) == 1 and not hasattr(shape[0], "__index__"):
            shape = tuple(shape[0])
        if order == "C" and not kwargs:
            return invoke(_Ops.reshape, (self,), (shape,), None, ndarray, True)
        from . import reshape

        shape = kwargs.pop("newshape", kwargs.pop("shape", shape))
        return reshape(self, shape, order, **kwargs)

    def transpose(self, *axes: Any) -> Any:  # type: ignore[override]  # as NumPy has it
        """A view with the axes in another order; default: reversed."""
        if len(axes) == 1 and (axes[0] is None or not hasattr(axes[0], "__index__")):
            axes = axes[0] or ()
        return invoke(_Ops.transpose, (self,), (tuple(axes),), None, ndarray, True)

    def flatten(self, order: str = "C") -> Any:
        """A copy with one axis."""
        return self.reshape(-1, order=order).copy()

    # --- arithmetic -----------------------------------------------------------------------------

    def __neg__(self) -> Any:
        if self.dtype_name == "bool":
            raise TypeError("negative: dtype is bool, must be numeric: use ~ or logical_not")
        return invoke(_Ops.negative, (self,), (), None, ndarray)

    def __pos__(self) -> Any:
        return self.copy()

    def __abs__(self) -> Any:
        return invoke(_Ops.abs, (self,), (), None, ndarray)

    def __invert__(self) -> Any:
        return invoke(_Ops.invert, (self,), (), None, ndarray)

    def _inplace(self, result: Any) -> Any:
        if result is NotImplemented:
            return result
        _operands.store(result, self)
        return self

    def __ifloordiv__(self, other: Any) -> Any:
        return self._inplace(self // other)

    def __imod__(self, other: Any) -> Any:
        return self._inplace(self % other)

    def __ipow__(self, other: Any) -> Any:
        return self._inplace(self**other)

    def __imatmul__(self, other: Any) -> Any:
        return self._inplace(self @ other)

    def __iand__(self, other: Any) -> Any:
        return self._inplace(self & other)

    def __ior__(self, other: Any) -> Any:
        return self._inplace(self | other)

    def __ixor__(self, other: Any) -> Any:
        return self._inplace(self ^ other)

    def __ilshift__(self, other: Any) -> Any:
        return self._inplace(self << other)

    def __irshift__(self, other: Any) -> Any:
        return self._inplace(self >> other)

    # --- indexing -------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return _indexing.get(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _indexing.put(self, key, value)


# Functions of mx.np and mx.npx that are methods too: the array is their first argument.
_NP_METHODS = """
    all any argmax argmin argpartition argsort choose clip compress cumprod cumsum diagonal dot
    max mean min nonzero partition prod ptp put ravel repeat round searchsorted squeeze std sum
    swapaxes take trace var expand_dims tile flip broadcast_to split abs sign rint fix floor
    ceil trunc sin cos tan arcsin arccos arctan degrees radians sinh cosh tanh arcsinh arccosh
    arctanh exp expm1 log log10 log2 log1p sqrt cbrt square reciprocal zeros_like ones_like pad
    nansum nanprod diag
""".split()
_NPX_METHODS = """
    norm topk relu sigmoid softmax log_softmax one_hot pick slice slice_axis slice_like
    reshape_like broadcast_like rsqrt rcbrt
""".split()


def _through_nd(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self.as_nd_ndarray(), *args, **kwargs)
        results = result if isinstance(result, list) else [result]
        turned = [r.same_handle(ndarray) if isinstance(r, NDArray) else r for r in results]
        return turned if isinstance(result, list) else turned[0]

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    return call


def add_methods(np: Any, npx: Any) -> None:
    """Give the class the methods that are functions of the two modules; what only `mx.nd` has is
    computed there."""
    for name in _NP_METHODS:
        setattr(ndarray, name, getattr(np, name))
    for name in _NPX_METHODS:
        if hasattr(npx, name):
            setattr(ndarray, name, getattr(npx, name))
    for name, value in list(vars(NDArray).items()):
        generated = getattr(value, "__module__", "") == "plait._gen.nd"
        if generated and not name.startswith("_") and name not in vars(ndarray):
            setattr(ndarray, name, _through_nd(value))


_operands.cls = ndarray
_arithmetic.set_general(_operands.general)
