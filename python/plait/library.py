"""Operators from shared libraries: `mx.library`."""

import os

from . import _custom, ndarray, symbol
from .ndarray import Custom

__all__ = ["load"]


def load(path, verbose=True):
    """Load a shared library with operators; they become functions of `mx.nd` and `mx.sym`.

    The library exports the C function `plait_library_init`, described with `plait_custom_op_t` in
    ``plait/c_api.h``. Its operators are then known as `op_type` of `mx.nd.Custom` too.

    Parameters
    ----------
    path : str
        File of the library.
    verbose : bool
        Kept for MXNet's programs; nothing is printed.

    Returns
    -------
    list of str
        Names of the operators that the library brought.

    Raises
    ------
    OSError
        The file cannot be loaded.
    KeyError
        It has no `plait_library_init`.

    Notes
    -----
    The code of the library runs in this process: load only what you trust.
    """
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise OSError(f"library.load: path is {path!r}, must be a file")
    before = set(_custom.names())
    _custom.load(path)
    fresh = [name for name in _custom.names() if name not in before]
    for name in fresh:
        if name.isidentifier():
            _publish(name)
    return fresh


def _publish(name):
    """Functions of this name in `mx.nd` and `mx.sym`; operators of the library itself stay."""

    def eager(*inputs, **params):
        return Custom(*inputs, op_type=name, **params)

    def node(*inputs, **params):
        return symbol.Custom(*inputs, op_type=name, **params)

    for module, function in ((ndarray, eager), (symbol, node)):
        if not hasattr(module, name):
            function.__name__ = function.__qualname__ = name
            function.__doc__ = f"The operator {name!r} of a loaded library."
            setattr(module, name, function)
