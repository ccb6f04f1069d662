"""Loops and branches of symbols: `mx.sym.contrib.foreach`, `while_loop` and `cond`."""

from .. import control

__all__ = ["cond", "foreach", "while_loop"]


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
