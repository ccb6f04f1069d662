"""Sparse arrays over the C interface."""

from libc.stdint cimport int32_t, int64_t

from plait._array cimport Array, wrap
from plait._capi cimport *
from plait._status cimport check

from plait._array import DTYPE_NAMES, DTYPE_NUMBERS

ROW_SPARSE = PLAIT_STORING_ROW_SPARSE
CSR = PLAIT_STORING_CSR


cdef object wrap_sparse(plait_sparse_t handle):
    """An object that owns `handle`."""
    cdef Sparse out = Sparse.__new__(Sparse)
    out.handle = handle
    return out


cdef int _sizes(tuple shape, int64_t *sizes) except -1:
    if len(shape) > 32:
        raise ValueError(f"shape has {len(shape)} axes, must be at most 32")
    for i, size in enumerate(shape):
        sizes[i] = size
    return <int>len(shape)


cdef class Sparse:
    """Handle of one sparse array: values, indices and, for csr, indptr as dense arrays."""

    def __dealloc__(self):
        plait_sparse_free(self.handle)

    @property
    def storing(self):
        """int: ROW_SPARSE or CSR."""
        return plait_sparse_storing(self.handle)

    @property
    def shape(self):
        """tuple of int: sizes of the axes."""
        cdef const int64_t *sizes = plait_sparse_shape(self.handle)
        cdef int32_t i
        return tuple([sizes[i] for i in range(plait_sparse_ndim(self.handle))])

    @property
    def dtype_name(self):
        """str: name of the dtype."""
        return DTYPE_NAMES[plait_sparse_dtype(self.handle)]

    def part(self, int32_t index, type cls):
        """Values (0), indices (1) or indptr (2) as an object of `cls`; shared, not copied."""
        cdef plait_array_t out
        cdef plait_status_t status
        with nogil:
            status = plait_sparse_part(self.handle, index, &out)
        check(status)
        return wrap(cls, out)

    def rows(self, type cls):
        """Values and row numbers in any order: what has one number counts as its sum."""
        cdef plait_array_t values, index
        check(plait_sparse_rows(self.handle, &values, &index))
        return wrap(cls, values), wrap(cls, index)

    def assign(self, *parts):
        """Other parts in place of all of them."""
        cdef plait_array_t handles[3]
        check(plait_sparse_assign(self.handle, handles, _handles(parts, handles)))

    def check(self):
        """Fails unless all indices are in range and ascend, and indptr fits."""
        cdef plait_status_t status
        with nogil:
            status = plait_sparse_check(self.handle)
        check(status)

    def to_array(self, type cls):
        """The dense array."""
        cdef plait_array_t out
        cdef plait_status_t status
        with nogil:
            status = plait_sparse_to_array(self.handle, &out)
        check(status)
        return wrap(cls, out)


cdef int _handles(tuple parts, plait_array_t *handles) except -1:
    if len(parts) > 3:
        raise ValueError(f"sparse: got {len(parts)} parts, must be at most 3")
    for i, part in enumerate(parts):
        handles[i] = (<Array?>part)._array
    return <int>len(parts)


def new(int storing, tuple shape, tuple parts):
    """A sparse array of these parts, which it shares."""
    cdef int64_t sizes[32]
    cdef plait_array_t handles[3]
    cdef plait_sparse_t out
    cdef int32_t n = _handles(parts, handles), ndim = _sizes(shape, sizes)
    check(plait_sparse_new(storing, sizes, ndim, handles, n, &out))
    return wrap_sparse(out)


def zeros(int storing, tuple shape, str dtype):
    """One that stores nothing."""
    cdef int64_t sizes[32]
    cdef plait_sparse_t out
    cdef int32_t ndim = _sizes(shape, sizes), number = DTYPE_NUMBERS[dtype]
    check(plait_sparse_zeros(storing, sizes, ndim, <plait_dtype_t>number, &out))
    return wrap_sparse(out)


def from_array(Array array, int storing):
    """The elements (CSR) or rows (ROW_SPARSE) of a dense array that are not 0."""
    cdef plait_sparse_t out
    cdef plait_status_t status
    with nogil:
        status = plait_sparse_from_array(array._array, storing, &out)
    check(status)
    return wrap_sparse(out)


def add(list items):
    """The sum of sparse arrays of one shape, dtype and storing."""
    cdef plait_sparse_t handles[64]
    cdef plait_sparse_t out
    cdef plait_status_t status
    cdef int32_t i, n = <int32_t>len(items)
    if n > 64:
        return add([add(items[:64]), *items[64:]])
    for i in range(n):
        handles[i] = (<Sparse?>items[i]).handle
    with nogil:
        status = plait_sparse_sum(handles, n, &out)
    check(status)
    return wrap_sparse(out)


def multiply(Sparse lhs, Sparse rhs):
    """The product of two, element by element."""
    cdef plait_sparse_t out
    cdef plait_status_t status
    with nogil:
        status = plait_sparse_multiply(lhs.handle, rhs.handle, &out)
    check(status)
    return wrap_sparse(out)


def merge_rows(Array values, Array index, tuple shape):
    """Row-sparse from rows in any order: those with equal numbers add up."""
    cdef int64_t sizes[32]
    cdef plait_sparse_t out
    cdef plait_status_t status
    cdef int32_t ndim = _sizes(shape, sizes)
    with nogil:
        status = plait_sparse_merge_rows(values._array, index._array, sizes, ndim, &out)
    check(status)
    return wrap_sparse(out)


def mark(Array array, Sparse grad, int32_t req):
    """Make `array` a variable with a row-sparse gradient; `req` is 1 (write) or 3 (add)."""
    check(plait_autograd_mark_sparse(array._array, grad.handle, req))


def get_grad(Array array):
    """The row-sparse gradient of a variable, or None."""
    cdef plait_sparse_t out
    check(plait_autograd_get_sparse_grad(array._array, &out))
    return None if out == NULL else wrap_sparse(out)
