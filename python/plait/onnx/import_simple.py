"""Importers of operators on elements, comparisons, reductions, products."""

import math
from functools import reduce

import numpy as np

from .importers import IMPORTERS, call, imports, known_dtype

_UNARY = {
    "Abs": "abs", "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh",
    "Atan": "arctan", "Atanh": "arctanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh",
    "Erf": "erf", "Exp": "exp", "Floor": "floor", "Log": "log", "Neg": "negative",
    "Reciprocal": "reciprocal", "Relu": "relu", "Round": "round_even", "Sigmoid": "sigmoid",
    "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Softplus": "softrelu", "Softsign": "softsign",
    "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh", "Identity": "copy", "Not": "np_logical_not",
    "IsNaN": "np_isnan", "Mish": "mish", "BitwiseNot": "bitwise_not",
}  # fmt: skip
_BINARY = {
    "Add": "add", "Sub": "subtract", "Mul": "multiply", "Pow": "power", "Equal": "np_equal",
    "Greater": "np_greater", "GreaterOrEqual": "np_greater_equal", "Less": "np_less",
    "LessOrEqual": "np_less_equal", "And": "np_logical_and", "Or": "np_logical_or",
    "Xor": "np_logical_xor", "MatMul": "matmul", "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor",
}  # fmt: skip

for _name, _op in {**_UNARY, **_BINARY}.items():
    IMPORTERS[_name] = lambda s, op=_op: call(op, *s.all())


@imports("Pow")
def _(s):
    if s.dtype(0) != s.dtype(1):
        return call("power", s[0], call("cast", s[1], dtype=s.dtype(0).name))
    return call("power", *s.all())


@imports("Div")
def _(s):
    if s.is_floating():
        return call("divide", *s.all())
    if s.dtype().kind == "u":
        return call("floor_divide", *s.all())
    sizes = [call("abs", x) for x in s.all()]  # whole numbers are rounded towards 0
    signs = [call("sign", x) for x in s.all()]
    return call("multiply", call("floor_divide", *sizes), call("multiply", *signs))


@imports("Mod")
def _(s):
    return call("fmod" if s.get("fmod", 0) else "mod", *s.all())


def _folded(op):
    return lambda s: reduce(lambda a, b: call(op, a, b), s.all()[1:], call("copy", s[0]))


for _name, _op in {"Max": "maximum", "Min": "minimum", "Sum": "add"}.items():
    IMPORTERS[_name] = _folded(_op)


@imports("Mean")
def _(s):
    return call("divide_scalar", _folded("add")(s), scalar=float(len(s)))


@imports("IsInf")
def _(s):
    x, ways = s[0], []
    for key, bound in (("detect_positive", math.inf), ("detect_negative", -math.inf)):
        if s.get(key, 1):
            ways.append(call("np_equal", x, s.constant([bound], like=0)))
    if not ways:
        return call(
            "np_logical_and", call("np_isnan", x), call("np_logical_not", call("np_isnan", x))
        )
    return reduce(lambda a, b: call("np_logical_or", a, b), ways)


@imports("Clip")
def _(s):
    if s.opset < 11:
        low, high = s.get("min"), s.get("max")
        if low is None and high is None:
            return call("copy", s[0])
        return call("clip", s[0], a_min=low, a_max=high)
    given = [s.has(1), s.has(2)]
    known = all(s.node.input[i] in s.importer.known for i in (1, 2) if s.has(i))
    if any(given) and known and s.is_floating():
        low, high = (float(np.ravel(s.known(i))[0]) if s.has(i) else None for i in (1, 2))
        return call("clip", s[0], a_min=low, a_max=high)
    x = call("maximum", s[0], s[1]) if s.has(1) else call("copy", s[0])
    return call("minimum", x, s[2]) if s.has(2) else x


@imports("Cast", "CastLike")
def _(s):
    if s.node.op_type == "CastLike":
        dtype = s.dtype(1)
    else:
        dtype = known_dtype(s.importer.onnx, s.get("to"), f"the result of {s.node.name!r}")
    return call("cast", s[0], dtype=np.dtype(dtype).name)


@imports("Where")
def _(s):
    return call("where", *s.all())


# --- activations --------------------------------------------------------------------------------


@imports("LeakyRelu")
def _(s):
    return call("leaky_relu", s[0], act_type="leaky", slope=s.get("alpha", 0.01))


@imports("Elu")
def _(s):
    return call("leaky_relu", s[0], act_type="elu", slope=s.get("alpha", 1.0))


@imports("Celu")
def _(s):
    alpha = s.get("alpha", 1.0)
    grown = call("expm1", call("divide_scalar", s[0], scalar=alpha))
    low = call("minimum_scalar", call("multiply_scalar", grown, scalar=alpha), scalar=0.0)
    return call("add", call("relu", s[0]), low)


@imports("Selu")
def _(s):
    alpha, gamma = s.get("alpha", 1.6732632423543772), s.get("gamma", 1.0507009873554805)
    out = call("leaky_relu", s[0], act_type="elu", slope=alpha)
    return call("multiply_scalar", out, scalar=gamma)


@imports("PRelu")
def _(s):
    low = call("minimum_scalar", s[0], scalar=0.0)
    return call("add", call("relu", s[0]), call("multiply", low, s[1]))


@imports("ThresholdedRelu")
def _(s):
    above = call("np_greater", s[0], s.constant([s.get("alpha", 1.0)], like=0))
    return call("where", above, s[0], call("zeros_like", s[0]))


@imports("HardSigmoid")
def _(s):
    return call("hard_sigmoid", s[0], alpha=s.get("alpha", 0.2), beta=s.get("beta", 0.5))


@imports("HardSwish")
def _(s):
    return call("multiply", s[0], call("hard_sigmoid", s[0], alpha=1 / 6, beta=0.5))


@imports("Gelu")
def _(s):
    if s.get("approximate", "none") == "tanh":
        return call("gelu_tanh", s[0])
    return call("leaky_relu", s[0], act_type="gelu")


@imports("Softmax", "LogSoftmax")
def _(s):
    op = "softmax" if s.node.op_type == "Softmax" else "log_softmax"
    if s.opset >= 13:
        return call(op, s[0], axis=s.get("axis", -1))
    shape = s.shape()  # older files: over all axes from `axis` on
    axis = s.get("axis", 1) % len(shape)
    flat = call("reshape", s[0], shape=(math.prod(shape[:axis]), math.prod(shape[axis:])))
    return call("reshape", call(op, flat, axis=-1), shape=shape)


# --- reductions ---------------------------------------------------------------------------------


def _reduce(op, before=None, after=None):
    def convert(s):
        axes = s.ints(1, "axes")
        x = s[0]
        if not axes and s.get("noop_with_empty_axes", 0):
            axis = ()
        else:
            axis = tuple(axes) if axes else tuple(range(s.ndim()))
        if before is not None:
            x = call(before, x)
        if axis:
            x = call(op, x, axis=axis, keepdims=bool(s.get("keepdims", 1)))
        return x if after is None else call(after, x)

    return convert


for _name, _parts in {
    "ReduceSum": ("sum",),
    "ReduceMean": ("mean",),
    "ReduceMax": ("max",),
    "ReduceMin": ("min",),
    "ReduceProd": ("prod",),
    "ReduceL1": ("sum", "abs"),
    "ReduceL2": ("sum", "square", "sqrt"),
    "ReduceSumSquare": ("sum", "square"),
    "ReduceLogSum": ("sum", None, "log"),
    "ReduceLogSumExp": ("sum", "exp", "log"),
}.items():
    IMPORTERS[_name] = _reduce(*_parts)


@imports("ArgMax", "ArgMin")
def _(s):
    op = "argmax" if s.node.op_type == "ArgMax" else "argmin"
    axis, keep, x = s.get("axis", 0), bool(s.get("keepdims", 1)), s[0]
    last = s.get("select_last_index", 0)
    if last:
        x = call("flip", x, axis=axis)
    found = call(op, x, axis=axis, keepdims=keep)
    if last:
        found = call("rsubtract_scalar", found, scalar=float(s.shape()[axis] - 1))
    return call("cast", found, dtype="int64")


@imports("CumSum")
def _(s):
    axis, reverse = int(s.known(1)), s.get("reverse", 0)
    x = call("flip", s[0], axis=axis) if reverse else s[0]
    out = call("cumsum", x, axis=axis)
    if s.get("exclusive", 0):
        out = call("subtract", out, x)
    return call("flip", out, axis=axis) if reverse else out


# --- products -----------------------------------------------------------------------------------


@imports("Gemm")
def _(s):
    alpha, beta = s.get("alpha", 1.0), s.get("beta", 1.0)
    plain = alpha == beta == 1.0 and not s.get("transA", 0) and s.get("transB", 0)
    if plain and s.has(2) and s.node.input[1] in s.importer.known:
        rows = s.shape(1)[0]
        if s.shape(2) == (rows,):
            return call("fully_connected", *s.all(), num_hidden=rows, flatten=False)
    a, b = s[0], s[1]
    if s.get("transA", 0):
        a = call("transpose", a, axes=(1, 0))
    if s.get("transB", 0):
        b = call("transpose", b, axes=(1, 0))
    out = call("matmul", a, b)
    if alpha != 1.0:
        out = call("multiply_scalar", out, scalar=alpha)
    if not s.has(2):
        return out
    c = s[2] if beta == 1.0 else call("multiply_scalar", s[2], scalar=beta)
    return call("add", out, c)
