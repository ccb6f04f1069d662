from plait._capi cimport plait_sparse_t

cdef class Sparse:
    cdef plait_sparse_t handle

cdef object wrap_sparse(plait_sparse_t handle)
