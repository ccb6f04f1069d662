"""Entries of the operators behind mx.np, of several groups."""

import numpy as np
from harness import HALVES, Spec, between, normal

REAL = ("float32", "float64")
I = np.random.default_rng(3).integers(-50, 50, size=(3, 4))
J = np.random.default_rng(4).integers(1, 7, size=(3, 4))
B = I > 0
LOOSE = (2e-3, 2e-4)  # for float32 results of factorisations


def whole(name, reference, *pairs, refuses="integer"):
    Spec(
        name,
        reference,
        [(p, {}) for p in (pairs or [(I, J), (I, J[0]), (I.astype("int8"), J.astype("int16"))])],
        dtypes=("int64",),
        raises=[((normal(2), I[0, :2]), {}, TypeError, f"{name}: lhs has dtype float64")],
    )


for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]:
    whole(name, getattr(np, name), (I, J), (B, ~B), (I.astype("uint8"), J.astype("uint8")))
whole("left_shift", np.left_shift)
whole(
    "right_shift",
    np.right_shift,
    (I, J),
    (np.array([2**63 + 5], "uint64"), np.array([3], "uint64")),
)
whole("gcd", np.gcd)
whole("lcm", np.lcm)
Spec("bitwise_not", np.invert, [((I,), {}), ((B,), {})], dtypes=("int64",),
     raises=[((normal(2),), {}, TypeError, "bitwise_not: data has dtype float64")])  # fmt: skip


def binary(name, reference, a, b, grad=(0, 1), **kw):
    Spec(name, reference, [((a, b), {}), ((a, b[0]), {})], grad=grad, **kw)


A, D = between(-3, 3, 4, 5), between(0.4, 1.9, 4, 5)
binary("floor_divide", np.floor_divide, A, D)
for name, f in [
    ("floor_divide_scalar", np.floor_divide),
    ("rfloor_divide_scalar", lambda x, s: s // x),
]:
    Spec(
        name,
        lambda x, scalar, f=f: f(x, scalar),
        [((D,), {"scalar": 0.7}), ((J,), {"scalar": 3})],
        grad=(),
    )
binary("fmod", np.fmod, A, D)
for name in ["fmax", "fmin", "copysign", "logaddexp"]:
    binary(name, getattr(np, name), A, D - 1)
binary("ldexp", lambda a, b: a * 2.0**b, A, D)
binary("heaviside", np.heaviside, A, D)
binary("nextafter", np.nextafter, A, D, grad=(), dtypes=("float64",))
Spec("signbit", np.signbit, [((A,), {}), ((I,), {})])

for function in [np.cumsum, np.cumprod]:
    Spec(
        function.__name__,
        lambda x, axis=None, reverse=False, f=function: (
            np.flip(f(np.flip(x, axis), axis), axis) if reverse else f(x, axis)
        ),
        [
            ((D,), {}),
            ((D,), {"axis": 0}),
            ((D,), {"axis": -1, "reverse": True}),
            ((np.zeros((0, 3)),), {"axis": 1}),
        ],
        grad=(0,),
        raises=[((D,), {"axis": 2}, IndexError, f"{function.__name__}: axis is 2")],
    )


def triangle(name):
    f = getattr(np, name)
    Spec(name, lambda x, k=0: f(x, k), [((normal(2, 3, 4),), {}), ((normal(4, 3),), {"k": -1}), ((normal(3, 3),), {"k": 5})],
         grad=(0,), raises=[((normal(3),), {}, ValueError, f"{name}: data has shape")])  # fmt: skip


triangle("tril")
triangle("triu")
Spec(
    "diagonal",
    lambda x, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2),
    [
        ((normal(3, 4),), {}),
        ((normal(3, 4, 5),), {"offset": 1, "axis1": 2, "axis2": 1}),
        ((normal(3, 4),), {"offset": -9}),
    ],
    grad=(0,),
    raises=[
        (
            (normal(3, 4),),
            {"axis1": 1},
            ValueError,
            "diagonal: axis1 and axis2 are 1 and 1, must differ",
        )
    ],
)
Spec("place_diagonal", lambda x, shape, offset: np.diag(x, offset)[: shape[0], : shape[1]],
     [((normal(3),), {"shape": (4, 4), "offset": 1})], grad=(0,),
     raises=[((normal(3),), {"shape": (2, 2)}, ValueError, "place_diagonal: data has shape")])  # fmt: skip

X, R, C = normal(4, 5, 6), np.array([[0, -1], [2, 2]]), np.array([1, -4])


def gathered(x, *indices, axes, front=False):
    key = [slice(None)] * x.ndim
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    got = x[tuple(key)]
    return (
        np.moveaxis(got, list(range(R.ndim)), [axes[0] + i for i in range(R.ndim)])
        if front is None
        else got
    )


def assigned(x, value, *indices, axes, front=False):
    x = x.copy()
    key = [slice(None)] * x.ndim
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    x[tuple(key)] = value
    return x


def added(dout, *indices, axes, front=False, shape):
    out = np.zeros(shape)
    key = [slice(None)] * len(shape)
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    np.add.at(out, tuple(key), dout)
    return out


WHERE = [{"axes": (1, 2)}, {"axes": (0, 1)}, {"axes": (0, 2), "front": True}]
Spec("gather_axes", gathered, [((X, R, C), w) for w in WHERE] + [((X, R), {"axes": (1,)})], grad=(0,),
     raises=[((X, R + 4), {"axes": (0,)}, IndexError, "indices has 4, must be in"),
             ((X, normal(2)), {"axes": (0,)}, TypeError, "gather_axes: indices has dtype float64")])  # fmt: skip
Spec(
    "gather_axes_backward",
    added,
    [((normal(4, 2, 2), R, C), {"axes": (1, 2), "shape": (4, 5, 6)})],
    grad=(0,),
)
Spec("assign_axes", assigned, [((X, normal(2, 2), R, np.array([1, 3])), {"axes": (1, 2)}), ((X, np.array(7.0), R), {"axes": (0,)})],
     grad=(0,), raises=[((X, normal(3), R), {"axes": (0,)}, ValueError, "assign_axes: shapes")])  # fmt: skip
Spec(
    "count_nonzero", np.count_nonzero, [((I * (J > 3),), {}), ((B,), {}), ((np.zeros((0, 2)),), {})]
)
Spec("nonzero_places", lambda x, count: np.array(np.nonzero(x)), [((B,), {"count": int(B.sum())})],
     raises=[((B,), {"count": 1}, ValueError, "count is 1"), ((np.array(1.0),), {"count": 1}, ValueError, r"shape \(\)")])  # fmt: skip
Spec("searchsorted", lambda s, v, side="left": np.searchsorted(s, v, side),
     [((np.sort(normal(9)), normal(3, 4)), {}), ((np.arange(9), J), {"side": "right"})],
     raises=[((A, D), {}, ValueError, "searchsorted: sorted has shape")])  # fmt: skip
Spec("bincount", lambda x, w=None, length=None: np.bincount(x, w, length), [((J.ravel(),), {"length": 9}), ((J.ravel(), normal(12)), {"length": 7})],
     dtypes=("float64",), raises=[((J.ravel(),), {"length": 2}, ValueError, "must be in"), ((J,), {"length": 2}, ValueError, "must be a vector")])  # fmt: skip
Spec("run_starts", lambda s, equal_nan=True: np.concatenate([np.ones(min(s.size, 1), bool), (s[1:] != s[:-1]) & ~(bool(equal_nan) & np.isnan(s[1:]) & np.isnan(s[:-1]))]),
     [((np.array([-1.0, -0.0, 0.0, 2.0, 2.0, np.inf, np.nan, np.nan]),), {}), ((np.array([0.0, np.nan, np.nan]),), {"equal_nan": False}), ((np.zeros(0),), {})],
     raises=[((A,), {}, ValueError, "run_starts: sorted has shape")])  # fmt: skip
Spec("histogram_counts", lambda e, x, w=None: np.histogram(x, e, weights=w)[0],
     [((np.linspace(-1.5, 2.5, 9), normal(30, 40)), {}), ((np.array([-2.0, 0.0, 0.25, 0.25, 1.0]), np.array([-2.0, -3.0, 0.25, 1.0, 1.5, 0.0])), {}), ((np.array([0.0, 1.0]), normal(40), normal(40)), {})],
     raises=[((np.zeros(1), A), {}, ValueError, "histogram_counts: edges has shape")])  # fmt: skip

Spec("matmul", np.matmul, [((normal(3, 4), normal(4, 2)), {}), ((normal(2, 3, 4), normal(4, 5)), {}), ((normal(4), normal(3, 4, 2)), {}),
                           ((normal(2, 1, 3, 4), normal(3, 4, 2)), {}), ((normal(4), normal(4)), {}), ((normal(2, 0), normal(0, 3)), {})],
     grad=(0, 1), raises=[((normal(2, 3), normal(2, 3)), {}, ValueError, r"matmul: lhs has shape \(2, 3\)")])  # fmt: skip
S = normal(2, 4, 4)
G = S @ S.swapaxes(-1, -2) + 4 * np.eye(4)
NOT_SQUARE = [((normal(2, 3),), {}, ValueError, "must hold square matrices")]
FACTORS = {"dtypes": (*REAL, *HALVES), "tolerance": LOOSE}
Spec(
    "inverse",
    np.linalg.inv,
    [((S + 3 * np.eye(4),), {})],
    grad=(0,),
    raises=[*NOT_SQUARE, ((np.ones((2, 2)),), {}, ValueError, "is singular")],
    **FACTORS,
)
Spec(
    "solve",
    np.linalg.solve,
    [((S + 3 * np.eye(4), normal(2, 4, 3)), {})],
    grad=(0, 1),
    raises=[((S, normal(2, 3, 3)), {}, ValueError, "solve: b has shape")],
    **FACTORS,
)
Spec("det", np.linalg.det, [((S,), {})], grad=(0,), raises=NOT_SQUARE, **FACTORS)
Spec("slogdet", lambda x: tuple(np.linalg.slogdet(x)), [((S,), {})], raises=NOT_SQUARE, **FACTORS)
Spec("cholesky", lambda x, upper=False: np.linalg.cholesky(x).swapaxes(-1, -2) if upper else np.linalg.cholesky(x), [((G,), {}), ((G,), {"upper": True})],
     raises=[*NOT_SQUARE, ((-np.eye(3),), {}, ValueError, "not positive definite")], **FACTORS)  # fmt: skip
Spec("qr", lambda x, mode="reduced": tuple(np.linalg.qr(x, mode)), [((normal(5, 3),), {}), ((normal(3, 5),), {}), ((normal(4, 2),), {"mode": "complete"})],
     raises=[((normal(3),), {}, ValueError, "must have at least 2 axes")], **FACTORS)  # fmt: skip
Spec("svd", lambda x, full_matrices=False: tuple(np.linalg.svd(x, full_matrices)), [((normal(4, 3),), {}), ((normal(2, 3, 5),), {}), ((normal(3, 4),), {"full_matrices": True})],
     raises=[((I,), {}, TypeError, "svd: data has dtype int64")], **FACTORS)  # fmt: skip
Spec(
    "eigh",
    lambda x, upper=False: tuple(np.linalg.eigh(x, "U" if upper else "L")),
    [((G,), {}), ((G,), {"upper": True})],
    raises=NOT_SQUARE,
    **FACTORS,
)
Spec(
    "eig",
    lambda x: tuple(np.linalg.eig(x)),
    [((G[0],), {})],
    raises=[*NOT_SQUARE, ((np.array([[0.0, 1], [-1, 0]]),), {}, ValueError, "complex")],
    **FACTORS,
)
for name in ["random_gamma_of", "random_poisson_of"]:
    Spec(name, None, [], raises=[((I,), {}, TypeError, f"{name}: data has dtype int64")])
