"""Status codes of the C interface as exceptions."""

from cpython.ref cimport Py_DECREF

from plait._capi cimport (
    PLAIT_ERR_CALLBACK, PLAIT_OK, plait_last_error, plait_set_last_error, plait_status_t,
)

import threading


class MXNetError(RuntimeError):
    """Base of all errors of the library."""


class InvalidArgumentError(MXNetError, ValueError):
    """A value outside its rule."""


class DTypeError(MXNetError, TypeError):
    """A wrong dtype or kind of object."""


class ShapeError(MXNetError, ValueError):
    """Shapes that do not fit."""


class AxisError(MXNetError, IndexError, ValueError):
    """An axis or index out of range."""


class NameUnknownError(MXNetError, KeyError):
    """An unknown name."""

    __str__ = Exception.__str__


class NotSupportedError(MXNetError, NotImplementedError):
    """Not built in, or no kernel for the dtype."""


class OutOfMemoryError(MXNetError, MemoryError):
    """No memory on the host or the device."""


class FileError(MXNetError, OSError):
    """Files."""


class DeviceError(MXNetError):
    """A device failed."""


class CommunicationError(MXNetError):
    """Communication between processes failed."""


class CallbackError(MXNetError):
    """A user's function failed."""


class InternalError(MXNetError):
    """A bug of the library: please report it."""


_CLASSES = {1: InvalidArgumentError, 2: DTypeError, 3: ShapeError, 4: AxisError,
            5: NameUnknownError, 6: NotSupportedError, 7: OutOfMemoryError, 8: FileError,
            9: DeviceError, 10: CommunicationError, 11: CallbackError, 99: InternalError}
_kept = threading.local()


cdef int keep_exception(object error) except -1:
    """Stores what a callback raised until `check` raises it again in this thread."""
    _kept.error = error
    message = f"{type(error).__name__}: {error}".encode()
    plait_set_last_error(message)
    return 0


cdef void drop_object(void *user) noexcept with gil:
    """Gives back the reference that the core held on a Python object of a callback."""
    Py_DECREF(<object>user)


cdef int _raise(plait_status_t status) except -1:
    if status == PLAIT_ERR_CALLBACK:
        error = getattr(_kept, "error", None)
        if error is not None:
            _kept.error = None
            raise error
    message = plait_last_error().decode(errors="replace")
    raise _CLASSES.get(<int>status, InternalError)(message)


cdef int check(plait_status_t status) except -1 nogil:
    if status == PLAIT_OK:
        return 0
    with gil:
        return _raise(status)
