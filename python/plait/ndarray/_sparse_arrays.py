"""The classes of sparse arrays."""

import warnings

import numpy as np

from .. import _array, _sparse
from .._gen import nd as _gen
from ..base import dtype_name
from ..context import Context
from . import _storage as _st
from .binary import as_float
from .ndarray import NDArray


class BaseSparseNDArray(NDArray):
    """What both kinds of sparse arrays have in common."""

    __slots__ = ("_sparse",)
    _is_sparse = True

    def __init__(self):
        raise TypeError(
            f"{type(self).__name__} is made by csr_matrix, row_sparse_array, zeros or tostype"
        )

    @property
    def shape(self):
        """tuple of int: sizes of the axes."""
        return self._sparse.shape

    @property
    def ndim(self):
        """int: number of axes."""
        return len(self._sparse.shape)

    @property
    def size(self):
        """Raises NotImplementedError: is it the number of elements, or of those stored?"""
        raise NotImplementedError(
            f"{type(self).__name__}.size is ambiguous: use data.size or the product of shape"
        )

    @property
    def dtype_name(self):
        """str: name of the dtype."""
        return self._sparse.dtype_name

    @property
    def place(self):
        """(int, int): kind and number of the device."""
        return self._sparse.part(0, NDArray).place

    @property
    def version(self):
        """int: how often the memory of the values was written."""
        return self._sparse.part(0, NDArray).version

    @property
    def data(self):
        """NDArray: a copy of the stored values."""
        return self._sparse.part(0, NDArray).copy()

    @property
    def indices(self):
        """NDArray: a copy of the columns (csr) or the row numbers (row_sparse), int64."""
        return self._sparse.part(1, NDArray).copy()

    _data = property(lambda self: lambda: self.data)

    def _aux_data(self, i):
        return self._sparse.part(_st.aux_part(self, i), NDArray).copy()

    @property
    def _num_aux(self):
        return 2 if self.stype == "csr" else 1

    @property
    def _aux_types(self):
        return [np.int64] * self._num_aux

    def __repr__(self):
        sizes = "x".join(str(d) for d in self.shape)
        return f"\n<{type(self).__name__} {sizes} @{self.context}>"

    def __reduce__(self):
        parts = tuple(self._sparse.part(i, NDArray) for i in range(self._num_aux + 1))
        return _rebuild, (self.stype, self.shape, parts)

    def __len__(self):
        return self.shape[0]

    # --- content --------------------------------------------------------------------------------

    def asnumpy(self):
        """The dense NumPy array."""
        return self.tostype("default").asnumpy()

    def tobytes(self):
        """The dense content as bytes, row-major."""
        return self.tostype("default").tobytes()

    def wait_to_read(self):
        """Wait until the content is there."""
        for i in range(self._num_aux + 1):
            self._sparse.part(i, NDArray).wait_to_read()

    wait_to_write = wait_to_read

    def check_format(self, full_check=True):
        """Check the indices.

        Raises
        ------
        IndexError
            An index is out of range.
        ValueError
            Indices do not ascend, or indptr does not fit.
        """
        if full_check:
            self._sparse.check()

    def tostype(self, stype):
        """The array stored in another way: 'default', or its own."""
        return cast_storage(self, stype)

    def astype(self, dtype, copy=True):
        """The values converted; the array itself if nothing changes and not `copy`."""
        if not copy and dtype_name(dtype) == self.dtype_name:
            return self
        return _st.with_values(self, self._sparse.part(0, NDArray).astype(dtype))

    def copy(self):
        """A copy with memory of its own."""
        return _st.with_parts(self, *(part.copy() for part in _st.parts(self)))

    def copyto(self, other):
        """Copy into a dense array or one stored alike, or into a new one on a Context."""
        if isinstance(other, Context):
            return self.copy()
        if not isinstance(other, NDArray):
            raise TypeError(
                f"copyto: other is {type(other).__name__}, must be an NDArray or a Context"
            )
        if other is self:
            warnings.warn("copyto: the array is copied to itself", RuntimeWarning, stacklevel=2)
            return False
        if other.shape != self.shape:
            raise ValueError(f"copyto: other has shape {other.shape}, must be {self.shape}")
        if other.stype == "default":
            self.tostype("default").copy_into(other)
        elif other.stype == self.stype:
            _st.assign(other, self.astype(other.dtype))
        else:
            raise TypeError(f"copyto: other is {other.stype}, must be default or {self.stype}")
        return other

    def as_in_context(self, context):
        """The array itself: there is one kind of memory."""
        return self if context == self.context else self.copyto(context)

    as_in_ctx = as_in_context

    def asscalar(self):
        """The only element as a Python number."""
        return self.tostype("default").asscalar()

    item = asscalar

    # What works on the memory of an array gets that of a dense copy.

    def same_handle(self, cls):
        """A dense copy as an object of another class."""
        return self.tostype("default").same_handle(cls)

    def detached(self):
        """The array itself: it is never part of a recording."""
        return self

    def copy_into(self, other):
        """Copy the content into a dense array of the same shape."""
        self.tostype("default").copy_into(other)

    def copy_to_buffer(self, target):
        """Write the dense content into a buffer."""
        self.tostype("default").copy_to_buffer(target)

    def shares_memory(self, other):
        """False: what is stored is not the array."""
        return False

    def __dlpack__(self, **kwargs):
        """DLPack capsule of a dense copy."""
        return self.tostype("default").__dlpack__(**kwargs)

    def attach_grad(self, grad_req="write", stype=None):
        """Raises TypeError: only dense arrays are variables."""
        raise TypeError(f"attach_grad: array is {self.stype}, must be dense")

    @property
    def grad(self):
        """None: sparse arrays are no variables."""
        return None

    def detach(self):
        """The array itself: it is never part of a recording."""
        return self

    # --- assignment -----------------------------------------------------------------------------

    def __setitem__(self, key, value):
        if key is not Ellipsis and (not isinstance(key, slice) or key != slice(None)):
            raise ValueError(f"{type(self).__name__}: key is {key!r}, must be [:] in assignments")
        _st.assign(self, _st.stored_as(self, value))

    def reshape(self, *shape, **kwargs):
        """Raises NotImplementedError, as in MXNet."""
        raise NotImplementedError(f"reshape: array is {self.stype}, must be dense")

    def _inplace(self, result):
        self[:] = result
        return self

    # --- arithmetic -----------------------------------------------------------------------------

    def __add__(self, other):
        return binary("add", self, other)

    def __radd__(self, other):
        return binary("add", other, self)

    def __sub__(self, other):
        return binary("subtract", self, other)

    def __rsub__(self, other):
        return binary("subtract", other, self)

    def __mul__(self, other):
        return binary("multiply", self, other)

    def __rmul__(self, other):
        return binary("multiply", other, self)

    def __truediv__(self, other):
        return binary("divide", self, other)

    def __rtruediv__(self, other):
        return binary("divide", other, self)

    def __mod__(self, other):
        return binary("mod", self, other)

    def __rmod__(self, other):
        return binary("mod", other, self)

    def __pow__(self, other):
        return binary("power", self, other)

    def __rpow__(self, other):
        return binary("power", other, self)

    def __neg__(self):
        return self * -1.0

    def __abs__(self):
        return _gen.abs(self)

    def __eq__(self, other):
        return binary("equal", self, other)

    def __ne__(self, other):
        return binary("not_equal", self, other)

    def __lt__(self, other):
        return binary("less", self, other)

    def __le__(self, other):
        return binary("less_equal", self, other)

    def __gt__(self, other):
        return binary("greater", self, other)

    def __ge__(self, other):
        return binary("greater_equal", self, other)

    __hash__ = object.__hash__


class CSRNDArray(BaseSparseNDArray):
    """A matrix of which the elements of each row are stored with their columns, ascending."""

    __slots__ = ()

    @property
    def stype(self):
        """str: 'csr'."""
        return "csr"

    @property
    def indptr(self):
        """NDArray: a copy of where each row begins in `data`, int64 of shape (rows + 1,)."""
        return self._sparse.part(2, NDArray).copy()

    def asscipy(self):
        """A `scipy.sparse.csr_matrix` with a copy of the content."""
        from scipy.sparse import csr_matrix as scipy_matrix

        values, columns, start = (part.asnumpy() for part in _st.parts(self))
        return scipy_matrix((values, columns, start), shape=self.shape, dtype=self.dtype)

    def __getitem__(self, key):
        rows = self.shape[0]
        if isinstance(key, slice):
            if key.step not in (None, 1):
                raise ValueError(f"CSRNDArray: key has step {key.step}, must be 1")
            if key == slice(None):
                return self
            begin, end, _ = key.indices(rows)
            return _st.slice_csr(self, begin, max(begin, end))
        if isinstance(key, tuple) or not hasattr(key, "__index__"):
            raise ValueError(f"CSRNDArray: key is {key!r}, must be a row or a slice of rows")
        begin = key.__index__()
        if not -rows <= begin < rows:
            raise IndexError(f"CSRNDArray: key is {begin}, must be in [{-rows}, {rows - 1}]")
        begin %= rows
        return _st.slice_csr(self, begin, begin + 1)

    def slice(self, begin, end, step=None):
        """Rows, or rows and columns, in a range; see `mx.nd.slice`."""
        return _gen.slice(self, begin=begin, end=end, step=step or ())


class RowSparseNDArray(BaseSparseNDArray):
    """An array of which some rows are stored with their numbers, ascending."""

    __slots__ = ()

    @property
    def stype(self):
        """str: 'row_sparse'."""
        return "row_sparse"

    def __getitem__(self, key):
        if not isinstance(key, slice) or key != slice(None):
            raise ValueError(f"RowSparseNDArray: key is {key!r}, must be [:]")
        return self

    def retain(self, indices):
        """The rows of these numbers; others become 0."""
        return retain(self, indices)


_st.classes.update({"csr": CSRNDArray, "row_sparse": RowSparseNDArray})


def _rebuild(stype, shape, parts):
    return _st.wrap(_sparse.new(_st.NUMBERS[stype], shape, parts))


def cast_storage(arr, stype):
    """The array stored as 'default', 'csr' or 'row_sparse'.

    Raises
    ------
    ValueError
        From one sparse storage to the other.
    """
    if stype == arr.stype:
        return arr
    if stype == "default":
        return arr._sparse.to_array(NDArray)
    _st.check_stype("cast_storage", stype)
    if arr.stype != "default":
        raise ValueError(f"cast_storage: stype is {stype!r}, must be 'default' for {arr.stype}")
    return _st.wrap(_sparse.from_array(arr, _st.NUMBERS[stype]))


def retain(data, indices):
    """The rows of a row_sparse array whose numbers are in `indices`; the others become 0."""
    if not isinstance(data, RowSparseNDArray):
        raise TypeError(f"sparse_retain: data is {data.stype}, must be row_sparse")
    return _st.retain(data, indices)


def binary(name, lhs, rhs):
    if isinstance(lhs, NDArray) and isinstance(rhs, NDArray):
        return _array.invoke(_array.operator(name), (lhs, rhs), (), None, NDArray)
    if isinstance(lhs, NDArray):
        return _array.invoke(
            _array.operator(name + "_scalar"), (lhs,), (as_float(rhs),), None, NDArray
        )
    reflected = _st.REFLECTED.get(name, name) + "_scalar"
    return _array.invoke(_array.operator(reflected), (rhs,), (as_float(lhs),), None, NDArray)
