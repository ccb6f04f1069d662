"""Entries of core/ops/control."""

import numpy as np
from harness import REALS, Spec, normal

import plait as mx


def graph(make, *names):
    """JSON of what `make` makes of variables."""
    return mx.sym.Group(make(*map(mx.sym.var, names))).tojson()


def decay(x, s, w):
    out = mx.sym.broadcast_add(mx.sym.broadcast_mul(x, w), mx.sym.tanh(s))
    return [out, out * 0.5]


def sum_of_products(x, s, w):
    outs = []
    for row in x:
        outs.append(row * w + np.tanh(s))
        s = outs[-1] * 0.5
    return np.stack(outs), s


FOREACH = {
    "body": graph(decay, "x", "s", "w"),
    "num_outputs": 2,
    "num_out_data": 1,
    "in_data_locs": (0,),
    "in_state_locs": (2,),
    "remain_locs": (1,),
}

Spec(
    "foreach",
    lambda x, s, w, **attrs: sum_of_products(x, s, w),
    [((normal(4, 3), normal(3), normal(1)), FOREACH)],
    dtypes=REALS,
    grad=(0, 1, 2),
    raises=[
        ((normal(4, 3), normal(3)), FOREACH, ValueError, "got 2 arrays, must be 3"),
        ((normal(4, 3), normal(1), normal(1)), FOREACH, ValueError, "foreach: state 0 has shape"),
        (
            (normal(4, 3), normal(3), normal(1)),
            {**FOREACH, "remain_locs": (5,)},
            ValueError,
            "remain_locs has 5, must be in .0, 2.",
        ),
        (
            (normal(4, 3), normal(3), normal(1)),
            {**FOREACH, "num_outputs": 3},
            ValueError,
            "num_outputs is 3 and num_out_data 1, must be the 2 outputs",
        ),
    ],
)

WHILE = {
    "cond": graph(lambda i: [mx.sym.sum(i) < 3], "i"),
    "func": graph(lambda i, a, w: [a * w, i + 1, a * w + i], "i", "a", "w"),
    "num_outputs": 3,
    "num_out_data": 1,
    "max_iterations": 5,
    "cond_input_locs": (0,),
    "func_input_locs": (1, 2, 0),  # the graph meets a, w and i in this order
    "func_var_locs": (2, 0),
}


def grow(i, a, w, **attrs):
    rows = []
    while i.sum() < 3 and len(rows) < 5:
        rows.append(a * w)
        a, i = a * w + i, i + 1
    return np.stack([*rows, *[np.zeros_like(a)] * (5 - len(rows))]), i, a


Spec(
    "while_loop",
    grow,
    [((np.array([1.0]), normal(1), normal(1)), WHILE)],
    dtypes=REALS,
    grad=(1, 2),
    raises=[
        (
            (np.ones(1), np.ones(1), np.ones(1)),
            {**WHILE, "max_iterations": -1},
            ValueError,
            "max_iterations is -1, must be >= 0",
        ),
        (
            (np.ones(1), np.ones(1), np.ones(1)),
            {**WHILE, "cond": graph(lambda i: [mx.sym.broadcast_to(i, shape=(2,))], "i")},
            ValueError,
            "while_loop: condition has shape .2,., must be one number",
        ),
    ],
)

COND = {
    "cond": graph(lambda p: [p > 0], "p"),
    "then_branch": graph(lambda a, b: [mx.sym.exp(a) * b, a], "a", "b"),
    "else_branch": graph(lambda b: [b * b, b], "b"),
    "num_outputs": 2,
    "cond_input_locs": (0,),
    "then_input_locs": (1, 2),
    "else_input_locs": (2,),
}

Spec(
    "cond",
    lambda p, a, b, **attrs: (np.exp(a) * b, a) if p > 0 else (b * b, b),
    [
        ((np.array([1.0]), normal(3, 2), normal(3, 2) * 2), COND),
        ((np.array([-1.0]), normal(3, 2), normal(3, 2) * 2), COND),
    ],
    dtypes=REALS,
    grad=(1, 2),
    raises=[
        (
            (np.ones(1), normal(3), normal(2)),
            {**COND, "then_branch": graph(lambda a: [a, a], "a"), "then_input_locs": (1,)},
            ValueError,
            "output 0 has shape .3,. in then and .2,. in else, must be the same",
        ),
        ((np.ones(2), normal(3), normal(3)), COND, ValueError, "cond: condition has shape .2,."),
    ],
)

Spec(
    "gradient",
    lambda x, w, **attrs: (np.cos(x * w) * x, np.cos(x * w) * w),
    [
        (
            (normal(3, 2), normal(3, 2)),
            {"body": graph(lambda x, w: [mx.sym.sin(x * w)], "x", "w"), "wrt": (1, 0)},
        )
    ],
    dtypes=REALS,
    grad=(),
    raises=[
        (
            (np.ones(2), np.ones(2)),
            {"body": graph(lambda x, w: [x * w], "x", "w"), "wrt": (0, 0)},
            ValueError,
            "must name each array once",
        ),
        (
            (np.ones(2),),
            {"body": graph(lambda x, w: [x * w], "x", "w"), "wrt": (0,)},
            ValueError,
            "got 1 arrays, must be 2",
        ),
        (
            (np.ones(2, "int32"), np.ones(2, "int32")),
            {"body": graph(lambda x, w: [x * w], "x", "w"), "wrt": (0,)},
            TypeError,
            "must be floating for a gradient",
        ),
    ],
)
