"""Recording and gradients over the C interface."""

from cpython.ref cimport Py_INCREF
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc

from plait._array cimport Array, wrap
from plait._capi cimport *
from plait._status cimport check, drop_object, keep_exception


def is_recording():
    """True while this thread records."""
    return plait_autograd_is_recording() == 1


def is_training():
    """True while operators behave as in training in this thread."""
    return plait_autograd_is_training() == 1


def set_recording(bint is_recording):
    """Switch recording; returns the state before."""
    return plait_autograd_set_recording(is_recording) == 1


def set_training(bint train_mode):
    """Switch train mode; returns the state before."""
    return plait_autograd_set_training(train_mode) == 1


def is_recorded(Array array):
    """True if gradients can flow into the array."""
    return plait_autograd_is_recorded(array._array) == 1


def mark(Array array, grad, int32_t req):
    """Make `array` a variable whose gradient goes to `grad`; `req` is 0, 1 (write) or 3 (add)."""
    cdef plait_array_t target = NULL if grad is None else (<Array?>grad)._array
    check(plait_autograd_mark_variables(&array._array, &target, &req, 1))


def get_grad(Array array, type cls):
    """The gradient array of a variable, or None."""
    cdef plait_array_t grad = NULL
    cdef int32_t req
    check(plait_autograd_get_grad(array._array, &grad, &req))
    return None if grad == NULL else wrap(cls, grad)


cdef class _List:
    cdef plait_array_t *items
    cdef int32_t count
    cdef list kept

    def __cinit__(self, arrays):
        self.kept = list(arrays)
        self.count = <int32_t>len(self.kept)
        self.items = <plait_array_t *>malloc((self.count + 1) * sizeof(plait_array_t))
        if self.items == NULL:
            raise MemoryError
        for i in range(self.count):
            item = self.kept[i]
            self.items[i] = NULL if item is None else (<Array?>item)._array

    def __dealloc__(self):
        free(self.items)


def backward(heads, head_grads, variables, bint retain_graph, bint create_graph, bint train_mode,
             type cls):
    """Gradients of `heads`; a list for `variables`, or None if they go to the marked arrays."""
    cdef _List from_ = _List(heads)
    cdef _List seeds = None if head_grads is None else _List(head_grads)
    cdef _List wanted = _List(variables or ())
    cdef plait_array_t *seed_items = NULL if seeds is None else seeds.items
    cdef int32_t flags = retain_graph | create_graph << 1 | train_mode << 2
    cdef plait_array_t *grads = <plait_array_t *>malloc((wanted.count + 1) * sizeof(plait_array_t))
    cdef plait_status_t status
    if grads == NULL:
        raise MemoryError
    try:
        with nogil:
            status = plait_autograd_backward(from_.items, seed_items, from_.count, wanted.items,
                                             wanted.count, flags, grads)
        check(status)
        if variables is None:
            return None
        return [wrap(cls, grads[i]) for i in range(wanted.count)]
    finally:
        free(grads)


cdef plait_status_t _run(void *user, const plait_array_t *out_grads, int32_t num_out_grads,
                         plait_array_t *in_grads, int32_t num_in_grads) noexcept with gil:
    cdef int32_t i
    try:
        function, cls = <object>user
        douts = [None if out_grads[i] == NULL else wrap(cls, plait_array_retain(out_grads[i]))
                 for i in range(num_out_grads)]
        dins = function(douts)
        if len(dins) != num_in_grads:
            raise ValueError(f"Function: backward returned {len(dins)} gradients, "
                             f"must be {num_in_grads}")
        for i in range(num_in_grads):
            if dins[i] is not None:
                in_grads[i] = plait_array_retain((<Array?>dins[i])._array)
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


def record(str name, inputs, outputs, function, type cls):
    """Record a step: `function(list of output gradients)` returns those of the inputs."""
    cdef _List sources = _List(inputs), results = _List(outputs)
    encoded = name.encode()
    user = (function, cls)
    Py_INCREF(user)
    check(plait_autograd_record(encoded, sources.items, sources.count, results.items, results.count,
                                _run, drop_object, <void *>user))
