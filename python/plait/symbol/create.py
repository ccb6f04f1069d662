"""Symbols from nothing: variables, groups, files, constants."""

from .. import _symbol
from .._array import DTYPE_NUMBERS
from ..attribute import AttrScope, stored_name
from ..base import MXNetError, dtype_name
from ..name import NameManager
from ..util import is_np_shape
from .arithmetic import operator
from .compose import compose
from .symbol import Symbol, from_json, group

__all__ = ["Group", "Variable", "arange", "full", "load", "load_json", "ones", "var", "zeros"]

_STORAGES = ("default", "row_sparse", "csr")  # a storage's number in MXNet's files is its place


def Variable(
    name=None,
    attr=None,
    shape=None,
    lr_mult=None,
    wd_mult=None,
    dtype=None,
    init=None,
    stype=None,
    **kwargs,
):
    """A named input of a graph.

    Parameters
    ----------
    name : str, optional
        Made up if missing.
    attr : dict of str, optional
    shape : tuple of int, optional
        Used where inference needs it.
    lr_mult, wd_mult : float, optional
        Factors of the learning rate and the weight decay, no unit.
    dtype : optional
    init : Initializer or str, optional
    stype : {'default', 'row_sparse', 'csr'}, optional
        A csr variable is bound to a csr array, see `Symbol.simple_bind`; other arrays are dense.

    Raises
    ------
    TypeError
        If `name` is not a str.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"Variable: name is {name!r}, must be a str")
    symbol = Symbol(_symbol.variable(name or NameManager.current.get(None, "var")))
    attributes = {stored_name(k): v for k, v in AttrScope.current.get(attr).items()}
    if shape is not None:
        attributes["__shape__"] = str(tuple(shape))
    if lr_mult is not None:
        attributes["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attributes["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attributes["__dtype__"] = str(DTYPE_NUMBERS[dtype_name(dtype)])
    if init is not None:
        attributes["__init__"] = init if isinstance(init, str) else init.dumps()
    if stype is not None:
        if stype not in _STORAGES:
            raise ValueError(f"Variable: stype is {stype!r}, must be one of {_STORAGES}")
        attributes["__storage_type__"] = str(_STORAGES.index(stype))
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(
                f"Variable: attribute is {key!r}, must start and end with two underscores"
            )
        attributes[key] = str(value)
    for key, value in attributes.items():
        symbol._handle.set_attr(key, value)
    return symbol


var = Variable


def Group(symbols):
    """One symbol with the outputs of all `symbols`, in order."""
    symbols = list(symbols)
    if not symbols or not all(isinstance(s, Symbol) for s in symbols):
        raise TypeError("Group: symbols must be a list of at least one Symbol")
    return group(symbols)


def load_json(json_str):
    """A symbol from MXNet's JSON text."""
    if not isinstance(json_str, str):
        raise TypeError(f"load_json: json_str is {type(json_str).__name__}, must be a str")
    return from_json(json_str)


def load(fname):
    """A symbol from a file that `Symbol.save` or MXNet wrote."""
    with open(fname, encoding="utf-8") as text:
        try:
            return load_json(text.read())
        except MXNetError as error:
            raise type(error)(f"{fname}: {error}") from None


def zeros(shape, dtype=None, name=None, **kwargs):
    """Zeros in a shape; a size of 0 follows from the operators that read them.

    As it does for `ones` and `full`; with `mx.util.np_shape` 0 is a size and -1 follows.
    """
    return _filled(shape, 0.0, dtype, name, "_zeros")


def ones(shape, dtype=None, name=None, **kwargs):
    """Ones in a shape, as `zeros`."""
    return _filled(shape, 1.0, dtype, name, "_ones")


def full(shape, val, dtype=None, name=None, **kwargs):
    """One value in a shape, as `zeros`."""
    return _filled(shape, val, dtype, name, "_full")


def _filled(shape, value, dtype, name, hint):
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not is_np_shape():
        shape = tuple(size or -1 for size in shape)
    attrs = dict(shape=shape, value=float(value), dtype=dtype_name(dtype or "float32"))
    return compose("full", name, (), attrs, hint=hint)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    """Evenly spaced values in [start, stop), each `repeat` times."""
    return operator("_arange")(
        start=start,
        stop=stop,
        step=step,
        repeat=repeat,
        name=name,
        dtype=dtype_name(dtype or "float32"),
    )
