from plait._capi cimport plait_array_t, plait_op_t

cdef class Array:
    cdef plait_array_t _array
    cdef object __weakref__

cdef class Operator:
    cdef plait_op_t op
    cdef readonly str name
    cdef object attr_name(self, Py_ssize_t i)
    cdef object input_name(self, Py_ssize_t i)

cdef object wrap(type cls, plait_array_t handle)
cdef bint is_complex(object number) except -1
