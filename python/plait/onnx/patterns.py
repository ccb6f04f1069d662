"""Groups of nodes that exporters write for one function, read as one node.

Older files spell out GELU, SiLU, the normalization of lines and the like. As one operator they run
in one pass over memory, or behind a product. Only the last node of a group is replaced: the others
stay for those who read them.
"""

import math

import numpy as np

__all__ = ["JOINED", "joined"]

JOINED = "plait"  # domain of nodes that stand for a group: operators of any version of ONNX


class _Graph:
    """Who makes a value, who reads it, and which values are known numbers."""

    def __init__(self, onnx, graph, known):
        self.onnx, self.known = onnx, dict(known)
        self.makers, self.readers = {}, {}
        for node in graph.node:
            for name in node.output:
                self.makers[name] = node
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.known[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)

    def number(self, name):
        """The one number of a known value; None: it is none."""
        found = self.known.get(name)
        return float(found.ravel()[0]) if found is not None and found.size == 1 else None

    def is_near(self, name, value):
        found = self.number(name)
        return found is not None and math.isclose(found, value, rel_tol=1e-4)

    def maker(self, name, *kinds):
        """The node that makes a value, if it is of one of the kinds."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type in kinds else None

    def reader(self, name, *kinds):
        """The only node that reads a value, if it is of one of the kinds."""
        found = self.readers.get(name, [])
        return found[0] if len(found) == 1 and found[0].op_type in kinds else None

    def with_number(self, node, value):
        """The other input of a node of two inputs, one of which is this number; None: no such."""
        if node is None:
            return None
        for a, b in (node.input, node.input[::-1]):
            if self.is_near(b, value):
                return a
        return None

    def axes(self, node):
        """Axes of a reduction that keeps them."""
        attrs = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        axes = attrs.get("axes")
        if axes is None and len(node.input) > 1 and node.input[1] in self.known:
            axes = self.known[node.input[1]].ravel().tolist()
        return list(axes) if axes is not None and attrs.get("keepdims", 1) else None

    def squared(self, name):
        """What a value is the square of; None: of nothing."""
        node = self.maker(name, "Pow", "Mul")
        if node is None:
            return None
        if node.op_type == "Mul":
            return node.input[0] if node.input[0] == node.input[1] else None
        return node.input[0] if self.is_near(node.input[1], 2) else None

    def is_vector(self, name):
        return name in self.known and self.known[name].ndim == 1


def _other(node, name):
    """The input of a node of two inputs that is not `name`; None if it does not read it."""
    a, b = node.input[0], node.input[1]
    return b if a == name else a if b == name else None


def _half_of(graph, start, x):
    """The node that ends ``start * x / 2``, whatever the order of the factors; None: no such."""
    wanted, at, node = {"x", "half"}, start, None
    while wanted:
        node = graph.reader(at, "Mul")
        if node is None:
            return None
        factor = _other(node, at)
        if "half" in wanted and graph.is_near(factor, 0.5):
            wanted.remove("half")
        elif "x" in wanted and factor == x:
            wanted.remove("x")
        elif len(wanted) == 2 and graph.with_number(graph.maker(factor, "Mul"), 0.5) == x:
            wanted.clear()
        else:
            return None
        at = node.output[0]
    return node


def _after_one(graph, node, x):
    """The last node of ``(node + 1) * x / 2``."""
    added = graph.reader(node.output[0], "Add")
    if added is None or graph.with_number(added, 1) != node.output[0]:
        return None
    return _half_of(graph, added.output[0], x)


def _gelu(graph, node):
    """x (1 + erf(x / sqrt(2))) / 2"""
    inner = graph.maker(node.input[0], "Div", "Mul")
    if inner is None:
        return None
    if inner.op_type == "Div":
        x = inner.input[0] if graph.is_near(inner.input[1], math.sqrt(2)) else None
    else:
        x = graph.with_number(inner, math.sqrt(0.5))
    last = None if x is None else _after_one(graph, node, x)
    return None if last is None else (last, "Gelu", [x], {})


def _gelu_by_tanh(graph, node):
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2"""
    total = graph.with_number(graph.maker(node.input[0], "Mul"), math.sqrt(2 / math.pi))
    total = None if total is None else graph.maker(total, "Add")
    if total is None:
        return None
    for x, term in (total.input, total.input[::-1]):
        cube = graph.with_number(graph.maker(term, "Mul"), 0.044715)
        made = None if cube is None else graph.maker(cube, "Pow", "Mul")
        if made is None:
            continue
        if made.op_type == "Pow":
            right = made.input[0] == x and graph.is_near(made.input[1], 3)
        else:
            square = _other(made, x)
            right = square is not None and graph.squared(square) == x
        last = _after_one(graph, node, x) if right else None
        if last is not None:
            return last, "Gelu", [x], {"approximate": "tanh"}
    return None


def _silu(graph, node):
    """x sigmoid(x)"""
    x = node.input[0]
    last = graph.reader(node.output[0], "Mul")
    if last is None or _other(last, node.output[0]) != x:
        return None
    return last, "Swish", [x], {}


def _divided(graph, root, x):
    """The node that divides x by the root."""
    over = graph.reader(root, "Div")
    if over is not None:
        return over if over.input[0] == x and over.input[1] == root else None
    inverse = graph.reader(root, "Reciprocal")
    if inverse is None:
        return None
    last = graph.reader(inverse.output[0], "Mul")
    return last if last is not None and _other(last, inverse.output[0]) == x else None


def _scaled(graph, node):
    """(last node, factors) of a product with a known vector."""
    last = graph.reader(node.output[0], "Mul")
    gamma = None if last is None else _other(last, node.output[0])
    return (last, gamma) if gamma is not None and graph.is_vector(gamma) else (None, None)


def _normalization(graph, node):
    """(x - mean) / sqrt(variance + eps) gamma + beta, or without the mean, over the last axis."""
    added = graph.maker(node.input[0], "Add")
    mean = eps = None
    for a, b in () if added is None else (added.input, added.input[::-1]):
        if graph.number(b) is not None:
            mean, eps = graph.maker(a, "ReduceMean"), graph.number(b)
    if mean is None or graph.axes(mean) != [-1]:
        return None
    away = graph.squared(mean.input[0])
    divided = None if away is None else _divided(graph, node.output[0], away)
    if divided is None:
        return None
    last, gamma = _scaled(graph, divided)
    if last is None:
        return None
    shifted = graph.maker(away, "Sub")
    middle = None if shifted is None else graph.maker(shifted.input[1], "ReduceMean")
    centred = middle is not None and middle.input[0] == shifted.input[0]
    if not centred or graph.axes(middle) != [-1]:
        return last, "RMSNormalization", [away, gamma], {"epsilon": eps}
    end = graph.reader(last.output[0], "Add")
    beta = None if end is None else _other(end, last.output[0])
    if beta is None or not graph.is_vector(beta):
        return None
    return end, "LayerNormalization", [shifted.input[0], gamma, beta], {"epsilon": eps}


def _dequantized(graph, name, axis=None):
    """Inputs of the node that makes a value of 8-bit numbers, the last maybe ''; None: no such.

    `axis`: along which the scales of known weights may differ."""
    node = graph.maker(name, "DequantizeLinear")
    if node is None or any(a.name == "block_size" and a.i for a in node.attribute):
        return None
    scale = graph.known.get(node.input[1])
    if scale is None or (axis is not None and node.input[0] not in graph.known):
        return None
    given = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if scale.size > 1 and given != axis:
        return None
    return [*node.input[:2], node.input[2] if len(node.input) > 2 else ""]


def _quantized_bias(graph, name, x, w):
    """Name of the whole numbers of a bias in steps of data times weight; None: it has others."""
    found = _dequantized(graph, name, axis=0)
    if found is None or graph.known[found[0]].dtype != np.int32:
        return None
    step = graph.known[x[1]].astype(float) * graph.known[w[1]]
    same = np.allclose(graph.known[found[1]], step, rtol=1e-3, atol=0)
    return found[0] if same and not np.any(graph.known.get(found[2], 0)) else None


def _quantized(graph, node):
    """A layer between numbers of 8 bits: its inputs dequantized, its result quantized."""
    layer = graph.maker(node.input[0], "Conv", "MatMul", "Gemm")
    if layer is None or graph.reader(layer.output[0], "QuantizeLinear") is not node:
        return None
    attrs = {a.name: graph.onnx.helper.get_attribute_value(a) for a in layer.attribute}
    if layer.op_type == "Gemm":
        plain = attrs.get("alpha", 1) == attrs.get("beta", 1) == 1 and not attrs.get("transA", 0)
        if not plain or not attrs.get("transB", 0):
            return None
        attrs = {}
    x = _dequantized(graph, layer.input[0])
    w = _dequantized(graph, layer.input[1], axis=1 if layer.op_type == "MatMul" else 0)
    scale = graph.known.get(node.input[1])
    if x is None or w is None or len(node.input) < 3 or scale is None or scale.size != 1:
        return None
    inputs = [*x, *w, *node.input[1:3]]
    if len(layer.input) > 2 and layer.input[2]:
        inputs.append(_quantized_bias(graph, layer.input[2], x, w))
    kinds = {"Conv": "QLinearConv", "MatMul": "QLinearMatMul", "Gemm": "QGemm"}
    return None if inputs[-1] is None else (node, kinds[layer.op_type], inputs, attrs)


_PATTERNS = {
    "QuantizeLinear": _quantized,
    "Erf": _gelu,
    "Tanh": _gelu_by_tanh,
    "Sigmoid": _silu,
    "Sqrt": _normalization,
}


def joined(onnx, graph, known):
    """List of the nodes of a graph, with one node in place of the last of each known group."""
    here = _Graph(onnx, graph, {n: x for n, x in known.items() if isinstance(x, np.ndarray)})
    found = {}
    for node in graph.node:
        pattern = _PATTERNS.get(node.op_type)
        made = pattern(here, node) if pattern and node.domain in ("", "ai.onnx") else None
        if made is not None:
            last, op, inputs, attrs = made
            new = onnx.helper.make_node(op, inputs, last.output, last.name, domain=JOINED, **attrs)
            found[id(last)] = new
    return [found.get(id(node), node) for node in graph.node]
