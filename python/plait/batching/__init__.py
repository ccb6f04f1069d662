"""Functions of one sample as functions of a batch: `mx.vmap`.

>>> import plait as mx
>>> rows = mx.np.array([[1.0, 2.0], [3.0, 4.0]])
>>> mx.vmap(mx.np.dot, in_axes=(0, None))(rows, mx.np.array([1.0, 1.0])).tolist()
[3.0, 7.0]
"""

import functools
import json

from .. import _symbol, autograd
from .._array import Array
from ..base import MXNetError
from . import along_axes, indexing, layers  # noqa: F401  they fill the table of rules
from .rules import RULES, batched, check_step, loop
from .step import Operand, Step, apply, describe, move_axis

__all__ = ["has_batch_rule", "vmap"]


def has_batch_rule(name):
    """True if `vmap` runs operator `name` once for the whole batch; else it computes each sample.

    A rule may still not hold for some operands; then the samples are computed one by one as well.
    """
    return name in RULES or describe(name)[1]["elementwise"]


def _leaves(value, found):
    """Append what stands in nested lists, tuples and dicts to `found`; returns how to rebuild."""
    if isinstance(value, dict):
        parts = [_leaves(value[key], found) for key in value]
        return lambda it: {key: part(it) for key, part in zip(value, parts, strict=True)}
    if isinstance(value, (list, tuple)):
        parts = [_leaves(item, found) for item in value]
        if hasattr(value, "_fields"):
            return lambda it: type(value)(*(part(it) for part in parts))
        return lambda it: type(value)(part(it) for part in parts)
    found.append(value)
    return next


def _axes(axes, value, name):
    """The axis of every leaf of `value`."""
    if axes is None or hasattr(axes, "__index__"):
        found = []
        _leaves(value, found)
        return [axes] * len(found)
    if isinstance(axes, dict) and isinstance(value, dict) and axes.keys() == value.keys():
        return [a for key in value for a in _axes(axes[key], value[key], name)]
    both = isinstance(axes, (list, tuple)) and isinstance(value, (list, tuple))
    if not both or len(axes) != len(value):
        raise ValueError(
            f"vmap: {name} is {axes!r}, must be an int, None or a nest like that of the arrays"
        )
    return [a for pair in zip(axes, value, strict=True) for a in _axes(*pair, name)]


def _batch_first(leaf, axis):
    if axis is None:
        return leaf
    if not isinstance(leaf, Array):
        raise TypeError(
            f"vmap: argument is {type(leaf).__name__}, must be an array, or in_axes None for it"
        )
    if not -leaf.ndim <= axis < leaf.ndim:
        raise ValueError(
            f"vmap: in_axes is {axis}, must be in [{-leaf.ndim}, {leaf.ndim - 1}] for an array of "
            f"shape {leaf.shape}"
        )
    return move_axis(leaf, axis % leaf.ndim, 0)


def _batch_size(leaves, axes):
    sizes = {leaf.shape[0] for leaf, axis in zip(leaves, axes, strict=True) if axis is not None}
    if not sizes:
        raise ValueError("vmap: in_axes is None for all arguments, must name an axis of one")
    if len(sizes) > 1:
        raise ValueError(f"vmap: batches have the sizes {sorted(sizes)}, must be equal")
    (size,) = sizes
    if size == 0:
        raise ValueError("vmap: batch has size 0, must have a sample")
    return size


def _traced(function, samples):
    """Run `function` on one sample: (steps, arrays by name of variable, structure, classes)."""
    outputs = []
    marks = autograd._tracing
    outer = {name: getattr(marks, name, False) for name in ("on", "writes", "maps")}
    vars(marks).update(on=True, writes=False, maps=True)
    try:
        with autograd.pause(train_mode=autograd.is_training()):
            trace = _symbol.Trace()
            try:
                arrays = [s for s in samples if isinstance(s, Array)]
                for i, array in enumerate(arrays):
                    trace.variable(f"sample{i}", array)
                rebuild = _leaves(function(), outputs)
                for y in outputs:
                    if not isinstance(y, Array):
                        raise TypeError(
                            f"vmap: function gives {type(y).__name__}, must give arrays"
                        )
                outputs = [apply("copy", y)[0] for y in outputs]
                steps = json.loads(trace.steps_json(outputs))
                captured = trace.captured(type(outputs[0]) if outputs else Array)
            finally:
                trace.close()
    except MXNetError as error:
        if "hybridize:" not in str(error):
            raise
        text = str(error).replace("hybridize:", "vmap:").replace("block", "function")
        raise type(error)(text) from None
    finally:
        vars(marks).update(outer)
    return steps, {f"captured{i}": array for i, array in enumerate(captured)}, rebuild


def _sample(operand):
    """The part of the first sample, in memory of its own: a trace knows arrays by their place."""
    if not isinstance(operand.array, Array):
        return operand.array
    return apply("copy", operand.sample(0))[0].detach()


def _replay(steps, variables, size, randomness):
    """Results of the steps as operands; `variables` are operands by name."""
    done = []
    for step in steps["steps"]:
        if isinstance(step, str):
            done.append([variables[step]])
            continue
        operands = [done[at][i] for at, i in step["inputs"]]
        shapes = [tuple(shape) for shape in step["shapes"]]
        one = Step(step["op"], step["attrs"], operands, shapes, size)
        way = check_step(one, randomness)
        if way == "shared":
            results = one.run(*(o.array for o in operands))
        else:
            results = batched(one) if way == "batched" else loop(one)
        done.append([Operand(r, way != "shared") for r in results])
    return [done[at][i] for at, i in steps["outputs"]]


def _placed(operand, axis, size):
    if axis is None:
        if operand.batched:
            raise ValueError(
                "vmap: out_axes is None for a result that differs between samples, must be an int"
            )
        return operand.array
    whole = operand.full(size)
    if not -whole.ndim <= axis < whole.ndim:
        raise ValueError(
            f"vmap: out_axes is {axis}, must be in [{-whole.ndim}, {whole.ndim - 1}] for results "
            f"of shape {operand.shape}"
        )
    return move_axis(whole, 0, axis % whole.ndim)


def vmap(function, in_axes=0, out_axes=0, randomness="error"):
    """A function of one sample as a function of a batch of samples.

    `function` runs on the first sample while its operators are written down; then each operator
    runs once on the whole batch. So `function` may be made of any operators, gradients included,
    and the result can be differentiated, hybridized and mapped again. It must not read values of
    arrays that it computed, nor change arrays in place.

    Parameters
    ----------
    function : callable
        Takes arrays, or nests of lists, tuples and dicts of them; gives the same.
    in_axes : int, None or nest of them
        Which axis of each array counts the samples; None: all samples share the argument. One
        value holds for all arguments, else there is one entry for each.
    out_axes : int, None or nest of them
        Where the results get that axis; None is possible for what does not depend on the sample.
    randomness : {'error', 'same', 'different'}
        What operators that draw random numbers do: fail, draw once for all samples, or for each.

    Returns
    -------
    callable
        With the arguments of `function`. Keyword arguments are shared by the samples.

    Raises
    ------
    ValueError
        By the callable: an axis does not fit, sizes differ or are 0, or numbers are drawn.
    TypeError
        The function gives something that is not an array.

    Notes
    -----
    Operators for which `has_batch_rule` is False are applied to the samples one by one, within
    the same call: the result is the same, the speed that of a loop. Where the function takes
    gradients of `cond` and `while_loop`, both branches and all `max_iterations` steps are computed
    for all samples, and each sample's results are picked: what is not picked must be finite too.
    """
    if not callable(function):
        raise TypeError(f"vmap: function is {type(function).__name__}, must be callable")
    if randomness not in ("error", "same", "different"):
        raise ValueError(
            f"vmap: randomness is {randomness!r}, must be 'error', 'same' or 'different'"
        )

    @functools.wraps(function, updated=())
    def mapped(*args, **kwargs):
        leaves = []
        rebuild = _leaves(args, leaves)
        axes = _axes(tuple(in_axes) if isinstance(in_axes, list) else in_axes, args, "in_axes")
        leaves = [_batch_first(leaf, a) for leaf, a in zip(leaves, axes, strict=True)]
        size = _batch_size(leaves, axes)
        operands = [Operand(leaf, a is not None) for leaf, a in zip(leaves, axes, strict=True)]
        with autograd.pause(train_mode=autograd.is_training()):
            samples = [_sample(o) for o in operands]
        steps, variables, structure = _traced(
            lambda: function(*rebuild(iter(samples)), **kwargs), samples
        )
        variables = {name: Operand(array, False) for name, array in variables.items()}
        arrays = [o for o in operands if isinstance(o.array, Array)]
        variables.update((f"sample{i}", o) for i, o in enumerate(arrays))
        results = _replay(steps, variables, size, randomness)
        shown = structure(iter(results))
        places = _axes_of_results(out_axes, shown, results)
        placed = [_placed(r, axis, size) for r, axis in zip(results, places, strict=True)]
        return structure(iter(placed))

    return mapped


def _axes_of_results(axes, shown, results):
    if axes is None or hasattr(axes, "__index__"):
        return [axes] * len(results)
    return _axes(axes, _marks(shown), "out_axes")


def _marks(value):
    """The nest with arrays in place of operands."""
    found = []
    rebuild = _leaves(value, found)
    return rebuild(iter([operand.array for operand in found]))
