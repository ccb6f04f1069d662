"""Graphs with 8-bit layers in place of convolutions and fully connected layers."""

import numpy as np

from ... import ndarray
from ...symbol import Variable
from ...symbol.arithmetic import operator
from ...symbol.compose import compose
from ...symbol.nodes import graph_of, single
from ...symbol.symbol import group
from .layers import Chain, attribute, pair, pool_of

__all__ = ["Rewriter"]


class _Value:
    """An array of the graph: real, whole with channels last, or both."""

    def __init__(self, real=None, whole=None, steps=None):
        self.real_form, self.whole_form, self.steps, self.last_form = real, whole, steps, None

    def last(self):
        """Real numbers with channels last."""
        if self.last_form is None:
            if self.real_form is not None:
                self.last_form = operator("transpose")(self.real_form, axes=(0, 2, 3, 1))
            else:
                real = operator("Cast")(self.whole_form, dtype="float32")
                self.last_form = real * (1.0 / self.steps)
        return self.last_form

    def real(self):
        """Real numbers as in the original graph."""
        if self.real_form is None:
            self.real_form = operator("transpose")(self.last(), axes=(0, 3, 1, 2))
        return self.real_form


class Rewriter:
    """Makes the graph.

    Parameters
    ----------
    symbol : Symbol
    args, aux : dict of NDArray
    shapes : dict of tuple
        Of the data.
    excluded : (set of str, set of str)
        Names of nodes and of operators that stay.
    dtype : {'int8', 'uint8', 'auto'}
    """

    def __init__(self, symbol, args, aux, shapes, excluded, dtype):
        self._symbol, self._args, self._aux = symbol, args, aux
        graph = graph_of(symbol)
        self._nodes = graph["nodes"]
        self._heads = [(source, output) for source, output, *_ in graph["heads"]]
        self._excluded = excluded
        self._internals = {}
        whole = symbol.get_internals()
        at = 0
        for number, node in enumerate(self._nodes):
            output = 0
            while at < len(whole) and whole[at].name == node["name"]:
                self._internals[number, output] = whole[at]
                output, at = output + 1, at + 1
        known = {name: shape for name, shape in shapes.items() if name in symbol.list_arguments()}
        found = whole._known_shapes(**known)[1]
        self._shapes = dict(zip(self._internals, found, strict=True))
        self._readers = {}
        for number, node in enumerate(self._nodes):
            for source, output, *_ in node["inputs"]:
                self._readers.setdefault((source, output), []).append(number)
        for head in self._heads:
            self._readers.setdefault(head, []).append(-1)
        self.ranges = None
        self._find_chains()

    # --- what belongs together ------------------------------------------------------------------

    def _inputs(self, number):
        return [(source, output) for source, output, *_ in self._nodes[number]["inputs"]]

    def _is_parameter(self, entry):
        return self._nodes[entry[0]]["op"] == "null" and (
            self._nodes[entry[0]]["name"] in self._args
            or self._nodes[entry[0]]["name"] in self._aux
        )

    def _layer(self, number):
        """True if the node is a layer that can be computed with 8 bits."""
        node = self._nodes[number]
        names, operators = self._excluded
        if node["op"] not in ("Convolution", "FullyConnected"):
            return False
        if node["name"] in names or node["op"] in operators:
            return False
        if not all(self._is_parameter(entry) for entry in self._inputs(number)[1:]):
            return False
        shape = self._shapes[self._inputs(number)[0]]
        if node["op"] == "FullyConnected":
            return shape is not None and (attribute(node, "flatten", True) or len(shape) <= 3)
        layout = attribute(node, "layout", None)
        return shape is not None and len(shape) == 4 and layout in (None, "NCHW", "None")

    def _alone(self, entry):
        return len(self._readers.get(entry, ())) == 1

    def _find_chains(self):
        """Which nodes each layer takes in, and which arrays can be had as whole numbers."""
        self._chains, self._taken, self._pools = {}, set(), {}
        ends = {}  # entry: chain
        whole = set()
        for number, node in enumerate(self._nodes):
            entries, entry = self._inputs(number), (number, 0)
            if self._layer(number):
                ends[entry] = Chain(number, node["op"] == "Convolution")
                if ends[entry].is_image:
                    whole.add(entry)
            elif chain := self._chain_taking(node, entries, ends, whole):
                before = chain.end
                whole.discard(before)
                self._taken.add(before[0])
                chain.add(number, node, entries, before)
                ends[entry] = ends.pop(before)
                if chain.is_image:
                    whole.add(entry)
            elif pool_of(node) and entries[0] in whole:
                self._pools[number] = pool_of(node)
                if self._pools[number] == "max":
                    whole.add(entry)
        self._chains = {chain.end[0]: chain for chain in ends.values()}
        self._whole = whole

    def _chain_taking(self, node, entries, ends, whole):
        """The chain that goes on with a node, or None."""
        candidates = [e for e in dict.fromkeys(entries) if e in ends and self._alone(e)]
        candidates = [e for e in candidates if ends[e].may_take(node, e == entries[0])]
        if not candidates:
            return None
        if node["op"] == "BatchNorm":
            return ends[entries[0]] if all(map(self._is_parameter, entries[1:])) else None
        if len(entries) == 1:
            return ends[candidates[0]]
        latest = max(candidates, key=lambda e: ends[e].layer)
        other = entries[1] if entries[0] == latest else entries[0]
        same = self._shapes[entries[0]] == self._shapes[entries[1]]
        return ends[latest] if same and other != latest and other in whole else None

    def _wants_whole(self, entry):
        """Whether a reader of the entry takes whole numbers."""
        for number in self._readers.get(entry, ()):
            if number < 0:
                continue
            layer = self._layer(number) and self._nodes[number]["op"] == "Convolution"
            if layer or number in self._pools:
                return True
            if any(chain.operand == entry for chain in self._chains.values()):
                return True
        return False

    def watched(self):
        """dict of Symbol by entry: arrays whose ranges are needed."""
        entries = {self._inputs(chain.layer)[0] for chain in self._chains.values()}
        entries |= {chain.end for chain in self._chains.values()}
        return {entry: self._internals[entry] for entry in sorted(entries)}

    # --- the new graph --------------------------------------------------------------------------

    def run(self):
        """(symbol, arguments, auxiliary states)"""
        self._values, self._new = {}, {}
        for number, node in enumerate(self._nodes):
            if node["op"] == "null":
                self._values[number, 0] = _Value(self._internals[number, 0])
            elif number in self._chains:
                self._values[number, 0] = self._convolved(self._chains[number])
            elif number in self._pools:
                self._values[number, 0] = self._pooled(number, node)
            elif number not in self._taken and not self._inside(number):
                self._copy(number, node)
        symbol = group([self._values[head].real() for head in self._heads])
        arguments = {**self._args, **self._new}
        args = {name: arguments[name] for name in symbol.list_arguments() if name in arguments}
        aux = {name: self._aux[name] for name in symbol.list_auxiliary_states()}
        return symbol, args, aux

    def _inside(self, number):
        return any(number == chain.layer for chain in self._chains.values())

    def _copy(self, number, node):
        made = single(node)
        given = [self._values[entry].real() for entry in self._inputs(number)]
        made = made(**{f"{i}": symbol for i, symbol in enumerate(given)})
        for output in range(len(made)):
            self._values[number, output] = _Value(made[output])

    def _pooled(self, number, node):
        value = self._values[self._inputs(number)[0]]
        if self._pools[number] == "mean":
            real = operator("mean")(value.last(), axis=(1, 2))
            return _Value(operator("reshape")(real, shape=(0, 0, 1, 1)))
        kernel = pair(node, "kernel")
        attrs = {
            "kernel": kernel, "stride": pair(node, "stride") or (1, 1),
            "pad": pair(node, "pad") or (0, 0),
            "full": attribute(node, "pooling_convention", "valid") == "full",
        }  # fmt: skip
        made = compose("int8_max_pooling", node["name"], (value.whole_form,), attrs)
        return _Value(whole=made, steps=value.steps)

    def _whole_input(self, entry, image):
        """(whole numbers, steps) of the data of a layer."""
        value = self._values[entry]
        if image and value.whole_form is not None:
            return value.whole_form, value.steps
        steps, dtype = self.ranges.steps(entry), self.ranges.dtype(entry)
        real = value.last() if image else value.real()
        made = compose("to_int8", None, (real,), {"scale": steps, "dtype": dtype})
        if image:
            value.whole_form, value.steps = made, steps
        return made, steps

    def _parameter(self, name, array):
        self._new[name] = ndarray.array(array, dtype=array.dtype)
        return Variable(name, shape=array.shape, dtype=array.dtype)

    def _weights(self, chain):
        """Weight and bias of the layer with the batch norm behind it, in float64."""
        node = self._nodes[chain.layer]
        arrays = [self._array(entry) for entry in self._inputs(chain.layer)[1:]]
        weight = arrays[0]
        bias = arrays[1] if len(arrays) > 1 else np.zeros(len(weight))
        if node["op"] == "FullyConnected":
            weight = weight.reshape(len(weight), -1, 1, 1)
        if chain.norm is not None:
            norm = self._nodes[chain.norm]
            gamma, beta, mean, variance = (
                self._array(entry) for entry in self._inputs(chain.norm)[1:]
            )
            if attribute(norm, "fix_gamma", True):
                gamma = np.ones_like(gamma)
            factor = gamma / np.sqrt(variance + attribute(norm, "eps", 1e-3))
            weight = weight * factor[:, None, None, None]
            bias = (bias - mean) * factor + beta
        return weight, bias

    def _array(self, entry):
        name = self._nodes[entry[0]]["name"]
        found = self._args[name] if name in self._args else self._aux[name]
        return found.asnumpy().astype("float64")

    def _convolved(self, chain):
        node, name = self._nodes[chain.layer], self._nodes[chain.end[0]]["name"]
        source = self._inputs(chain.layer)[0]
        dense = node["op"] == "FullyConnected"
        data, steps = self._whole_input(source, not dense)
        if dense:
            data, back = self._as_image(data, node, source)
        weight, bias = self._weights(chain)
        most = np.abs(weight).max(axis=(1, 2, 3))
        weight_steps = np.where(most > 0, 127.0 / np.maximum(most, 1e-30), 1.0)
        whole = not dense and self._wants_whole(chain.end)
        out_steps = self.ranges.steps(chain.end) if whole else 1.0
        small = np.rint(weight * weight_steps[:, None, None, None]).astype("int8")
        inputs = [
            data,
            self._parameter(f"{name}_int8_weight", small),
            self._parameter(
                f"{name}_int8_scale", (out_steps / (steps * weight_steps)).astype("float32")
            ),
            self._parameter(f"{name}_int8_bias", (bias * out_steps).astype("float32")),
        ]
        attrs = chain.attributes(node, len(weight))
        attrs["dtype"] = self.ranges.dtype(chain.end) if whole else "float32"
        if chain.operand is not None:
            other = self._values[chain.operand]
            inputs.append(other.whole_form if whole else other.last())
            attrs["sum_scale"] = out_steps / other.steps if whole else 1.0
        made = compose("int8_convolution", name, inputs, attrs)
        if dense:
            return _Value(back(made))
        if whole:
            return _Value(whole=made, steps=out_steps)
        value = _Value()
        value.last_form = made
        return value

    def _as_image(self, data, node, source):
        """Rows of features as images of one pixel, and what makes rows of the result again."""
        reshape = operator("reshape")
        if attribute(node, "flatten", True):
            rows = reshape(operator("Flatten")(data), shape=(0, 1, 1, -1))
            return rows, lambda made: reshape(made, shape=(0, -1))
        if len(self._shapes[source]) == 2:
            return reshape(data, shape=(0, 1, 1, -1)), lambda made: reshape(made, shape=(0, -1))
        rows = operator("expand_dims")(data, axis=2)
        return rows, lambda made: reshape(made, shape=(0, 0, -1))
