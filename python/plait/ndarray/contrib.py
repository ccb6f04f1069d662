"""Operators beside the core vocabulary, and loops: `mx.nd.contrib`."""

import math as _math

from .. import control as _control
from .._gen import nd as _gen
from .ndarray import NDArray

globals().update(vars(_gen.contrib))

from .updates import *  # noqa: E402,F403 - over the generated function of the same name


def _list(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _like(given, items):
    """`items` as a list if `given` was one, else its only element."""
    return items if isinstance(given, (list, tuple)) else items[0]


def boolean_mask(data, index, axis=0):
    """The parts of `data` along an axis where `index` is not 0.

    Parameters
    ----------
    data : NDArray
        Array of shape (..., n, ...).
    index : NDArray
        Vector of n numbers. Waits for its values: they decide the shape of the result.
    axis : int

    Raises
    ------
    ValueError
        If `index` is not a vector of n numbers.
    """
    if index.shape != (data.shape[axis],):
        raise ValueError(
            f"boolean_mask: index has shape {index.shape}, must be ({data.shape[axis]},)"
        )
    from .create import array

    places = index.asnumpy().nonzero()[0]
    return _gen.take(data, array(places, dtype="int64"), axis=axis)


def foreach(body, data, init_states):
    """Run `body` over the first axis of `data`, handing states on.

    Parameters
    ----------
    body : callable
        `body(item, states)` returns (outputs, new states).
    data : NDArray or list of NDArray
    init_states : NDArray or list of NDArray

    Returns
    -------
    (outputs, states)
        Outputs of all steps stacked along a new first axis, states after the last step.
    """
    if _control.is_traced():
        return _control.foreach(body, data, init_states)
    items = _list(data)
    length = len(items[0])
    if any(len(x) != length for x in items):
        raise ValueError(
            f"foreach: data have lengths {[len(x) for x in items]}, must have the same length"
        )
    if length == 0:
        raise ValueError("foreach: data has length 0, must be >= 1")
    states, steps, form = init_states, [], None
    for i in range(length):
        form, states = body(_like(data, [x[i] for x in items]), states)
        steps.append(_list(form))
    outputs = [_gen.stack(*column) for column in zip(*steps, strict=True)]
    return (_like(form, outputs) if outputs else []), states


def while_loop(cond, func, loop_vars, max_iterations=None):
    """Run `func` while `cond` holds.

    Parameters
    ----------
    cond : callable
        `cond(*loop_vars)` returns an array of one number.
    func : callable
        `func(*loop_vars)` returns (outputs of the step, new loop variables).
    loop_vars : NDArray or list of NDArray
    max_iterations : int
        Most steps; outputs have this length, with zeros behind the last step.

    Returns
    -------
    (outputs, loop variables)
    """
    if max_iterations is None or max_iterations < 0:
        raise ValueError(f"while_loop: max_iterations is {max_iterations}, must be an int >= 0")
    if _control.is_one_node():
        return _control.while_loop(cond, func, loop_vars, max_iterations)
    if _control.is_masked():
        rows, values = _control.masked_loop(cond, func, _list(loop_vars), max_iterations)
        outputs = [_gen.stack(*column) for column in zip(*map(_list, rows), strict=True)]
        return (_like(rows[0], outputs) if outputs else []), _like(loop_vars, values)
    values, steps, form = _list(loop_vars), [], []
    while len(steps) < max_iterations and bool(cond(*values).asscalar()):
        form, new = func(*values)
        new = _list(new)
        if len(new) != len(values):
            raise ValueError(
                f"while_loop: func gave {len(new)} loop variables, must be {len(values)}"
            )
        values = new
        steps.append(_list(form) if form is not None else [])
    outputs = []
    for column in zip(*steps, strict=True):
        rows = _gen.stack(*column)
        missing = max_iterations - len(steps)
        if missing:
            from .create import zeros

            rest = zeros((missing, *column[0].shape), dtype=column[0].dtype, ctx=column[0].context)
            rows = _gen.concat(rows, rest, dim=0)
        outputs.append(rows)
    return (_like(form, outputs) if outputs else []), _like(loop_vars, values)


def cond(pred, then_func, else_func):
    """`then_func()` if `pred`, an array of one number, is not 0, else `else_func()`."""
    if not isinstance(pred, NDArray) or pred.size != 1:
        raise ValueError("cond: pred must be an array of one number")
    if _control.is_one_node():
        return _control.cond(pred, then_func, else_func)
    if _control.is_masked():
        return _control.either(pred, then_func, else_func)
    return then_func() if bool(pred.asscalar()) else else_func()


def rand_zipfian(true_classes, num_sampled, range_max, ctx=None):
    """Draw numbers of classes, small ones more often, for sampled softmax.

    Class k has the probability log((k + 2) / (k + 1)) / log(range_max + 1), that of words which are
    numbered by their frequency. Jean, Cho, Memisevic, Bengio (2015).

    Parameters
    ----------
    true_classes : NDArray
        Numbers of classes in [0, range_max).
    num_sampled : int
        How many to draw, with replacement.
    range_max : int
        Number of classes, > 0.
    ctx : Context, optional
        Where the results are.

    Returns
    -------
    (NDArray, NDArray, NDArray)
        Classes drawn (num_sampled,) int64; in float64 how often the true classes and those drawn
        are expected in such a draw.

    Raises
    ------
    ValueError
        A number is not > 0.
    """
    if num_sampled <= 0 or range_max <= 0:
        raise ValueError(
            f"rand_zipfian: num_sampled is {num_sampled}, range_max is {range_max}, must be > 0"
        )
    from .random import uniform

    ctx = ctx or true_classes.context
    whole = _math.log(range_max + 1)
    drawn = uniform(0, whole, (num_sampled,), dtype="float64", ctx=ctx).exp() - 1
    drawn = drawn.astype("int64").clip(0, range_max - 1)

    def expected(classes):
        k = classes.as_in_context(ctx).astype("float64")
        return ((k + 2) / (k + 1)).log() * (num_sampled / whole)

    return drawn, expected(true_classes), expected(drawn)


def isfinite(data):
    """1 where the element is neither infinite nor NaN, else 0."""
    return _gen.abs(data) < float("inf")


def isnan(data):
    """1 where the element is NaN, else 0."""
    return data != data


def isinf(data):
    """1 where the element is infinite, else 0."""
    return _gen.abs(data) == float("inf")
