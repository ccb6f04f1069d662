"""Calls of NumPy's functions that `mx.np` must answer in the same way: values, shape and dtype."""

import numpy as np

R = np.random.default_rng(7)
X = R.normal(size=(3, 4, 5))
Y = R.normal(size=(3, 4, 5))
M, N = R.normal(size=(4, 5)), R.normal(size=(5, 3))
V, W = R.normal(size=6), R.normal(size=6)
P = R.uniform(0.2, 0.9, size=(3, 4))
I, J = R.integers(-9, 10, size=(3, 4)), R.integers(1, 10, size=(3, 4))
U8 = R.integers(0, 255, size=(3, 4)).astype("uint8")
I32 = I.astype("int32")
B, C = I > 0, J > 5
NANS = np.where(R.uniform(size=(4, 5)) < 0.3, np.nan, R.normal(size=(4, 5)))
EMPTY, SCALAR = np.zeros((0, 3)), np.array(1.5)
SQUARE = R.normal(size=(2, 4, 4))
SPD = SQUARE @ SQUARE.swapaxes(-1, -2) + 4 * np.eye(4)
SORTED = np.sort(V)
ODD = [np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0, -2.5]
ODD = np.array(ODD)


def call(name, *args, **kwargs):
    return name, args, kwargs


UNARY = (
    "abs absolute fabs exp expm1 exp2 sin cos tan sinh cosh tanh arcsinh arctan floor ceil trunc rint fix "
    "sign square negative cbrt degrees radians isnan isinf isfinite logical_not signbit positive isposinf isneginf"
).split()
INNER = "sqrt log log2 log10 log1p arcsin arccos arctanh reciprocal".split()
BINARY = (
    "add subtract multiply divide true_divide floor_divide mod remainder fmod maximum minimum fmax fmin hypot arctan2 "
    "copysign logaddexp equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor "
    "heaviside nextafter"
).split()

CASES = [
    call(f, x)
    for f in UNARY
    for x in (X, I, SCALAR, EMPTY, ODD)
    if not (f in ("signbit", "isneginf", "isposinf") and x is I)
]
CASES += [call(f, x) for f in INNER for x in (P, EMPTY)] + [call("arccosh", P + 1)]
CASES += [
    call(f, a, b) for f in BINARY for a, b in [(X, Y), (X, M), (X, 2.5), (1.5, X), (EMPTY, 1.0)]
]
WHOLE = "add subtract multiply floor_divide mod fmod maximum minimum equal less logical_and divide gcd lcm bitwise_and bitwise_or bitwise_xor".split()
CASES += [call(f, a, b) for f in WHOLE for a, b in [(I, J), (I, 3), (J, J[0])]]
CASES += [
    call("power", P, 2.5), call("power", P, 2), call("power", J, 3), call("power", 2.0, P), call("float_power", J, 0.5),
    call("left_shift", J, 2), call("right_shift", I, 1), call("invert", I), call("invert", B), call("bitwise_not", U8),
    call("bitwise_and", B, C), call("ldexp", P, J), call("divmod", I, J), call("modf", X), call("logaddexp2", X, Y),
    call("bitwise_or", U8, 3), call("add", U8, 7), call("multiply", I32, 2), call("add", B, B), call("floor_divide", ODD, 2.0),
    call("add", I32, I), call("add", X.astype("float32"), Y.astype("float32")),
    call("spacing", P), call("sinc", X), call("nan_to_num", ODD), call("round", X, 2), call("around", X * 100, -1), call("round", I),
    call("isclose", X, X + 1e-9), call("isclose", ODD, ODD), call("isclose", ODD, ODD, equal_nan=True),
    call("clip", X, -0.5, 0.5), call("clip", I, -2, 3), call("clip", X, None, 0.3), call("clip", X, M, 2.0),
    call("hanning", 9), call("hamming", 8), call("blackman", 7), call("bartlett", 6), call("hanning", 1),
    call("convolve", V, W[:3]), call("convolve", V, W[:3], "same"), call("convolve", V, W[:4], "valid"), call("convolve", V[:3], W, "same"),
]  # fmt: skip

REDUCE = "sum prod mean std var max min amax amin ptp all any argmax argmin".split()
for f in REDUCE:
    CASES += [call(f, X), call(f, X, axis=1), call(f, I, axis=0), call(f, B, axis=-1)]
    if f not in ("argmax", "argmin"):
        CASES += [call(f, X, axis=(0, 2)), call(f, X, axis=2, keepdims=True)]
del f
CASES = [c for c in CASES if not (c[0] == "ptp" and c[1][0] is B)]
for f in "nansum nanprod nanmean nanvar nanstd nanmax nanmin".split():
    CASES += [call(f, NANS), call(f, NANS, axis=0), call(f, NANS, axis=1, keepdims=True)]
CASES += [
    call("sum", EMPTY), call("sum", EMPTY, axis=0), call("prod", EMPTY, axis=0), call("all", EMPTY), call("any", EMPTY, axis=0),
    call("sum", X, axis=1, where=X > 0), call("sum", X, initial=3.0), call("max", X, axis=0, where=X > 0, initial=-1.0),
    call("mean", X, axis=0, where=X > 0), call("sum", I32, axis=0), call("sum", U8), call("sum", X, dtype="float32"),
    call("var", X, ddof=1), call("std", X, axis=0, ddof=1), call("average", X), call("average", X, axis=1, weights=[1.0, 2, 3, 4]),
    call("count_nonzero", I), call("count_nonzero", I, axis=0), call("sum", SCALAR), call("max", SCALAR),
    call("nanargmax", NANS, axis=1), call("nanargmin", NANS), call("cumsum", X), call("cumsum", X, axis=1), call("cumsum", B, axis=0),
    call("cumprod", X, axis=2), call("nancumsum", NANS, axis=0), call("nancumprod", NANS), call("cumsum", I32, axis=0),
    call("diff", X), call("diff", X, 2, axis=0), call("diff", V, prepend=0.0, append=[1.0, 2.0]), call("ediff1d", V, to_begin=9.0),
    call("diff", B, axis=0), call("cov", M), call("cov", V, W), call("cov", M, rowvar=False, ddof=0), call("corrcoef", M), call("corrcoef", V, W),
    call("cov", M, aweights=np.abs(M[0]) + 1.0, fweights=[1, 2, 1, 3, 1]),
    call("percentile", X, 30), call("percentile", X, [10, 50], axis=1), call("quantile", X, 0.25, axis=(0, 1)),
    call("quantile", X, [[0.1, 0.5], [0.9, 1.0]], axis=-1, keepdims=True), call("median", X), call("median", X, axis=0, keepdims=True),
    call("median", NANS, axis=0), call("median", I, axis=1),
]  # fmt: skip

CASES += [
    call("reshape", X, (4, -1)), call("ravel", X), call("transpose", X), call("transpose", X, (1, 2, 0)), call("moveaxis", X, 0, -1),
    call("moveaxis", X, (0, 1), (-1, 0)), call("rollaxis", X, 2), call("rollaxis", X, 0, 3), call("swapaxes", X, 0, 2), call("expand_dims", X, (0, 2)),
    call("squeeze", X[:1]), call("squeeze", X[:, :1], 1), call("broadcast_to", M, (3, 4, 5)), call("broadcast_arrays", M, X, 2.0),
    call("atleast_1d", 3.0), call("atleast_2d", V), call("atleast_3d", M), call("flip", X), call("flip", X, (0, 2)), call("flipud", M), call("fliplr", M),
    call("rot90", M), call("rot90", X, 3, (1, 2)), call("rot90", M, 2), call("roll", X, 2), call("roll", X, (1, -2), (0, 2)), call("roll", M, 7, 1),
    call("tril", X), call("tril", M, 1), call("triu", M, -2), call("triu", X, 1), call("diagonal", X), call("diagonal", X, 1, 1, 2), call("diagonal", M, -1),
    call("trace", M), call("trace", X, 1, 0, 2), call("trace", I), call("tile", M, 2), call("tile", V, (2, 3)), call("tile", X, (2, 1, 1, 2)),
    call("repeat", M, 2), call("repeat", M, 3, axis=1), call("repeat", M, [1, 0, 2, 1], axis=0), call("resize", V, (4, 3)), call("resize", V, (2, 2)),
    call("pad", M, 2), call("pad", M, ((1, 0), (2, 3)), constant_values=5.0), call("pad", X, 1, "edge"), call("pad", X, 2, "reflect"),
    call("pad", M, 2, "symmetric"), call("pad", M, 3, "wrap"), call("pad", M, 1, "mean"), call("pad", V, 2, "linear_ramp"), call("pad", I, 1),
    call("concatenate", [X, Y]), call("concatenate", [X, Y], axis=-1), call("concatenate", [I, X[0, :3, :4]]), call("concatenate", [M, V], axis=None),
    call("stack", [X, Y], 1), call("vstack", [V, W]), call("hstack", [V, W]), call("hstack", [M, M]), call("dstack", [M, M]), call("column_stack", [V, W]),
    call("block", [[M, M], [M, M]]), call("split", X, 2, axis=1), call("split", V, [1, 4]), call("array_split", V, 4), call("vsplit", M, 2), call("hsplit", V, 3),
    call("dsplit", X, 5), call("append", V, W), call("append", M, M, axis=0), call("append", V, 3.0), call("insert", V, 2, 9.0), call("insert", M, [1, 3], 7.0, axis=1),
    call("insert", M, 1, V[:5], axis=0), call("insert", M, slice(0, 2), 1.0, axis=0), call("insert", V, [0, 6], [1.0, 2.0]), call("delete", V, 2), call("delete", M, [0, -1], axis=1), call("delete", M, slice(1, 3), 0),
    call("delete", V, V > 0), call("trim_zeros", np.array([0, 0, 1, 2, 0, 3, 0])), call("shape", X), call("size", X, 1), call("ndim", X),
]  # fmt: skip

CASES += [
    call("sort", X), call("sort", X, axis=0), call("sort", X, axis=None), call("sort", NANS), call("argsort", X), call("argsort", I, axis=0, kind="stable"),
    call("lexsort", (I[0], J[0])), call("searchsorted", SORTED, W), call("searchsorted", SORTED, SORTED, side="right"), call("searchsorted", SORTED, 0.1),
    call("digitize", W, SORTED), call("digitize", W, SORTED[::-1]), call("digitize", W, SORTED, right=True), call("unique", I), call("unique", X),
    call("unique", I, return_index=True, return_counts=True), call("unique", NANS), call("isin", I, [1, 2, 3]), call("isin", I, J, invert=True), call("isin", I, []),
    call("intersect1d", I, J), call("intersect1d", I[0], J[0], return_indices=True), call("union1d", I, J), call("setdiff1d", I, J), call("setxor1d", I, J),
    call("where", B, I, J), call("where", B, X[0, :3, :4], 0.0), call("where", B), call("nonzero", I), call("argwhere", B), call("flatnonzero", I), call("extract", B, I),
    call("compress", [True, False, True], I, axis=0), call("choose", [[0, 1], [1, 0]], [I[:2, :2], J[:2, :2]]), call("select", [I > 3, J > 3], [I, J], -1),
    call("take", X, [0, 2], axis=1), call("take", V, [[0, -1]]), call("take", V, 3), call("take", V, [7, -9], mode="wrap"), call("take", V, [9, -9], mode="clip"),
    call("take_along_axis", X, np.argsort(X, 1), 1), call("take_along_axis", X, np.argmax(X, 0)[None], 0), call("interp", W, SORTED, V), call("interp", [-9.0, 9.0, 0.0], SORTED, V, -1.0, 1.0),
    call("interp", W * 3, [0.0, 1, 2], [5.0, 6, 7], period=3.0), call("bincount", J.ravel()), call("bincount", J.ravel(), minlength=20), call("bincount", J.ravel(), X.ravel()[:12]),
    call("histogram", X), call("histogram", X, 5, (-1.0, 1.0)), call("histogram", X, [-2.0, 0, 1, 3]), call("histogram", X, density=True), call("histogram", V, 4, weights=W),
    call("histogram", I, 6), call("histogram2d", V, W, 3), call("tril_indices", 4), call("triu_indices", 3, 1, 5), call("diag_indices", 3), call("unravel_index", J, (4, 5)),
    call("ravel_multi_index", ([1, 2], [0, 1]), (3, 4)),
    call("dot", M, N), call("dot", V, W), call("dot", X, N), call("dot", M, 2.0), call("dot", X, Y.transpose(0, 2, 1)), call("matmul", X, N), call("matmul", X, Y.swapaxes(1, 2)),
    call("matmul", X[0], N[:, 0]), call("matmul", V[:5], N), call("matmul", X[:, None], R.normal(size=(2, 5, 3))), call("matmul", I, J.T), call("vdot", M, M), call("inner", X, M),
    call("inner", V, W), call("outer", V, W), call("tensordot", X, Y, 3), call("tensordot", X, Y, ([1, 0], [1, 0])), call("tensordot", X, N, 1), call("kron", M, N), call("kron", V, M),
    call("cross", X[0, :, :3], M[:, :3]), call("cross", N, N[::-1], axis=1),
    call("einsum", "ij,jk->ik", M, N), call("einsum", "ii->i", SQUARE[0]), call("einsum", "ii", SQUARE[0]), call("einsum", "ijk,ijk->j", X, Y), call("einsum", "...i,...i", X, Y),
    call("einsum", "ij,jk,kl->il", M, N, N.T), call("einsum", "i,j", V, W), call("einsum", "ijk->kji", X), call("einsum", "bij,bjk->bik", SQUARE, SQUARE), call("einsum", M, [0, 1], N, [1, 2]),
    call("einsum", "ij,ij->", M, M), call("einsum", "a,ab,abc->", X[:, 0, 0], X[:, :, 0], X), call("einsum", "ij->", M), call("einsum", "i...->...", X), call("einsum", "ij,kl->ijkl", M[:2], N[:2]),
    call("einsum", "ij,j->i", M, V[:5], optimize=False), call("einsum", "...ij,...jk->...ik", X, N),
    call("arange", 5), call("arange", 1.0, 2.0, 0.25), call("arange", 10, 0, -3), call("linspace", 0, 1, 7), call("linspace", 2, 3, 5, False), call("linspace", [0.0, 1], [2.0, 3], 4, axis=1),
    call("logspace", 0, 2, 5), call("geomspace", 1, 64, 7), call("eye", 3, 4, 1), call("identity", 3), call("tri", 3, 4, 1), call("zeros", (2, 0)), call("ones", 3), call("full", (2, 2), 7), call("full", 3, 2.5),
    call("full", (2, 3), [1.0, 2, 3]), call("zeros_like", I), call("ones_like", X), call("full_like", X, 3), call("meshgrid", V, W[:4]), call("meshgrid", V, W, indexing="ij", sparse=True), call("indices", (2, 3)),
    call("ix_", [0, 2], [1, 3]), call("diag", V), call("diag", M, 1), call("diag", V, -2), call("diagflat", M), call("vander", V, 3), call("array_equal", X, X), call("array_equiv", M, X), call("allclose", X, X),
    call("polyval", V, W), call("gradient", V), call("apply_along_axis", np.sum, 0, M), call("unwrap", V * 9), call("array", [[1, 2], [3, 4]]), call("array", [True, False]), call("asarray", [1.5, 2]),
    call("vecdot", X, Y) if hasattr(np, "vecdot") else call("inner", V, W),
]  # fmt: skip

LINALG = [
    call("cholesky", SPD), call("inv", SQUARE), call("det", SQUARE), call("slogdet", SQUARE), call("solve", SQUARE, SQUARE[..., :2]), call("solve", SQUARE[0], V[:4]),
    call("eigvalsh", SPD), call("norm", X), call("norm", M), call("norm", M, "fro"), call("norm", M, "nuc"), call("norm", M, 2), call("norm", M, -2), call("norm", M, 1), call("norm", M, np.inf),
    call("norm", V, 3), call("norm", V, np.inf), call("norm", V, 0), call("norm", X, axis=1), call("norm", X, axis=(0, 2), keepdims=True), call("norm", X, -np.inf, axis=(1, 2)), call("norm", V, 1),
    call("matrix_rank", M @ N), call("matrix_rank", np.ones((3, 3))), call("pinv", M), call("matrix_power", SQUARE, 3), call("matrix_power", SQUARE, -2), call("matrix_power", SQUARE, 0),
    call("multi_dot", [M, N, N.T]), call("multi_dot", [V[:4], M, N]), call("cond", SQUARE), call("cond", SQUARE[0], 1), call("tensorinv", SQUARE.reshape(8, 4)[:4].reshape(2, 2, 4), 2), call("tensorsolve", SQUARE[0].reshape(2, 2, 4), M[:2, :2]),
    call("lstsq", M, V[:4], None), call("lstsq", M.T, N, None), call("qr", M, "r"), call("svd", M, compute_uv=False),
]  # fmt: skip
