"""Views by integers, slices and an ellipsis: a short way from `x[1, 2:]` to the C interface."""

from cpython.slice cimport PySlice_GetIndicesEx
from libc.stdint cimport int32_t, int64_t

from plait._array cimport Array, Operator, wrap
from plait._capi cimport *
from plait._status cimport check

from plait._array import operator


cdef Operator _basic_index = operator("basic_index")


cdef class _Box:
    """First index, end and step along each axis, and the axes that are dropped."""

    cdef int64_t begin[32]
    cdef int64_t end[32]
    cdef int64_t step[32]
    cdef int64_t squeeze[32]
    cdef int32_t axes, dropped

    cdef int whole(self, int64_t n) except -1:
        self.begin[self.axes] = 0
        self.end[self.axes] = n
        self.step[self.axes] = 1
        self.axes += 1
        return 0

    cdef int part(self, int64_t n, object k) except -1:
        cdef Py_ssize_t start, stop, step, count
        PySlice_GetIndicesEx(k, n, &start, &stop, &step, &count)
        self.begin[self.axes] = start
        self.end[self.axes] = stop
        self.step[self.axes] = step
        self.axes += 1
        return 0

    cdef int one(self, int64_t n, int64_t k, Array x) except -1:
        if k < -n or k >= n:
            raise IndexError(f"index is {k}, must be in [{-n}, {n - 1}] for axis {self.axes} "
                             f"of shape {x.shape}")
        self.begin[self.axes] = k + n if k < 0 else k
        self.end[self.axes] = self.begin[self.axes] + 1
        self.step[self.axes] = 1
        self.squeeze[self.dropped] = self.axes
        self.dropped += 1
        self.axes += 1
        return 0

    cdef object view(self, Array x, type cls):
        cdef plait_value_t attrs[4]
        cdef plait_array_t result = NULL
        cdef plait_status_t status
        cdef int32_t i, m
        for i in range(4):
            attrs[i].kind = PLAIT_VALUE_INTS
            attrs[i].size = self.axes
        attrs[3].size = self.dropped
        attrs[0].as_.ints = self.begin
        attrs[1].as_.ints = self.end
        attrs[2].as_.ints = self.step
        attrs[3].as_.ints = self.squeeze
        with nogil:
            status = plait_op_invoke(_basic_index.op, &x._array, 1, attrs, 4, PLAIT_INVOKE_VIEW,
                                     &result, 1, &m)
        check(status)
        return wrap(cls, result)


def basic_view(Array x, key):
    """The view `x[key]`, or None if the key has other things than int, slice and one ellipsis."""
    cdef const int64_t *shape = plait_array_shape(x._array)
    cdef int32_t ndim = plait_array_ndim(x._array), used = 0
    cdef bint dots = False
    cdef _Box box = _Box.__new__(_Box)
    cdef tuple keys = key if type(key) is tuple else (key,)
    for k in keys:
        if type(k) is int or type(k) is slice:
            used += 1
        elif k is Ellipsis and not dots:
            dots = True
        else:
            return None
    if used > ndim:
        return None  # the caller has the message
    for k in keys:
        if k is Ellipsis:
            for _ in range(ndim - used):
                box.whole(shape[box.axes])
        elif type(k) is int:
            box.one(shape[box.axes], k, x)
        else:
            box.part(shape[box.axes], k)
    while box.axes < ndim:
        box.whole(shape[box.axes])
    return box.view(x, <type>type(x))
