"""Functions of `mx.sym.contrib` that are no single operators: loops, branches, draws."""

import math

from .. import control

__all__ = ["cond", "foreach", "rand_zipfian", "while_loop"]


def foreach(body, data, init_states, name="foreach"):
    """Run `body` over the first axis of `data`, handing states on: one node of the graph.

    Parameters
    ----------
    body : callable
        `body(item, states)` returns (outputs, new states). It is called once, with symbols.
    data : Symbol or list of Symbol
        Arrays of shape (n, ...); rows of a vector have shape (1,).
    init_states : Symbol or list of Symbol
        States keep their shapes and dtypes.
    name : str

    Returns
    -------
    (outputs, states)
        Outputs of all steps stacked along a new first axis, states after the last step.
    """
    return control.foreach(body, data, init_states, name)


def while_loop(cond, func, loop_vars, max_iterations=None, name="while_loop"):
    """Run `func` while `cond` holds: one node of the graph.

    Parameters
    ----------
    cond : callable
        `cond(*loop_vars)` returns a symbol of one number; 0 ends the loop.
    func : callable
        `func(*loop_vars)` returns (outputs of the step, new loop variables).
    loop_vars : Symbol or list of Symbol
    max_iterations : int
        Most steps; outputs have this length, with zeros behind the last step.
    name : str

    Returns
    -------
    (outputs, loop variables)
    """
    return control.while_loop(cond, func, loop_vars, max_iterations, name)


def cond(pred, then_func, else_func, name="cond"):
    """`then_func()` if `pred`, a symbol of one number, is not 0, else `else_func()`: one node.

    Both are called once, to write down what they do; only one of them runs. Their outputs have the
    same shapes and dtypes.
    """
    return control.cond(pred, then_func, else_func, name)


def rand_zipfian(true_classes, num_sampled, range_max):
    """Classes drawn log-uniformly: class k with probability log((k + 2) / (k + 1)) / log(n + 1).

    Parameters
    ----------
    true_classes : Symbol
        Numbers of classes.
    num_sampled : int
        How many are drawn, each independently.
    range_max : int
        n: classes are 0 to n - 1.

    Returns
    -------
    (Symbol, Symbol, Symbol)
        The classes drawn, (num_sampled,) of int64, and how often each of `true_classes`, and each
        class drawn, is expected among them, as float64.
    """
    from .._gen import sym
    from .random import uniform

    scale = math.log(range_max + 1)
    drawn = sym.floor(sym.exp(uniform(0, scale, shape=(num_sampled,), dtype="float64")) - 1)
    sampled = sym.Cast(drawn % range_max, dtype="int64")

    def expected(classes):
        classes = sym.Cast(classes, dtype="float64")
        return sym.log((classes + 2) / (classes + 1)) * (num_sampled / scale)

    return sampled, expected(true_classes), expected(sampled)
