"""Importers of operators on elements, comparisons, reductions, products."""

import math
from functools import reduce

import numpy as np

from .importers import IMPORTERS, call, imports

_UNARY = {
    "Abs": "abs", "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh",
    "Atan": "arctan", "Atanh": "arctanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh",
    "Erf": "erf", "Exp": "exp", "Floor": "floor", "Log": "log", "Neg": "negative",
    "Reciprocal": "reciprocal", "Relu": "relu", "Round": "round_even", "Sigmoid": "sigmoid",
    "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Softplus": "softrelu", "Softsign": "softsign",
    "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh", "Not": "np_logical_not",
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


def _number(s, i):
    """The one number of a known floating input that adds no axes to the other; None: no such."""
    if not s.is_known(i) or s.dtype(i).name not in ("float32", "float64"):
        return None
    sizes = s.shape(i)
    if math.prod(sizes) != 1 or sizes and len(sizes) > s.ndim(1 - i):
        return None
    return s.number(i)


def _with_number(op, back):
    """Importer of an operator of two inputs, of which one may be a number."""

    def convert(s):
        for i, name in ((1, op), (0, back)):
            number = _number(s, i)
            if number is not None:
                return call(f"{name}_scalar", s[1 - i], scalar=number, is_int=False)
        return call(op, *s.all())

    return convert


_ADD, _MULTIPLY = _with_number("add", "add"), _with_number("multiply", "multiply")
_DIVIDE, _POWER = _with_number("divide", "rdivide"), _with_number("power", "rpower")
IMPORTERS.update(Add=_ADD, Mul=_MULTIPLY, Sub=_with_number("subtract", "rsubtract"))


@imports("Pow")
def _(s):
    base, exponent = s.dtype(0), s.dtype(1)
    if base == exponent:
        return call("square", s[0]) if _number(s, 1) == 2 else _POWER(s)
    if s.is_floating(1) and not s.is_floating(0):
        return s.cast(call("power", s.cast(s[0], np.float64), s.cast(s[1], np.float64)), base)
    return call("power", s[0], s.cast(s[1], base))


@imports("Div")
def _(s):
    if s.is_floating():
        return _DIVIDE(s)
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
    known = all(s.is_known(i) for i in (1, 2) if s.has(i))
    if any(given) and known and s.is_floating():
        low, high = (float(np.ravel(s.known(i))[0]) if s.has(i) else None for i in (1, 2))
        return call("clip", s[0], a_min=low, a_max=high)
    x = call("maximum", s[0], s[1]) if s.has(1) else call("copy", s[0])
    return call("minimum", x, s[2]) if s.has(2) else x


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
    low, slope = call("minimum_scalar", s[0], scalar=0.0), s[1]
    if s.opset < 7 and s.ndim(1) == 1 and s.ndim() > 2:  # one number for each channel
        slope = call("reshape", slope, shape=(-1, *[1] * (s.ndim() - 2)))
    return call("add", call("relu", s[0]), call("multiply", low, slope))


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


@imports("Swish")
def _(s):
    alpha = s.get("alpha", 1.0)
    if alpha == 1.0:
        return call("silu", s[0])
    return call("multiply", s[0], call("sigmoid", call("multiply_scalar", s[0], scalar=alpha)))


@imports("Shrink")
def _(s):
    bias, edge = s.get("bias", 0.0), s.get("lambd", 0.5)
    x, zero = s[0], call("zeros_like", s[0])
    high = call("where", call("np_greater", x, s.constant([edge], like=0)),
                call("subtract_scalar", x, scalar=bias), zero)  # fmt: skip
    return call("where", call("np_less", x, s.constant([-edge], like=0)),
                call("add_scalar", x, scalar=bias), high)  # fmt: skip


@imports("Hardmax")
def _(s):
    shape = s.shape()
    axis = s.get("axis", -1 if s.opset >= 13 else 1) % len(shape)
    x, last = s[0], axis
    if s.opset < 13:
        x = call("reshape", x, shape=(math.prod(shape[:axis]), math.prod(shape[axis:])))
        last = 1
    ndim = len(s.shape_of(x))
    depth = s.shape_of(x)[last]
    out = call("one_hot", call("np_argmax", x, axis=last), depth=depth, dtype=s.dtype().name)
    order = [*range(last), ndim - 1, *range(last, ndim - 1)]
    return call("reshape", call("transpose", out, axes=tuple(order)), shape=shape)


@imports("BitShift")
def _(s):
    return call("left_shift" if s.get("direction") == "LEFT" else "right_shift", *s.all())


@imports("BitCast")
def _(s):
    dtype = s.type_of("to", np.float32)
    s.needs_values("bits")
    return np.array(s.known(0), order="C").view(dtype)
