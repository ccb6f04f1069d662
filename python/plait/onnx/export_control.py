"""Converters of branches and loops."""

import json

import numpy as np

from .. import symbol
from .converters import converts
from .graph import read_graph


class _Body:
    """A graph inside a node; its values get names of their own.

    Parameters
    ----------
    writer : Writer
    graph : dict
        Parsed JSON.
    given : list of Value
        What each input of the graph is like.
    """

    def __init__(self, writer, graph, given):
        self.made = symbol.load_json(json.dumps(graph))
        names = self.made.list_inputs()
        shapes = {n: v.shape for n, v in zip(names, given, strict=True)}
        dtypes = {n: v.dtype for n, v in zip(names, given, strict=True)}
        self.nodes, variables, self.outputs = read_graph(self.made, shapes, dtypes)
        self.inputs = [variables[n] for n in names]
        mark = writer.fresh("body")
        for node in self.nodes:
            for value in node.outputs:
                value.name = f"{mark}/{value.name}"
        for value in self.inputs:
            value.name = f"{mark}/{value.name}"

    def write(self, writer):
        """Append the nodes."""
        for node in self.nodes:
            writer.convert(node)


def _row(value):
    """Like one row of a Value."""
    made = type(value)(value.name, value.shape[1:] or (1,), value.dtype)
    return made


def _scalar(w, value):
    """The truth of a Value of one number."""
    return w.add("Reshape", [w.cast(value, bool), w.ints()])


def _ends(w, body, values):
    """Names of new values that hold the outputs of a body: what it reads may be none itself."""
    return [w.add("Identity", [v]) for v in values]


def _graph(w, body, inputs, outputs):
    return w.onnx.helper.make_graph(w.nodes, w.fresh("graph"), inputs, outputs)


@converts("foreach")
def _(w, node):
    data_at, state_at, rest_at = node["in_data_locs"], node["in_state_locs"], node["remain_locs"]
    data = node.inputs[: len(data_at)]
    states = node.inputs[len(data_at) : len(data_at) + len(state_at)]
    rest = node.inputs[len(data_at) + len(state_at) :]
    count = sum(i >= 0 for i in (*data_at, *state_at, *rest_at))
    given = [None] * count
    for at, values, like in (
        (data_at, data, _row),
        (state_at, states, None),
        (rest_at, rest, None),
    ):
        for i, value in zip(at, values, strict=True):
            if i >= 0:
                given[i] = like(value) if like else value
    body = _Body(w, node.bodies[0], given)
    for i, value in zip(rest_at, rest, strict=True):
        if i >= 0:
            body.inputs[i].name = value.name
    inner = w.inner()
    state_infos, row_infos = [], []
    for i, value in zip(state_at, states, strict=True):
        name = body.inputs[i].name if i >= 0 else w.fresh("unread")
        state_infos.append(w.info(name, value))
    for i, value in zip(data_at, data, strict=True):
        name = body.inputs[i].name if i >= 0 else w.fresh("unread")
        if len(value.shape) == 1 and i >= 0:
            name = w.fresh("row")
            inner.add("Unsqueeze", [name, w.ints(0)], body.inputs[i])
        row_infos.append(w.info(name, value, rows=True))
    body.write(inner)
    many = node["num_out_data"]
    ends = _ends(inner, body, body.outputs)
    likes = [w.info(n, v) for n, v in zip(ends, body.outputs, strict=True)]
    graph = _graph(inner, body, state_infos + row_infos, likes[many:] + likes[:many])
    outputs = [*node.outputs[many:], *node.outputs[:many]]
    w.add("Scan", [*states, *data], outputs, body=graph, num_scan_inputs=len(data))


@converts("cond")
def _(w, node):
    locations = [node[f"{n}_input_locs"] for n in ("cond", "then", "else")]
    bodies = []
    for graph, at in zip(node.bodies, locations, strict=True):
        body = _Body(w, graph, [node.inputs[i] for i in at])
        for value, i in zip(body.inputs, at, strict=True):
            value.name = node.inputs[i].name
        bodies.append(body)
    bodies[0].write(w)
    branches = []
    for body in bodies[1:]:
        inner = w.inner()
        body.write(inner)
        ends = _ends(inner, body, body.outputs)
        likes = [w.info(n, v) for n, v in zip(ends, body.outputs, strict=True)]
        branches.append(_graph(inner, body, [], likes))
    truth = _scalar(w, bodies[0].outputs[0])
    w.add("If", [truth], node.outputs, then_branch=branches[0], else_branch=branches[1])


def _condition(w, node, names):
    """The truth of the condition of a loop; `names`: of the inputs that are variables now."""
    at = node["cond_input_locs"]
    body = _Body(w, node.bodies[0], [node.inputs[i] for i in at])
    for value, i in zip(body.inputs, at, strict=True):
        value.name = names.get(i, node.inputs[i].name)
    body.write(w)
    return _scalar(w, body.outputs[0])


@converts("while_loop")
def _(w, node):
    at, places, many = node["func_input_locs"], node["func_var_locs"], node["num_out_data"]
    body = _Body(w, node.bodies[1], [node.inputs[i] for i in at])
    variables = [at[b] for b in places]  # for each variable its input of the node
    for b, value in enumerate(body.inputs):
        if b not in places:
            value.name = node.inputs[at[b]].name
    inner = w.inner()
    number, goes = w.fresh("round"), w.fresh("goes")
    integer, truth = w.onnx.TensorProto.INT64, w.onnx.TensorProto.BOOL
    infos = [
        w.onnx.helper.make_tensor_value_info(number, integer, []),
        w.onnx.helper.make_tensor_value_info(goes, truth, []),
        *(w.info(body.inputs[b].name, node.inputs[i])
          for b, i in zip(places, variables, strict=True)),
    ]  # fmt: skip
    body.write(inner)
    ends = _ends(inner, body, body.outputs)
    again = _condition(inner, node, dict(zip(variables, ends[many:], strict=True)))
    likes = [w.info(n, v) for n, v in zip(ends, body.outputs, strict=True)]
    again = inner.add("Identity", [again])
    first = w.onnx.helper.make_tensor_value_info(again, truth, [])
    graph = _graph(inner, body, infos, [first, *likes[many:], *likes[:many]])
    rows = [w.fresh("rows") for _ in range(many)]
    most = w.constant(node["max_iterations"], np.int64)
    starts = [most, _condition(w, node, {}), *(node.inputs[i] for i in variables)]
    w.add("Loop", starts, [*node.outputs[many:], *rows], body=graph)
    for row, out in zip(rows, node.outputs, strict=False):
        _filled_up(w, row, out, node["max_iterations"])


def _filled_up(w, row, out, most):
    """Rows of the rounds that were run, with zeros behind them."""
    shape = w.add("Shape", [row], start=0, end=1)
    missing = w.add("Sub", [w.ints(most), shape])
    ndim = len(out.shape)
    pads = w.add("Concat", [w.ints(*[0] * ndim), missing, w.ints(*[0] * (ndim - 1))]
                 if ndim > 1 else [w.ints(0), missing], axis=0)  # fmt: skip
    w.add("Pad", [row, pads], out, mode="constant")
