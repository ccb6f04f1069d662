"""Converters of operators on elements, comparisons, reductions, products."""

import math

import numpy as np

from .converters import CONVERTERS, converts, refuse

_UNARY = {
    "abs": "Abs", "arccos": "Acos", "arccosh": "Acosh", "arcsin": "Asin", "arcsinh": "Asinh",
    "arctan": "Atan", "arctanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh",
    "erf": "Erf", "exp": "Exp", "floor": "Floor", "log": "Log", 
    "negative": "Neg", "reciprocal": "Reciprocal", "relu": "Relu", "round_even": "Round",
    "rint": "Round", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin", "sinh": "Sinh",
    "softrelu": "Softplus", "softsign": "Softsign", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh",
    "copy": "Identity", "stop_gradient": "Identity", "make_loss": "Identity",
    "dropout": "Identity", "linear_regression_output": "Identity",
    "mae_regression_output": "Identity", "logistic_regression_output": "Sigmoid",
    "gradient_multiplier": "Identity", "svm_output": "Identity",
}  # fmt: skip

_BINARY = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "true_divide": "Div",
    "power": "Pow", "maximum": "Max", "minimum": "Min", "matmul": "MatMul", "add_n": "Sum",
}  # fmt: skip

# Operator of ONNX, and whether the answer is turned round.
_COMPARE = {
    "equal": ("Equal", False),
    "not_equal": ("Equal", True),
    "greater": ("Greater", False),
    "greater_equal": ("GreaterOrEqual", False),
    "less": ("Less", False),
    "less_equal": ("LessOrEqual", False),
}
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}


def _same(op):
    return lambda w, node: w.add(
        op, node.inputs[: 1 if op == "Identity" else None], node.outputs[0]
    )


for _name, _op in {**_UNARY, **_BINARY}.items():
    CONVERTERS[_name] = _same(_op)


@converts("logistic_regression_output")
def _(w, node):
    w.add("Sigmoid", node.inputs[:1], node.outputs[0])


def _scalar_form(op, turned):
    def convert(w, node):
        [x] = node.inputs
        number = w.scalar(node["scalar"], x)
        w.add(op, [number, x] if turned else [x, number], node.outputs[0])

    return convert


for _name, _op in _BINARY.items():
    if _op not in ("MatMul", "Sum"):
        CONVERTERS[f"{_name}_scalar"] = _scalar_form(_op, False)
        CONVERTERS[f"r{_name}_scalar"] = _scalar_form(_op, True)


def _comparison(op, turned, scalar):
    def convert(w, node):
        x = node.inputs[0]
        other = w.scalar(node["scalar"], x) if scalar else node.inputs[1]
        found = w.add(op, [x, other])
        if turned:
            found = w.add("Not", [found])
        w.cast(found, node.outputs[0].dtype, node.outputs[0])

    return convert


for _name, (_op, _turned) in _COMPARE.items():
    CONVERTERS[_name] = CONVERTERS[f"np_{_name}"] = _comparison(_op, _turned, False)
    CONVERTERS[f"{_name}_scalar"] = CONVERTERS[f"np_{_name}_scalar"] = _comparison(
        _op, _turned, True
    )


def _logical(op):
    def convert(w, node):
        found = w.add(op, [w.cast(x, bool) for x in node.inputs])
        w.cast(found, node.outputs[0].dtype, node.outputs[0])

    return convert


for _name, _op in _LOGICAL.items():
    CONVERTERS[_name] = CONVERTERS[f"np_{_name}"] = _logical(_op)


@converts("logical_not", "np_logical_not")
def _(w, node):
    found = w.add("Not", [w.cast(node.inputs[0], bool)])
    w.cast(found, node.outputs[0].dtype, node.outputs[0])


@converts("square")
def _(w, node):
    w.add("Mul", [node.inputs[0], node.inputs[0]], node.outputs[0])


@converts("rsqrt")
def _(w, node):
    w.add("Reciprocal", [w.add("Sqrt", node.inputs)], node.outputs[0])


@converts("log1p")
def _(w, node):
    w.add("Log", [w.add("Add", [node.inputs[0], w.scalar(1, node.inputs[0])])], node.outputs[0])


@converts("expm1")
def _(w, node):
    w.add("Sub", [w.add("Exp", node.inputs), w.scalar(1, node.inputs[0])], node.outputs[0])


def _log_base(base):
    def convert(w, node):
        scale = w.scalar(1 / math.log(base), node.inputs[0])
        w.add("Mul", [w.add("Log", node.inputs), scale], node.outputs[0])

    return convert


CONVERTERS["log2"], CONVERTERS["log10"] = _log_base(2), _log_base(10)


@converts("silu")
def _(w, node):
    w.add("Mul", [node.inputs[0], w.add("Sigmoid", node.inputs)], node.outputs[0])


@converts("mish")
def _(w, node):
    turned = w.add("Tanh", [w.add("Softplus", node.inputs)])
    w.add("Mul", [node.inputs[0], turned], node.outputs[0])


@converts("gelu_tanh")
def _(w, node):
    [x] = node.inputs
    cube = w.add("Mul", [w.add("Mul", [w.add("Mul", [x, x]), x]), w.scalar(0.044715, x)])
    inner = w.add("Mul", [w.add("Add", [x, cube]), w.scalar(math.sqrt(2 / math.pi), x)])
    factor = w.add("Add", [w.add("Tanh", [inner]), w.scalar(1, x)])
    w.add("Mul", [w.add("Mul", [x, w.scalar(0.5, x)]), factor], node.outputs[0])


@converts("swiglu")
def _(w, node):
    gate, up = node.inputs
    gated = w.add("Mul", [gate, w.add("Sigmoid", [gate])])
    w.add("Mul", [gated, up], node.outputs[0])


def _by_size(function):
    """Operators that work on the size of numbers and keep their sign."""

    def convert(w, node):
        [x] = node.inputs
        made = function(w, w.add("Abs", [x]), x)
        w.add("Mul", [w.add("Sign", [x]), made], node.outputs[0])

    return convert


CONVERTERS["trunc"] = _by_size(lambda w, size, x: w.add("Floor", [size]))
CONVERTERS["round"] = _by_size(
    lambda w, size, x: w.add("Floor", [w.add("Add", [size, w.scalar(0.5, x)])])
)
CONVERTERS["cbrt"] = _by_size(lambda w, size, x: w.add("Pow", [size, w.scalar(1 / 3, x)]))


@converts("smooth_l1")
def _(w, node):
    [x], square = node.inputs, node["scalar"] ** 2
    size = w.add("Abs", [x])
    near = w.add("Mul", [w.add("Mul", [x, x]), w.scalar(0.5 * square, x)])
    far = w.add("Sub", [size, w.scalar(0.5 / square, x)])
    w.add("Where", [w.add("Less", [size, w.scalar(1 / square, x)]), near, far], node.outputs[0])


@converts("moments")
def _(w, node):
    [x], keep = node.inputs, int(bool(node["keepdims"]))
    axes = sorted(a % x.ndim for a in (node["axes"] or range(x.ndim)))
    mean = w.add("ReduceMean", [x], axes=axes, keepdims=1)
    away = w.add("Sub", [x, mean])
    w.add("ReduceMean", [w.add("Mul", [away, away])], node.outputs[1], axes=axes, keepdims=keep)
    w.add("ReduceMean", [x], node.outputs[0], axes=axes, keepdims=keep)


@converts("shape_array", "size_array")
def _(w, node):
    op = "Shape" if node.op == "shape_array" else "Size"
    out = node.outputs[0]
    w.reshape(node, w.add(op, node.inputs), out)


@converts("hard_sigmoid")
def _(w, node):
    w.add("HardSigmoid", node.inputs, node.outputs[0], alpha=node["alpha"], beta=node["beta"])


@converts("clip")
def _(w, node):
    [x] = node.inputs
    low, high = (
        w.scalar(node[key], x) if node[key] is not None else "" for key in ("a_min", "a_max")
    )
    w.add("Clip", [x, low, high], node.outputs[0])


@converts("cast", "amp_cast")
def _(w, node):
    w.cast(node.inputs[0], node.outputs[0].dtype, node.outputs[0])


@converts("where")
def _(w, node):
    condition, x, y = node.inputs
    w.add("Where", [w.cast(condition, bool), x, y], node.outputs[0])


# --- reductions ---------------------------------------------------------------------------------


def axes_of(node, ndim):
    """The axes of a reduction, rising; all of them where none is given."""
    axis = node["axis"]
    axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = {a % ndim for a in axis} or set(range(ndim))
    if node.attrs.get("exclude"):
        axes = set(range(ndim)) - axes
    return sorted(axes)


def _reduce(op):
    def convert(w, node):
        [x] = node.inputs
        axes = axes_of(node, x.ndim)
        keep = int(bool(node.attrs.get("keepdims")))
        whole = not keep and len(axes) == x.ndim  # mx.nd gives (1,), not ()
        extra = {"axes": axes}
        inputs = [x]
        if op == "ReduceSum":
            inputs, extra = [x, w.ints(*axes)], {}
        out = w.add(op, inputs, None if whole else node.outputs[0], keepdims=keep, **extra)
        if whole:
            w.reshape(node, out, node.outputs[0])

    return convert


for _name, _op in {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax",
                   "min": "ReduceMin", "prod": "ReduceProd"}.items():  # fmt: skip
    CONVERTERS[_name] = CONVERTERS[f"nd_{_name}"] = _reduce(_op)


@converts("norm", "nd_norm")
def _(w, node):
    if node["ord"] not in (1, 2):
        refuse(node, f"ord = {node['ord']}")
    _reduce("ReduceL1" if node["ord"] == 1 else "ReduceL2")(w, node)


def _place(op):
    def convert(w, node):
        [x] = node.inputs
        axis, keep = node["axis"], int(bool(node["keepdims"]))
        if axis is None:
            x, axis = w.add("Reshape", [x, w.ints(-1)]), 0
        out = w.add(op, [x], axis=axis, keepdims=keep)
        w.reshape(node, w.cast(out, node.outputs[0].dtype), node.outputs[0])

    return convert


CONVERTERS["argmax"], CONVERTERS["argmin"] = _place("ArgMax"), _place("ArgMin")


@converts("cumsum")
def _(w, node):
    x, axis = node.inputs[0], node["axis"]
    if axis is None:
        x, axis = w.add("Reshape", [x, w.ints(-1)]), 0
    w.add("CumSum", [x, w.constant(axis, np.int64)], node.outputs[0])


# --- products -----------------------------------------------------------------------------------


def _last_two_swapped(w, x, ndim):
    return w.add("Transpose", [x], perm=[*range(ndim - 2), ndim - 1, ndim - 2])


@converts("batch_dot")
def _(w, node):
    a, b = node.inputs
    left = _last_two_swapped(w, a, a.ndim) if node["transpose_a"] else a
    right = _last_two_swapped(w, b, b.ndim) if node["transpose_b"] else b
    w.add("MatMul", [left, right], node.outputs[0])


@converts("dot")
def _(w, node):
    a, b = node.inputs
    if a.ndim > 2 or b.ndim > 2:
        refuse(node, "a product of arrays of more than 2 axes")
    left = _last_two_swapped(w, a, 2) if node["transpose_a"] and a.ndim == 2 else a
    right = _last_two_swapped(w, b, 2) if node["transpose_b"] and b.ndim == 2 else b
    out = w.add("MatMul", [left, right])
    w.reshape(node, out, node.outputs[0], node.outputs[0])
