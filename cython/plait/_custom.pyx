"""Operators written in Python, registered over the C interface."""

import os

from cpython.ref cimport Py_INCREF
from libc.stdint cimport int32_t

from plait._array cimport Array, wrap
from plait._capi cimport *
from plait._status cimport check, drop_object, keep_exception

from plait._array import DTYPE_NAMES, DTYPE_NUMBERS


cdef object _spec(const plait_spec_t *spec):
    """(shape, name of the dtype)."""
    return tuple([spec.shape[i] for i in range(spec.ndim)]), DTYPE_NAMES[spec.dtype]


cdef object _array(const plait_block_t *block, bint filled, type cls):
    """An array with the content of the block, or of its shape and dtype only."""
    cdef plait_array_t out
    cdef plait_device_t device
    device.kind = PLAIT_DEVICE_CPU
    device.id = 0
    cdef const plait_spec_t *spec = &block.spec
    if filled:
        check(plait_array_from_data(block.data, spec.shape, NULL, spec.ndim,
                                    <plait_dtype_t>spec.dtype, device, &out))
    else:
        check(plait_array_empty(spec.shape, spec.ndim, <plait_dtype_t>spec.dtype, device, &out))
    return wrap(cls, out)


cdef list _arrays(const plait_block_t *blocks, int32_t n, bint filled, type cls):
    return [_array(&blocks[i], filled, cls) for i in range(n)]


cdef int _deliver(list arrays, const plait_block_t *blocks) except -1:
    """Copy what was computed to where it belongs."""
    cdef plait_status_t status
    cdef plait_array_t array
    cdef void *data
    for i, item in enumerate(arrays):
        array = (<Array?>item)._array
        data = blocks[i].data
        with nogil:
            status = plait_array_copy_to_host(array, data, plait_array_nbytes(array))
        check(status)
    return 0


cdef plait_status_t _count(void *user, const char *params, int32_t *num_in,
                           int32_t *num_out) noexcept with gil:
    try:
        handler, _ = <object>user
        num_in[0], num_out[0] = handler.count(params.decode())
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


cdef plait_status_t _infer(void *user, const char *params, const plait_spec_t *given,
                           int32_t num_in, plait_spec_t *out, int32_t num_out) noexcept with gil:
    try:
        handler, _ = <object>user
        found = handler.infer(params.decode(), [_spec(&given[i]) for i in range(num_in)])
        for i, (shape, dtype) in enumerate(found[:num_out]):
            out[i].ndim = <int32_t>len(shape)
            out[i].dtype = DTYPE_NUMBERS[dtype]
            for axis, size in enumerate(shape[:32]):
                out[i].shape[axis] = size
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


cdef plait_status_t _forward(void *user, const char *params, int32_t is_train,
                             const plait_block_t *given, int32_t num_in, const plait_block_t *out,
                             int32_t num_out) noexcept with gil:
    try:
        handler, cls = <object>user
        inputs = _arrays(given, num_in, True, cls)
        results = _arrays(out, num_out, False, cls)
        states = handler.forward(params.decode(), is_train == 1, inputs, results)
        _deliver(results, out)
        _deliver(inputs[num_in - states:], &given[num_in - states])
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


cdef plait_status_t _backward(void *user, const char *params, const plait_block_t *out_grads,
                              const plait_block_t *given, int32_t num_in, const plait_block_t *out,
                              int32_t num_out, const plait_block_t *in_grads) noexcept with gil:
    try:
        handler, cls = <object>user
        results = _arrays(in_grads, num_in, False, cls)
        handler.backward(params.decode(), _arrays(out_grads, num_out, True, cls),
                         _arrays(given, num_in, True, cls), _arrays(out, num_out, True, cls),
                         results)
        _deliver(results, in_grads)
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


cdef plait_status_t _count_states(
        void *user, const char *params, int32_t *states) noexcept with gil:
    try:
        handler, _ = <object>user
        states[0] = handler.count_states(params.decode())
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


cdef plait_status_t _complete(void *user, const char *params, plait_spec_t *specs,
                              int32_t num_in) noexcept with gil:
    try:
        handler, _ = <object>user
        known = [None if specs[i].ndim < 0 else _spec(&specs[i])[0] for i in range(num_in)]
        for i, shape in enumerate(handler.complete(params.decode(), known)[:num_in]):
            if shape is None or specs[i].ndim >= 0:
                continue
            specs[i].ndim = <int32_t>len(shape)
            for axis, size in enumerate(shape[:32]):
                specs[i].shape[axis] = size
        return PLAIT_OK
    except BaseException as error:
        keep_exception(error)
        return PLAIT_ERR_CALLBACK


def register(str name, handler, type cls):
    """Make an operator known as `op_type` of "custom".

    `handler` has `count(params)`, `infer(params, specs)`, `forward(params, is_train, inputs,
    outputs)` and `backward(params, output gradients, inputs, outputs, input gradients)`; arrays are
    of `cls`, and the last list of each is to be filled. `count_states(params)` says how many of
    the inputs, the last ones, are states; `forward` returns that number again.
    `complete(params, shapes)` gives the shapes of the inputs from those that are not None.
    """
    cdef plait_custom_op_t op
    user = (handler, cls)
    op.struct_size = sizeof(plait_custom_op_t)
    op.user = <void *>user
    op.drop = drop_object
    op.count = _count
    op.infer = _infer
    op.forward = _forward
    op.backward = _backward
    encoded = name.encode()
    cdef plait_custom_more_t more
    more.struct_size = sizeof(plait_custom_more_t)
    more.count_states = _count_states
    more.complete = _complete
    Py_INCREF(user)
    check(plait_custom_register(encoded, &op))
    check(plait_custom_extend(encoded, &more))


def names():
    """list of str: what is registered."""
    cdef plait_buffer_t buffer
    check(plait_custom_names(&buffer))
    try:
        return plait_buffer_data(buffer)[:plait_buffer_size(buffer)].decode().split()
    finally:
        plait_buffer_free(buffer)


def load(path):
    """Load a shared library and let it register its operators."""
    cdef plait_status_t status
    encoded = os.fsencode(path)
    cdef const char *name = encoded
    with nogil:
        status = plait_library_load(name)
    check(status)
