"""Classes of errors: `mx.error`.

All extend `MXNetError`; those for which Python has a class extend that one, too.

>>> import plait as mx
>>> try:
...     mx.nd.ones((2, 3)).reshape((7,))
... except ValueError as error:
...     print(isinstance(error, mx.error.MXNetError))
True
"""

from ._status import (
    AxisError,
    CallbackError,
    CommunicationError,
    DeviceError,
    DTypeError,
    FileError,
    InternalError,
    InvalidArgumentError,
    MXNetError,
    NameUnknownError,
    NotSupportedError,
    OutOfMemoryError,
    ShapeError,
)

__all__ = [
    "AxisError",
    "CallbackError",
    "CommunicationError",
    "DTypeError",
    "DeviceError",
    "FileError",
    "InternalError",
    "InvalidArgumentError",
    "MXNetError",
    "NameUnknownError",
    "NotSupportedError",
    "OutOfMemoryError",
    "ShapeError",
    "register",
]

_known = {
    kind.__name__: kind
    for kind in (InternalError, MXNetError, ValueError, TypeError, AttributeError, IndexError,
                 NotImplementedError)
}  # fmt: skip


def register(func_name=None, cls=None):
    """Keep a class of errors under a name, by default its own; also a decorator.

    MXNet looks the class of an error up in the text of the message. Here the core says it, and an
    exception of a callback comes back as it is: the table serves programs that share it.

    Parameters
    ----------
    func_name : str or type
        The name, or the class itself.
    cls : type, optional

    Returns
    -------
    type or function
        The class, or a decorator if there is only a name.

    Raises
    ------
    TypeError
        If it is not a class of exceptions.

    Examples
    --------
    >>> @mx.error.register
    ... class ReaderError(mx.MXNetError):
    ...     pass
    >>> @mx.error.register("Late")
    ... class LateError(mx.MXNetError):
    ...     pass
    """
    if callable(func_name):
        func_name, cls = func_name.__name__, func_name

    def add(kind):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"register: {kind!r} must be a class of exceptions")
        _known[func_name or kind.__name__] = kind
        return kind

    return add if cls is None else add(cls)
