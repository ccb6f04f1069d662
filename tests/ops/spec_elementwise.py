"""Entries of core/ops/elementwise."""

import math

import numpy as np
from harness import NUMBERS, Spec, between, normal

EMPTY, ZERO_DIM = np.zeros((0, 3)), np.array(0.5)
vector_erf = np.vectorize(math.erf, otypes=["float64"])


def unary(name, reference, low=-3.0, high=3.0, grad=(0,), **kw):
    points = between(low, high, 4, 5)
    Spec(
        name,
        reference,
        [
            ((points,), {}),
            ((between(low, high, 7, 3, 6),), {}),
            ((EMPTY,), {}),
            ((np.array((low + high) / 2 + 0.1),), {}),
        ],
        grad=grad,
        **kw,
    )


unary("exp", np.exp)
unary("exp2", np.exp2)
unary("expm1", np.expm1)
unary("log", np.log, 0.1, 5)
unary("log2", np.log2, 0.1, 5)
unary("log10", np.log10, 0.1, 5)
unary("log1p", np.log1p, -0.9, 5)
unary("sqrt", np.sqrt, 0.1, 5)
unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.1, 5)
unary("cbrt", np.cbrt, 0.1, 5)
unary("rcbrt", lambda x: 1 / np.cbrt(x), 0.1, 5)
for name in ["sin", "cos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "degrees", "radians"]:
    unary(name, getattr(np, name))
unary("tan", np.tan, -1.2, 1.2)
unary("arcsin", np.arcsin, -0.9, 0.9)
unary("arccos", np.arccos, -0.9, 0.9)
unary("arctanh", np.arctanh, -0.9, 0.9)
unary("arccosh", np.arccosh, 1.1, 4)
unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)))
unary("relu", lambda x: np.maximum(x, 0))
unary("softsign", lambda x: x / (1 + np.abs(x)))
unary("softrelu", lambda x: np.log1p(np.exp(x)))
unary("erf", vector_erf)
unary("gamma", np.vectorize(math.gamma, otypes=["float64"]), 0.5, 4)
unary("gammaln", np.vectorize(math.lgamma, otypes=["float64"]), 0.5, 4)
unary("negative", np.negative)
unary("abs", np.abs)
unary("sign", np.sign)
unary("square", np.square)
unary("reciprocal", np.reciprocal, 0.2, 3)
for name in ["floor", "ceil", "trunc"]:
    unary(name, getattr(np, name))
unary("round", lambda x: np.trunc(x + np.copysign(0.5, x)))
unary("round_even", np.rint)
unary("logical_not", np.logical_not, grad=())
unary("isnan", np.isnan, grad=())
unary("isinf", np.isinf, grad=())
unary("isfinite", np.isfinite, grad=())
unary("copy", lambda x: x)
unary("stop_gradient", lambda x: x, grad=())

PAIRS = [((4, 5), (4, 5)), ((3, 4, 5), (5,)), ((3, 1, 5), (4, 1)), ((2, 3), ()), ((0, 3), (3,))]


def binary(name, reference, low=-3.0, high=3.0, grad=(0, 1), dtypes=NUMBERS, **kw):
    samples = [((between(low, high, *a), between(low, high + 0.01, *b)), {}) for a, b in PAIRS]
    raises = [((normal(2, 3), normal(4)), {}, ValueError, f"{name}: shapes .* do not broadcast")]
    Spec(name, reference, samples, grad=grad, dtypes=dtypes, raises=raises, **kw)


FLOATS = ("float32", "float64", "float16")
binary("add", np.add)
binary("subtract", np.subtract, 3, 6, dtypes=FLOATS)
binary("multiply", np.multiply)
binary("divide", np.divide, 0.5, 3, dtypes=FLOATS)
binary("true_divide", np.divide, 0.5, 3, dtypes=FLOATS)
binary("power", np.power, 0.5, 3, dtypes=FLOATS)
binary("mod", np.mod, 0.5, 3, dtypes=("float32", "float64"))
binary("maximum", np.maximum)
binary("minimum", np.minimum)
binary("hypot", np.hypot, dtypes=FLOATS)
binary("arctan2", np.arctan2, dtypes=FLOATS)
for name in ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]:
    binary(name, getattr(np, name), grad=())
    binary(f"np_{name}", getattr(np, name), grad=())
for name in ["logical_and", "logical_or", "logical_xor"]:
    binary(name, getattr(np, name), grad=())
    binary(f"np_{name}", getattr(np, name), grad=())

for name in ["isnan", "isinf", "isfinite", "logical_not"]:
    points = np.array([[np.nan, np.inf, -np.inf], [0.0, -1.5, 2.0]])
    Spec(f"np_{name}", getattr(np, name), [((points,), {}), ((EMPTY,), {})])


def scalar(name, reference, low=0.3, high=3.0, grad=(0,), value=1.7):
    Spec(
        name,
        lambda x, scalar: reference(x, scalar),
        [
            ((between(low, high, 4, 5),), {"scalar": value}),
            ((EMPTY,), {"scalar": value}),
            ((ZERO_DIM,), {"scalar": value}),
        ],
        grad=grad,
    )


scalar("add_scalar", lambda x, s: x + s)
scalar("subtract_scalar", lambda x, s: x - s)
scalar("rsubtract_scalar", lambda x, s: s - x)
scalar("multiply_scalar", lambda x, s: x * s)
scalar("divide_scalar", lambda x, s: x / s)
scalar("rdivide_scalar", lambda x, s: s / x)
scalar("true_divide_scalar", lambda x, s: x / s)
scalar("rtrue_divide_scalar", lambda x, s: s / x)
scalar("power_scalar", lambda x, s: x**s)
scalar("rpower_scalar", lambda x, s: s**x)
scalar("maximum_scalar", np.maximum)
scalar("minimum_scalar", np.minimum)
scalar("mod_scalar", np.mod)
scalar("rmod_scalar", lambda x, s: np.mod(s, x))
scalar("hypot_scalar", np.hypot)
for name in [
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
]:
    scalar(f"{name}_scalar", getattr(np, name), grad=())
    scalar(f"np_{name}_scalar", getattr(np, name), grad=())

Spec(
    "where",
    np.where,
    [
        ((np.array([[1, 0], [0, 1]]), normal(2, 2), between(0, 1, 2, 2)), {}),
        ((np.array([1, 0, 1]), normal(3, 1), normal(1, 3)), {}),
    ],
    grad=(1, 2),
)
Spec(
    "clip",
    lambda x, a_min, a_max: np.clip(x, a_min, a_max),
    [((normal(5, 6),), {"a_min": -0.5, "a_max": 0.75}), ((EMPTY,), {"a_min": 0, "a_max": 1})],
    grad=(0,),
    dtypes=("float32", "float64"),
)
Spec(
    "smooth_l1",
    lambda x, scalar: np.where(
        np.abs(x) < 1 / scalar**2, (scalar * x) ** 2 / 2, np.abs(x) - 0.5 / scalar**2
    ),
    [((normal(5, 6),), {"scalar": 1.5})],
    grad=(0,),
)
Spec("hard_sigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1), [((normal(5, 6) * 3,), {})], grad=(0,))
Spec(
    "add_n",
    lambda *x: sum(x),
    [((normal(2, 3), normal(2, 3) * 2, normal(2, 3) * 3), {})],
    grad=(0, 1, 2),
)
Spec(
    "cast",
    lambda x, dtype: x.astype(dtype),
    [((normal(3, 4) * 10,), {"dtype": "int32"}), ((normal(3, 4),), {"dtype": "float64"})],
)


def digamma(x):
    """Recurrence up to x + 1000, where three terms of the asymptotic series are exact enough."""
    z = x + 1000
    return np.log(z) - 1 / (2 * z) - 1 / (12 * z**2) - sum(1 / (x + k) for k in range(1000))


def trigamma(x):
    z = x + 2000
    return 1 / z + 1 / (2 * z**2) + 1 / (6 * z**3) + sum(1 / (x + k) ** 2 for k in range(2000))


def erfinv(y):
    """Bisection of erf."""
    low, high = np.full(np.shape(y), -6.0), np.full(np.shape(y), 6.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = vector_erf(middle) < y
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


unary("digamma", digamma, 0.2, 9, tolerance=(1e-5, 1e-5))
unary("trigamma", trigamma, 0.2, 9, grad=(), tolerance=(1e-5, 1e-5))
unary("erfinv", erfinv, -0.95, 0.95)
unary("rint", lambda x: np.ceil(x - 0.5))
Spec("make_loss", lambda x: x, [((normal(3, 4),), {})])
Spec(
    "smooth_l1_slope",
    lambda x, scalar: np.clip(x * scalar**2, -1, 1),
    [((normal(5, 6),), {"scalar": 1.5})],
    grad=(0,),
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


unary("silu", lambda x: x * sigmoid(x))
unary("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))))
unary(
    "gelu_tanh",
    lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
)
binary("swiglu", lambda a, b: a * sigmoid(a) * b, dtypes=FLOATS)
BAD = np.array([[1.0, np.inf], [np.nan, 2.0]])
Spec(
    "all_finite",
    lambda x: np.array([float(np.isfinite(x).all())]),
    [((normal(3, 4),), {}), ((BAD,), {})],
)
Spec(
    "multi_all_finite",
    lambda *x: np.array([float(all(np.isfinite(a).all() for a in x))]),
    [((normal(3), normal(2, 2)), {}), ((normal(3), BAD), {})],
)
Spec(
    "multi_sum_sq",
    lambda *x: np.array([(a * a).sum() for a in x]),
    [((normal(3), normal(2, 2)), {})],
    tolerance=(1e-5, 1e-5),
)
Spec("amp_cast", lambda x, dtype: x, [((normal(3, 4),), {"dtype": "float64"})], grad=(0,))
Spec(
    "amp_multicast",
    lambda *x, num_outputs: x,
    [((normal(3), normal(2, 2)), {"num_outputs": 2})],
    grad=(0, 1),
    raises=[((normal(3),), {"num_outputs": 2}, ValueError, "amp_multicast: num_outputs is 2")],
)
Spec("div_sqrt_dim", lambda x: x / np.sqrt(x.shape[-1]), [((normal(3, 4),), {})], grad=(0,))
Spec(
    "quadratic",
    lambda x, a, b, c: a * x * x + b * x + c,
    [((normal(3, 4),), {"a": 2.0, "b": -1.0, "c": 0.5})],
    grad=(0,),
)
Spec("gradient_multiplier", lambda x, scalar: x, [((normal(3, 4),), {"scalar": 0.5})])
Spec("round_ste", lambda x: np.trunc(x + np.copysign(0.5, x)), [((normal(3, 4),), {})])
Spec("sign_ste", np.sign, [((normal(3, 4),), {})])
Spec(
    "allclose",
    lambda a, b: np.array([float(np.allclose(a, b, equal_nan=True))]),
    [((normal(3), normal(3)), {}), ((normal(3), normal(3) * 2), {})],
    raises=[((normal(3), normal(4)), {}, ValueError, "allclose: b has shape")],
)

PROGRAM = "t0:float32 = exp(i0)\nt1:float32 = multiply(t0, i1)\no0:float32 = add(t1, i2)"
Spec(
    "pointwise",
    lambda a, b, c, program: np.exp(a) * b + c,
    [
        ((normal(4, 5), normal(4, 5) + 1, normal(4, 5) - 1), {"program": PROGRAM}),
        ((normal(4, 5), normal(5), normal(4, 1)), {"program": PROGRAM}),
    ],
    dtypes=("float32",),
    raises=[
        ((normal(2),) * 3, {"program": "o0:float32 = nothing(i0)"}, KeyError, "nothing"),
        ((normal(2), normal(3), normal(2)), {"program": PROGRAM}, ValueError, "pointwise"),
    ],
)


PLANE = normal(3, 4) + 1j * between(-2, 2, 3, 4)
for name in ["conj", "real", "imag"]:
    Spec(
        name,
        getattr(np, name),
        [((PLANE,), {}), ((normal(2, 3),), {}), ((EMPTY,), {})],
        dtypes=("float32", "float64"),
    )
Spec(
    "complex",
    lambda x, y: x + 1j * y,
    [((normal(3, 4), normal(4)), {}), ((ZERO_DIM, normal(2)), {}), ((EMPTY, EMPTY), {})],
    raises=[((PLANE, PLANE), {}, TypeError, "complex: real has dtype complex128, must be real")],
)
