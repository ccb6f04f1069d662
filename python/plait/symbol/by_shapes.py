"""Functions of arrays as functions of symbols whose shapes are known.

What many functions of `mx.np` do depends on the number of axes of their arguments. For symbols that
have shapes, by inference from those of their variables, the function runs once on arrays of these
shapes, and the operators that it applied are composed.
"""

import functools
import threading

import numpy as np

from .. import _symbol, autograd
from ..base import MXNetError
from ..name import NameManager
from .symbol import Symbol, group

__all__ = ["known", "of_shapes"]


class _Known(threading.local):
    """What a block knows of its variables while it is written down."""

    specs = None  # dict by name of (shape, dtype); None: outside of a block
    used = False  # whether a function asked for them, so that the graph holds for them only
    arrays = None  # dict by name: arrays that functions brought along, inputs of the graph


known = _Known()


def _replaced(value, change):
    """Nested lists and tuples with `change(x)` for each symbol x; others stay."""
    if isinstance(value, Symbol):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_replaced(item, change) for item in value])
    return value


def _specs(name, symbols):
    """Shape and dtype of each symbol."""
    if not symbols:
        return []
    whole, given = group(symbols), known.specs or {}
    names = [n for n in whole.list_arguments() if n in given]
    shapes = whole._known_shapes(**{n: given[n][0] for n in names})[1]
    for symbol, shape in zip(symbols, shapes, strict=True):
        if shape is None:
            raise ValueError(
                f"{name}: shape of symbol {symbol.name!r} is not known, must be for this function\n"
                "  hint: give shapes to the variables, as in mx.sym.var('x', shape=(2, 3))"
            )
    known.used = known.specs is not None
    dtypes = whole.infer_type(**{n: given[n][1] for n in names})[1]
    return list(zip(shapes, dtypes, strict=True))


def _constant(array):
    """A variable for an array that does not depend on the inputs."""
    from .create import Variable

    if known.arrays is None:
        variable = Variable(shape=array.shape, dtype=array.dtype)
        variable.value = array
        return variable
    name = f"constant{len(known.arrays)}"
    known.arrays[name] = array
    return Variable(name)


def _run(function, arrays, args, kwargs):
    """(symbol over variables in0, in1, ..., arrays that it brought along, its structure)."""
    before, autograd._tracing.on = getattr(autograd._tracing, "on", False), True
    outer = _symbol.Trace()  # in an outer one not even arguments may be read
    trace = _symbol.Trace()
    try:
        for i, array in enumerate(arrays):
            trace.variable(f"in{i}", array)
        result = function(*args, **kwargs)
        several = isinstance(result, (list, tuple))
        outputs = list(result) if several else [result]
        symbol = Symbol(trace.end(outputs))
        return symbol, trace.captured(type(outputs[0])), several
    finally:
        trace.close()
        outer.close()
        autograd._tracing.on = before


def of_shapes(name, function):
    """`function` of `mx.np` or `mx.npx`, for symbols.

    Parameters
    ----------
    name : str
        For messages and names of nodes.
    function : callable
        Of arrays. What it makes of them it makes by operators: it reads no values.
    """

    @functools.wraps(function)
    def of_symbols(*args, name=None, **kwargs):
        symbols = []
        _replaced([list(args), list(kwargs.values())], symbols.append)
        with autograd.pause(train_mode=autograd.is_training()):
            arrays = [_stand_in(*spec) for spec in _specs(called, symbols)]
            rest = iter(arrays)
            args = _replaced(list(args), lambda _: next(rest))
            kwargs = {k: _replaced(v, lambda _: next(rest)) for k, v in kwargs.items()}
            try:
                made, captured, several = _run(function, arrays, args, kwargs)
            except MXNetError as error:
                if "hybridize:" not in str(error) and "trace:" not in str(error):
                    raise
                raise NotImplementedError(
                    f"{called}: computes with values of its arguments, which symbols do not have"
                ) from None
        replacements = {f"in{i}": symbol for i, symbol in enumerate(symbols)}
        replacements.update({f"captured{i}": _constant(a) for i, a in enumerate(captured)})
        inputs = made.list_inputs()
        made = made(**{k: v for k, v in replacements.items() if k in inputs})
        if several:
            return [made[i] for i in range(len(made))]
        if made.name in inputs or made.get_children() is None:
            return made
        return made(name=NameManager.current.get(name, called.lower().rpartition(".")[2]))

    called = name
    return of_symbols


def _stand_in(shape, dtype):
    """Any array: nobody sees its values. Square matrices are near to the unit matrix."""
    from ..numpy import array, zeros

    if np.dtype(dtype).kind != "f":
        return zeros(shape, dtype=dtype)
    values = np.random.default_rng(0).random(shape, "float32")
    if len(shape) > 1 and shape[-1] == shape[-2]:
        values = values / (2 * shape[-1]) + np.eye(shape[-1], dtype="float32")
    return array(values, dtype=dtype)
