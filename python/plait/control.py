"""Loops and branches as one node of a graph: of symbols, and of arrays while a block is compiled.

Each function first writes down what the functions it is given do, as graphs ("bodies"),
then applies one operator that has these as attributes. `mx.sym.contrib`, `mx.nd.contrib` and
`mx.npx` call it.
"""

import itertools
import threading

from . import _array, _symbol, autograd
from .attribute import AttrScope
from .nests import flatten, rebuild

__all__ = [
    "cond", "either", "foreach", "is_masked", "is_one_node", "is_traced", "masked_loop",
    "while_loop",
]  # fmt: skip

_KEY = "__subgraph_name__"  # MXNet's mark of the nodes of a body
_counters = threading.local()


def is_traced():
    """bool: this thread writes down the operators of a block."""
    return getattr(autograd._tracing, "writes", False)


def is_masked():
    """bool: this thread writes down a function for `vmap`, and records for gradients.

    Then conditions, which may differ between samples, choose among results: all are computed.
    """
    return getattr(autograd._tracing, "maps", False) and autograd.is_recording()


def is_one_node():
    """bool: `cond` and `while_loop` are to be written down as one node."""
    return is_traced() or getattr(autograd._tracing, "maps", False) and not autograd.is_recording()


class _Body:
    """A graph of its own.

    Attributes
    ----------
    text : str
        JSON.
    inputs : list
        For each input of the graph the number of the formal that it is, or what it is outside.
    structure, count
        Of the outputs.
    """

    def __init__(self, text, inputs, structure, count):
        self.text, self.inputs = text, inputs
        self.structure, self.count = structure, count

    def place(self, formal):
        """Which input the formal is; -1: none."""
        return next((i for i, x in enumerate(self.inputs) if x is formal), -1)


class _Formal:
    """An argument of a body: the graph's variable, and what the function gets for it."""

    __slots__ = ("value", "_view")

    def __init__(self, value, view=None):
        self.value, self._view = value, view

    def given(self):
        return self.value if self._view is None else self._view(self.value)


class _OfSymbols:
    """Bodies of symbols: nodes made meanwhile carry a mark, and the graph is cut where it ends."""

    def __init__(self, name):
        self.name = name

    def formals(self, likes, kind, rows=False):
        from .symbol import var

        return [_Formal(var(f"{self.name}_{kind}{i}")) for i in range(len(likes))]

    def body(self, what, function, formals, keep=()):
        """The graph of what `function()` returns; `keep` has pairs of an output and the number of a
        formal that the graph must read."""
        from .symbol import Group, Symbol

        counts = vars(_counters)
        number = counts[what] = counts.get(what, -1) + 1
        mark = f"{what}{number}"
        leaves = []
        with AttrScope(**{_KEY: mark}):
            structure = flatten(function(), leaves)
            for leaf in leaves:
                if not isinstance(leaf, Symbol) or len(leaf) != 1:
                    raise TypeError(f"{what}: a result is {leaf!r}, must be a symbol of one output")
            leaves = _reading(self._own(leaves, mark), [f.value for f in formals], keep)
        body, outer = (Symbol(handle) for handle in Group(leaves)._handle.cut(_KEY, mark))
        by_name = {f.value.name: f for f in formals}
        inputs = [
            by_name.get(name, outside)
            for name, outside in zip(body.list_inputs(), outer, strict=True)
        ]
        return _Body(body.tojson(False), inputs, structure, len(leaves))

    @staticmethod
    def _own(leaves, mark):
        """Outputs that belong to the body alone, each once: MXNet's files need it."""
        from .symbol import op

        seen, own = set(), []
        for leaf in leaves:
            key = leaf.list_outputs()[0]
            plain = leaf.get_children() is None or leaf.attr(_KEY) != mark
            own.append(op.identity(leaf) if plain or key in seen else leaf)
            seen.add(key)
        return own

    def apply(self, op, inputs, attrs):
        from .symbol.compose import compose

        made = compose(op, None, tuple(inputs), attrs, hint=f"_{op}")
        return [made[i] for i in range(len(made))]


class _OfArrays:
    """Bodies of arrays: functions run once, on the first rows, and are written down meanwhile."""

    def __init__(self, name, cls):
        self.name, self.cls = name, cls

    def formals(self, likes, kind, rows=False):
        if not rows:
            return [_Formal(x.detach()) for x in likes]
        return [_Formal(x[:1], _scalar_of) if len(x.shape) == 1 else _Formal(x[0]) for x in likes]

    def body(self, what, function, formals, keep=()):
        from .symbol import Group, Symbol, var

        leaves = []
        names = [f"{self.name}_{i}" for i in range(len(formals))]
        trace = _symbol.Trace()
        try:
            for name, formal in zip(names, formals, strict=True):
                trace.variable(name, formal.value)
            structure = flatten(function(), leaves)
            for leaf in leaves:
                if not isinstance(leaf, _array.Array):
                    raise TypeError(f"{what}: a result is {leaf!r}, must be an array")
            copy = _array.operator("copy")
            leaves = [_array.invoke(copy, (leaf,), (), None, self.cls) for leaf in leaves]
            made = Symbol(trace.end(leaves))
            captured = trace.captured(self.cls)
        finally:
            trace.close()
        if any(names[formal] not in made.list_inputs() for _, formal in keep):
            made = Group(_reading(list(made), [var(name) for name in names], keep))
        known = dict(zip(names, formals, strict=True))
        known.update((f"captured{i}", array) for i, array in enumerate(captured))
        inputs = [known[name] for name in made.list_inputs()]
        return _Body(made.tojson(False), inputs, structure, len(leaves))

    def apply(self, op, inputs, attrs):
        made = _array.invoke(_array.operator(op), tuple(inputs), tuple(attrs.values()), None,
                             self.cls)  # fmt: skip
        return made if isinstance(made, list) else [made]


def _reading(leaves, formals, keep):
    """`leaves`, of which those in `keep` read their formal if none does, for its shape only."""
    from .symbol import op

    names = {name for leaf in leaves for name in leaf.list_inputs()}
    for output, formal in keep:
        if formals[formal].name not in names:
            leaves[output] = op.reshape_like(leaves[output], formals[formal])
    return leaves


def _scalar_of(row):
    """What a loop over a vector gives the body: in `mx.np` an array of no axes."""
    return row if row.as_nd_ndarray() is row else row.reshape(())


def _kind(name, values):
    """The way of writing down that fits symbols or arrays."""
    from .symbol import Symbol

    if any(isinstance(v, Symbol) for v in values):
        return _OfSymbols(f"{name}{next(_numbers)}")
    return _OfArrays(name, type(values[0]))


_numbers = itertools.count()


class _Inputs:
    """Inputs of an operator: each thing outside once, variables of a loop apart."""

    def __init__(self, first=()):
        self.items = list(first)  # (formal or None, value)

    def locations(self, body):
        """For each input of `body` its place here."""
        return tuple(self._place(x) for x in body.inputs)

    def _place(self, item):
        for i, (formal, value) in enumerate(self.items):
            if item is formal or (formal is None and _same(item, value)):
                return i
        self.items.append((None, item))
        return len(self.items) - 1

    def values(self):
        return [value for _, value in self.items]


def _same(a, b):
    """Whether two symbols are the same output of one node, or two arrays the same."""
    if a is b:
        return True
    if isinstance(a, _array.Array) or isinstance(b, _array.Array) or isinstance(a, _Formal):
        return False
    return a._handle.is_same(b._handle)


def foreach(body, data, init_states, name="foreach"):
    """As `mx.nd.contrib.foreach`, as one node."""
    items, states = [], []
    data_form, state_form = flatten(data, items), flatten(init_states, states)
    kind = _kind(name, items + states)
    rows = kind.formals(items, "data", rows=True)
    now = kind.formals(states, "state")
    forms = []

    def step():
        out, new = body(_values(data_form, rows), _values(state_form, now))
        new = _as_list(new)
        flat, outputs = [], []
        flatten(new, flat)
        if len(flat) != len(states):
            raise ValueError(f"foreach: body gave {len(flat)} states, must be {len(states)}")
        forms.append(flatten(out, outputs))
        return outputs + flat

    keep = [(i - len(states), len(rows) + i) for i in range(len(states))]
    graph = kind.body(name, step, rows + now, keep)
    rest = [(i, x) for i, x in enumerate(graph.inputs) if not isinstance(x, _Formal)]
    attrs = {
        "body": graph.text,
        "num_outputs": graph.count,
        "num_out_data": graph.count - len(states),
        "in_state_locs": tuple(graph.place(f) for f in now),
        "in_data_locs": tuple(graph.place(f) for f in rows),
        "remain_locs": tuple(i for i, _ in rest),
    }
    made = iter(kind.apply("foreach", [*items, *states, *(x for _, x in rest)], attrs))
    return rebuild(forms[0], made), rebuild(state_form, made)


def _values(form, formals):
    return rebuild(form, iter(f.given() for f in formals))


def _as_list(value):
    return [] if value is None else list(value) if isinstance(value, tuple) else value


def while_loop(cond, func, loop_vars, max_iterations=None, name="while_loop"):
    """As `mx.nd.contrib.while_loop`, as one node."""
    if max_iterations is None:
        raise ValueError("while_loop: max_iterations is None, must be an int >= 0")
    variables = []
    form = flatten(loop_vars, variables)
    if not variables:
        raise ValueError("while_loop: loop_vars is empty, must have an element")
    kind = _kind(name, variables)
    now = kind.formals(variables, "var")
    forms = []

    def arguments():
        values = _values(form, now)
        return values if isinstance(values, list) else [values]

    def step():
        out, new = func(*arguments())
        flat, outputs = [], []
        flatten(_as_list(new), flat)
        if len(flat) != len(variables):
            raise ValueError(
                f"while_loop: func gave {len(flat)} loop variables, must be {len(variables)}"
            )
        forms.append(flatten(_as_list(out), outputs))
        return outputs + flat

    test = kind.body(f"{name}_cond", lambda: cond(*arguments()), now)
    keep = [(i - len(variables), i) for i in range(len(variables))]
    graph = kind.body(f"{name}_func", step, now, keep)
    inputs = _Inputs(zip(now, variables, strict=True))
    attrs = {
        "cond": test.text,
        "func": graph.text,
        "num_outputs": graph.count,
        "num_out_data": graph.count - len(variables),
        "max_iterations": int(max_iterations),
        "cond_input_locs": inputs.locations(test),
        "func_input_locs": inputs.locations(graph),
        "func_var_locs": tuple(graph.place(f) for f in now),
    }
    made = iter(kind.apply("while_loop", inputs.values(), attrs))
    return rebuild(forms[0], made), rebuild(form, made)


def cond(pred, then_func, else_func, name="cond"):
    """As `mx.nd.contrib.cond`, as one node; `pred` is a symbol or an array."""
    kind = _kind(name, [pred])
    test = kind.body(f"{name}_pred", lambda: pred, [])
    yes = kind.body(f"{name}_then", then_func, [])
    no = kind.body(f"{name}_else", else_func, [])
    if yes.count != no.count:
        raise ValueError(
            f"cond: then_func gave {yes.count} outputs and else_func {no.count}, must be as many"
        )
    inputs = _Inputs()
    attrs = {
        "cond": test.text,
        "then_branch": yes.text,
        "else_branch": no.text,
        "num_outputs": yes.count,
        "cond_input_locs": inputs.locations(test),
        "then_input_locs": inputs.locations(yes),
        "else_input_locs": inputs.locations(no),
    }
    made = iter(kind.apply("cond", inputs.values(), attrs))
    return rebuild(yes.structure, made)


def _chosen(pred, yes, no):
    """Element by element `yes` where the one number in `pred` is not 0, else `no`."""
    where = _array.operator("where")
    flag = pred.reshape((1,) * len(yes.shape))
    return _array.invoke(where, (flag, yes, no), (), None, type(yes))


def either(pred, then_func, else_func):
    """`cond` where both results are computed and one is chosen."""
    yes, no = [], []
    form = flatten(then_func(), yes)
    flatten(else_func(), no)
    if [x.shape for x in yes] != [x.shape for x in no]:
        raise ValueError(
            f"cond: then_func gave shapes {[x.shape for x in yes]} and else_func "
            f"{[x.shape for x in no]}, must be equal"
        )
    return rebuild(form, iter([_chosen(pred, a, b) for a, b in zip(yes, no, strict=True)]))


def masked_loop(cond, func, loop_vars, max_iterations):
    """`while_loop` of `max_iterations` steps; those behind the end leave no trace in the results.

    Returns
    -------
    (list, list)
        Rows of outputs, one for each step, and the loop variables as they are at the end.
    """
    values, rows, live = loop_vars, [], None
    for _ in range(max_iterations):
        holds = cond(*values) != 0
        live = holds if live is None else live * holds
        form, new = func(*values)
        new = _as_list(new)
        new = list(new) if isinstance(new, list) else [new]
        if len(new) != len(values):
            raise ValueError(
                f"while_loop: func gave {len(new)} loop variables, must be {len(values)}"
            )
        row = []
        form = flatten(_as_list(form), row)
        rows.append(rebuild(form, iter([_chosen(live, x, x.zeros_like()) for x in row])))
        values = [_chosen(live, a, b) for a, b in zip(new, values, strict=True)]
    return rows, values
