"""Entries of the operators of core/ops/linalg that are part of mx.nd."""

import numpy as np
from harness import HALVES, Spec, normal

FLOATING = ("float32", "float64", *HALVES)
M = normal(2, 3, 3)
SPD = M @ M.transpose(0, 2, 1) + 2 * np.eye(3)
LOW = np.linalg.cholesky(SPD)
LOOSE = (1e-4, 1e-4)


def turned(x, on):
    return np.swapaxes(x, -1, -2) if on else x


def gemm(a, b, c=0, transpose_a=False, transpose_b=False, alpha=1.0, beta=1.0):
    return alpha * turned(a, transpose_a) @ turned(b, transpose_b) + beta * c


Spec(
    "linalg_gemm2",
    gemm,
    [
        ((normal(2, 3, 4), normal(2, 4, 5)), {"alpha": 2.0}),
        ((normal(4, 3), normal(5, 4)), {"transpose_a": True, "transpose_b": True}),
    ],
    dtypes=FLOATING,
    grad=(0, 1),
    tolerance=LOOSE,
    raises=[((normal(2, 3), normal(2, 3)), {}, ValueError, "linalg_gemm2: A has shape")],
)
Spec(
    "linalg_gemm",
    gemm,
    [((normal(2, 3, 4), normal(2, 4, 5), normal(2, 3, 5)), {"alpha": 2.0, "beta": 0.5})],
    dtypes=FLOATING,
    grad=(0, 1, 2),
    tolerance=LOOSE,
    raises=[((normal(2, 3), normal(3, 2), normal(2)), {}, ValueError, "C has shape")],
)
Spec(
    "linalg_syrk",
    lambda a, transpose=False, alpha=1.0: alpha * turned(a, transpose) @ turned(a, not transpose),
    [((normal(2, 3, 4),), {"alpha": 2.0}), ((normal(3, 4),), {"transpose": True})],
    dtypes=FLOATING,
    grad=(0,),
    tolerance=LOOSE,
)


def triangle(a, transpose, lower):
    return turned(np.tril(a) if lower else np.triu(a), transpose)


def trmm(a, b, transpose=False, rightside=False, lower=True, alpha=1.0):
    a = triangle(a, transpose, lower)
    return alpha * (b @ a if rightside else a @ b)


def trsm(a, b, transpose=False, rightside=False, lower=True, alpha=1.0):
    a = triangle(a, transpose, lower)
    if rightside:
        return alpha * turned(np.linalg.solve(turned(a, True), turned(b, True)), True)
    return alpha * np.linalg.solve(a, b)


UP = turned(LOW, True)
TRIANGLES = [
    (
        (a, normal(2, 4, 3) if right else normal(2, 3, 4)),
        {"transpose": t, "rightside": right, "lower": low, "alpha": 2.0},
    )
    for a, low in ((LOW, True), (UP, False))
    for t in (False, True)
    for right in (False, True)
]
for name, reference in (("linalg_trmm", trmm), ("linalg_trsm", trsm)):
    Spec(
        name,
        reference,
        TRIANGLES,
        dtypes=FLOATING,
        grad=(0, 1),
        tolerance=LOOSE,
        raises=[((normal(3, 3), normal(2, 3)), {}, ValueError, f"{name}: A has shape")],
    )


def triangle_mask(n, offset, lower):
    below = offset < 0 or (offset == 0 and lower)
    return np.tri(n, n, offset, dtype=bool) if below else ~np.tri(n, n, offset - 1, dtype=bool)


def maketrian(x, offset=0, lower=True):
    n = int((np.sqrt(8 * x.shape[-1] + 1) - 1) / 2) + abs(offset)
    out = np.zeros((*x.shape[:-1], n, n))
    out[..., triangle_mask(n, offset, lower)] = x
    return out


PARTS = [{}, {"lower": False}, {"offset": 1}, {"offset": -1}]
Spec(
    "linalg_extracttrian",
    lambda x, offset=0, lower=True: x[..., triangle_mask(x.shape[-1], offset, lower)],
    [((M,), a) for a in PARTS],
    dtypes=FLOATING,
    grad=(0,),
    raises=[((M,), {"offset": 3}, ValueError, "linalg_extracttrian: offset is 3")],
)
Spec(
    "linalg_maketrian",
    maketrian,
    [((normal(2, 6),), a) for a in PARTS],
    dtypes=FLOATING,
    grad=(0,),
    raises=[((normal(5),), {}, ValueError, "linalg_maketrian: A has 5 numbers")],
)
Spec(
    "linalg_extractdiag",
    lambda x, offset=0: np.diagonal(x, offset, -2, -1),
    [((M,), {}), ((M,), {"offset": 1}), ((M,), {"offset": -2})],
    dtypes=FLOATING,
    grad=(0,),
)
Spec(
    "linalg_makediag",
    lambda x, offset=0: np.stack([np.diag(v, offset) for v in x]),
    [((normal(2, 3),), {}), ((normal(2, 3),), {"offset": -1})],
    dtypes=FLOATING,
    grad=(0,),
)
Spec(
    "linalg_sumlogdiag",
    lambda x: np.log(np.diagonal(x, 0, -2, -1)).sum(-1).reshape(x.shape[:-2] or (1,)),
    [((SPD,), {}), ((SPD[0],), {})],
    dtypes=FLOATING,
    grad=(0,),
    tolerance=LOOSE,
)
Spec(
    "linalg_potri",
    lambda x: np.linalg.inv(np.tril(x) @ turned(np.tril(x), True)),
    [((LOW,), {})],
    dtypes=FLOATING,
    grad=(0,),
    tolerance=(1e-3, 1e-3),
)


def gelqf(x):
    q, r = np.linalg.qr(turned(x, True))
    return turned(q, True), turned(r, True)


Spec(
    "linalg_gelqf",
    gelqf,
    [((normal(2, 3, 4),), {}), ((normal(3, 3),), {})],
    dtypes=FLOATING,
    grad=(0,),
    tolerance=LOOSE,
    raises=[((normal(4, 3),), {}, ValueError, "linalg_gelqf: A has shape")],
)


def syevd(x):
    w, v = np.linalg.eigh(x)
    return turned(v, True), w


Spec("linalg_syevd", syevd, [((SPD,), {})], dtypes=FLOATING, tolerance=(1e-3, 1e-3))
Spec(
    "khatri_rao",
    lambda *m: np.stack([kron([x[:, j] for x in m]) for j in range(m[0].shape[1])], 1),
    [((normal(2, 3), normal(4, 3)), {}), ((normal(2, 2), normal(3, 2), normal(2, 2)), {})],
    grad=(0, 1),
    raises=[((normal(2, 3), normal(4, 2)), {}, ValueError, "khatri_rao: array 1 has shape")],
)


def kron(vectors):
    out = np.ones(1)
    for v in vectors:
        out = np.kron(out, v)
    return out
