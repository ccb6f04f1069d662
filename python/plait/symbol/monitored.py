"""Graphs that run operator by operator and show every array to a monitor."""

import numpy as np

from .. import autograd, ndarray, op
from .cached_graph import CachedGraph
from .nodes import graph_of, single

__all__ = ["MonitoredGraph"]


def _input_names(node):
    """Names of the inputs as MXNet shows them: numbers, unless the operator has several."""
    from ..amp.lists import registry_name

    known = [given["name"] for given in op.info(registry_name(node["op"])).inputs]
    count = len(node["inputs"])
    known = known[:count] if count > 1 else []
    return [*known, *(f"input{i}" for i in range(len(known), count))]


class _Step:
    """One operator, compiled by itself, and what it read and made in the last run."""

    def __init__(self, node, nodes, states, context):
        self.name, self.context = node["name"], context
        self.sources = [(source, output) for source, output, *_ in node["inputs"]]
        self.inputs = [f"{self.name}_{name}" for name in _input_names(node)]
        self.variables = [
            nodes[source]["name"] if nodes[source]["op"] == "null" else None
            for source, _ in self.sources
        ]
        self.is_state = [name in states for name in self.variables]
        outputs = single(node)
        self.outputs = outputs.list_outputs()
        self.graph = CachedGraph(outputs, {})
        self.order = [int(name) for name in outputs.list_inputs()]

    def forward(self, made, is_train, show, monitor_all):
        """Run it on arrays from `made`, a dict by (node, output); returns its outputs."""
        self.arrays, self.grads = [], []
        for source, is_state in zip(self.sources, self.is_state, strict=True):
            array = made[source].as_in_context(self.context).detach()
            wants = is_train and not is_state and np.dtype(array.dtype).kind == "f"
            self.grads.append(ndarray.zeros_like(array) if wants else None)
            if wants:
                autograd.mark_variables([array], [self.grads[-1]])
            self.arrays.append(array)
        if monitor_all:
            for variable, name, array in zip(self.variables, self.inputs, self.arrays, strict=True):
                if variable is not None:
                    show(variable, array)
                show(name, array)
        with autograd.record() if is_train else autograd.pause(train_mode=False):
            self.made = self.graph(*(self.arrays[i] for i in self.order))
        for name, array in zip(self.outputs, self.made, strict=True):
            show(name, array)
        return self.made

    def backward(self, given, is_train, show, monitor_all):
        """Gradients of its inputs, from those of its outputs (None: zeros)."""
        heads = [
            ndarray.zeros_like(array) if grad is None else grad.as_in_context(self.context)
            for array, grad in zip(self.made, given, strict=True)
        ]
        if monitor_all:
            for i, array in enumerate(heads):
                show(f"{self.name}_backward_input{i}", array)
        if any(grad is not None for grad in self.grads):
            autograd.backward(self.made, heads, retain_graph=True, train_mode=is_train)
        count = self.is_state.count(False)
        wanted = [g for g, state in zip(self.grads, self.is_state, strict=True) if not state]
        for i, grad in enumerate(wanted):
            if grad is not None:
                show(f"{self.name}_backward_output{i if count > 1 else ''}", grad)
        return self.grads


class MonitoredGraph:
    """A symbol that runs operator by operator, forward and backward.

    Parameters
    ----------
    symbol : Symbol
    contexts : list of Context
        Of each node of its JSON form.
    show : function
        ``show(name, array)`` is called for every result: ``fc1_output`` in forward, and in backward
        ``fc1_backward_output0`` for the gradient that the operator gives its first input.
    monitor_all : bool
        Whether what operators read is shown as well: ``fc1_data``, variables under their own names
        too, ``fc1_backward_input0`` for the gradient of the first output.
    """

    def __init__(self, symbol, contexts, show, monitor_all):
        self._show, self._monitor_all = show, monitor_all
        graph = graph_of(symbol)
        nodes = graph["nodes"]
        states = set(symbol.list_auxiliary_states())
        self._variables = {n["name"]: i for i, n in enumerate(nodes) if n["op"] == "null"}
        self._steps = {
            i: _Step(node, nodes, states, context)
            for i, (node, context) in enumerate(zip(nodes, contexts, strict=True))
            if node["op"] != "null"
        }
        self._heads = [(source, output) for source, output, *_ in graph["heads"]]

    def forward(self, arrays, is_train):
        """The outputs for arrays by name of the variable."""
        made = {(i, 0): arrays[name] for name, i in self._variables.items()}
        for number, step in self._steps.items():
            outputs = step.forward(made, is_train, self._show, self._monitor_all)
            made.update({(number, i): array for i, array in enumerate(outputs)})
        return [made[head].detach() for head in self._heads]

    def backward(self, out_grads, is_train):
        """Gradients of the last forward by name of the variable, those that there are."""
        flow = {}
        for head, grad in zip(self._heads, out_grads, strict=True):
            flow[head] = grad if head not in flow else flow[head] + grad
        for number in reversed(self._steps):
            step = self._steps[number]
            given = [flow.get((number, i)) for i in range(len(step.made))]
            if all(grad is None for grad in given):
                continue
            grads = step.backward(given, is_train, self._show, self._monitor_all)
            for source, grad in zip(step.sources, grads, strict=True):
                if grad is None:
                    continue
                known = flow.get(source)
                flow[source] = grad if known is None else known + grad.as_in_context(known.context)
        return {n: flow[i, 0] for n, i in self._variables.items() if (i, 0) in flow}
