from plait._capi cimport plait_status_t

cdef int check(plait_status_t status) except -1 nogil
cdef int keep_exception(object error) except -1
cdef void drop_object(void *user) noexcept with gil
