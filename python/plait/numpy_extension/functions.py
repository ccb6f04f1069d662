"""Functions of `mx.npx` whose arguments differ from those of their operator."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from ..ndarray import contrib as _contrib
from ..numpy import _indexing, from_dlpack
from ..numpy import _operands as _o
from ..numpy import argwhere as _argwhere
from ..numpy import reshape as _reshape
from ..numpy import where as _where
from ..numpy.multiarray import ndarray

__all__ = [
    "cond", "foreach", "from_numpy", "while_loop",
    "constraint_check", "fully_connected", "index_add", "index_update", "masked_log_softmax",
    "masked_softmax", "nonzero", "reshape",
]  # fmt: skip

_DENSE = operator("fully_connected")
_SOFTMAX, _LOG_SOFTMAX = operator("softmax"), operator("log_softmax")
_FULL = operator("full")
_ASSIGN, _ADD = operator("assign_axes"), operator("gather_axes_backward")


def from_numpy(ndarray: Any, zero_copy: bool = True) -> Any:
    """An array on the memory of a NumPy array, or a copy of it."""
    return from_dlpack(ndarray) if zero_copy else _o.from_numpy(ndarray)


def foreach(body: Any, data: Any, init_states: Any) -> Any:
    """Run `body` over the first axis of `data`, handing states on; see `mx.nd.contrib.foreach`.

    In a block that is compiled it is one node of the graph.
    """
    return _contrib.foreach(body, data, init_states)


def while_loop(cond: Any, func: Any, loop_vars: Any, max_iterations: int | None = None) -> Any:
    """Run `func` while `cond` holds; see `mx.nd.contrib.while_loop`.

    In a block that is compiled it is one node of the graph.
    """
    return _contrib.while_loop(cond, func, loop_vars, max_iterations)


def cond(pred: Any, then_func: Any, else_func: Any, inputs: Any = (), name: str = "cond") -> Any:
    """One of two results, as a condition says.

    Parameters
    ----------
    pred : callable or ndarray
        An array of one number, or ``pred(*inputs)`` that returns one.
    then_func, else_func : callable
        ``then_func(*inputs)`` is the result if the number is not 0, else ``else_func(*inputs)``. In
        a block that is compiled both are called once, and their results have the same shapes.
    inputs : ndarray or list of ndarray
        Arguments of the functions.
    """
    given = inputs if isinstance(inputs, (list, tuple)) else (inputs,)
    answer = pred(*given) if callable(pred) else pred
    return _contrib.cond(answer, lambda: then_func(*given), lambda: else_func(*given))


def nonzero(a: Any) -> Any:
    """The indices of the elements that are not 0, one in each row, as int64."""
    return _argwhere(a)


def fully_connected(
    x: Any,
    weight: Any,
    bias: Any = None,
    num_hidden: int | None = None,
    no_bias: bool | None = None,
    flatten: bool = True,
    **kwargs: Any,
) -> Any:
    """x weight^T + bias.

    Parameters
    ----------
    x : array of shape (n, ...) or (..., m)
    weight : array of shape (num_hidden, m)
    bias : array of shape (num_hidden,), optional
    flatten : bool
        Join all axes of x but the first.
    """
    x, weight = _o.array_of(x), _o.array_of(weight)
    hidden = weight.shape[0] if num_hidden is None else num_hidden
    inputs = (x, weight) if bias is None or no_bias else (x, weight, bias)
    attrs = _by_name(_DENSE, num_hidden=hidden, no_bias=len(inputs) == 2, flatten=flatten)
    return invoke(_DENSE, inputs, attrs, None, ndarray)


def _by_name(op: Any, **given: Any) -> tuple[Any, ...]:
    """Attributes in the order of the definition."""
    import json

    order = _orders.get(op.name)
    if order is None:
        order = _orders[op.name] = [a["name"] for a in json.loads(op.describe_json())["attrs"]]
    return tuple(given.get(name) for name in order)


_orders: dict[str, list[str]] = {}


def _constant(value: float, name: str) -> Any:
    """A number as an array of no axes that compiled graphs know."""
    return invoke(_FULL, (), _by_name(_FULL, shape=(), value=value, dtype=name), None, ndarray)


def masked_softmax(data: Any, mask: Any, axis: int = -1, temperature: float = 1.0,
                   normalize: bool = True) -> Any:  # fmt: skip
    """Softmax over the elements where the mask is true; 0 elsewhere."""
    data, mask = _o.array_of(data), _o.cast(_o.array_of(mask), "bool")
    low = _constant(float(_np.finfo(data.dtype_name).min) / 2, data.dtype_name)
    scores = _where(mask, data / temperature, low)
    result = invoke(_SOFTMAX, (scores,), _by_name(_SOFTMAX, axis=axis), None, ndarray)
    return _where(mask, result, _constant(0.0, data.dtype_name))


def masked_log_softmax(data: Any, mask: Any, axis: int = -1, temperature: float = 1.0,
                       normalize: bool = True) -> Any:  # fmt: skip
    """Logarithm of `masked_softmax`; -inf where the mask is false."""
    data, mask = _o.array_of(data), _o.cast(_o.array_of(mask), "bool")
    low = _o.number(_np.finfo(data.dtype_name).min / 2, data.dtype_name)
    scores = _where(mask, data / temperature, low)
    result = invoke(_LOG_SOFTMAX, (scores,), _by_name(_LOG_SOFTMAX, axis=axis), None, ndarray)
    return _where(mask, result, -_np.inf)


def _rows(a: Any, ind: Any) -> list[Any]:
    """Indices of shape (k, n) as one vector for each of the first k axes."""
    ind = _o.array_of(ind)
    ind = _o.cast(ind, "int64") if _o.is_floating(ind) else ind
    if ind.ndim == 1:
        ind = _reshape(ind, (1, -1))
    if ind.ndim != 2 or ind.shape[0] > a.ndim:
        raise ValueError(f"index: ind has shape {ind.shape}, must be (k, n) with k <= {a.ndim}")
    return [_indexing.get(ind, i) for i in range(ind.shape[0])]


def index_update(a: Any, ind: Any, val: Any) -> Any:
    """A copy of `a` with values written at the indices in the columns of `ind`; has gradients."""
    a = _o.array_of(a)
    rows = _rows(a, ind)
    inputs = (a, _o.operands(a, val)[1], *rows)
    return invoke(_ASSIGN, inputs, (tuple(range(len(rows))), False), None, ndarray)


def index_add(a: Any, ind: Any, val: Any) -> Any:
    """A copy of `a` with values added at the indices in the columns of `ind`; has gradients."""
    from ..numpy import broadcast_to

    a = _o.array_of(a)
    rows = _rows(a, ind)
    val = _o.cast(_o.operands(a, val)[1], a.dtype_name)
    val = broadcast_to(val, (*rows[0].shape, *a.shape[len(rows) :]))
    floating = val if _o.is_floating(val) else _o.cast(val, "float64")
    attrs = (tuple(range(len(rows))), False, tuple(a.shape))
    return a + _o.cast(invoke(_ADD, (floating, *rows), attrs, None, ndarray), a.dtype_name)


_CODES = {-2: "copy", -4: "rest", -5: "merge", -6: "split", -3: "skip"}


def _expanded(codes: tuple[int, ...], sizes: list[int]) -> list[int]:
    """Sizes that codes stand for; -1 stays."""
    out: list[int] = []
    codes_left = list(codes)
    sizes = list(sizes)

    def take() -> int:
        if not sizes:
            raise ValueError(f"reshape: newshape is {codes}, refers to more axes than there are")
        return sizes.pop(0)

    while codes_left:
        code = codes_left.pop(0)
        kind = _CODES.get(code)
        if kind == "copy":
            out.append(take())
        elif kind == "rest":
            out += sizes
            sizes = []
        elif kind == "merge":
            out.append(take() * take())
        elif kind == "skip":
            if take() != 1:
                raise ValueError(
                    f"reshape: newshape is {codes}, -3 must stand for an axis of size 1"
                )
        elif kind == "split":
            size, a, b = take(), codes_left.pop(0), codes_left.pop(0)
            a, b = (size // b if a == -1 else a), (size // a if b == -1 else b)
            if a * b != size:
                raise ValueError(
                    f"reshape: newshape is {codes}, must split {size} into two factors"
                )
            out += [a, b]
        else:
            out.append(code)
            if sizes:
                sizes.pop(0)
    return out


def reshape(a: Any, newshape: Any, reverse: bool = False, order: str = "C") -> Any:
    """The elements in another shape, with codes: -1 what is left, -2 copies an axis, -3 drops one
    of size 1, -4 copies all others, -5 merges two, -6 splits one into the two sizes that follow.

    Parameters
    ----------
    reverse : bool
        Match axes from the last to the first.
    """
    a = _o.array_of(a)
    codes, sizes = _o.shape_of(newshape), list(a.shape)
    if reverse:
        turned = list(codes)[::-1]
        for i, code in enumerate(turned):  # the two sizes of -6 came before it
            if code == -6:
                turned[i - 2 : i + 1] = [-6, turned[i - 2], turned[i - 1]]
        return _reshape(a, _expanded(tuple(turned), sizes[::-1])[::-1], order)
    return _reshape(a, _expanded(codes, sizes), order)


def constraint_check(input: Any, msg: str = "Constraint violated.") -> Any:
    """True if all elements are true.

    Raises
    ------
    ValueError
        With `msg`, if one is not.
    """
    from ..numpy import all

    result = all(input)
    if not bool(result):
        raise ValueError(msg)
    return result
