"""Linear algebra: `mx.np.linalg`. Factors come from LAPACK and have gradients."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as _np

from .._array import invoke, operator
from ..util import is_np_default_dtype
from . import _operands as _o
from . import _products
from ._axes import broadcast_to, expand_dims, matrix_transpose, moveaxis, reshape
from ._axes import diagonal as _diagonal
from ._creation import eye
from ._reduction import max as _max
from ._reduction import min as _min
from ._reduction import sum as _sum
from .multiarray import ndarray

LinAlgError = _np.linalg.LinAlgError

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals",
    "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip

_OPS = {
    name: operator(name)
    for name in ("cholesky", "inverse", "solve", "det", "slogdet", "qr", "svd", "eigh", "eig")
}
_abs, _norm = operator("abs"), operator("norm")

QRResult = namedtuple("QRResult", "Q R")
SVDResult = namedtuple("SVDResult", "U S Vh")
EighResult = namedtuple("EighResult", "eigenvalues eigenvectors")
EigResult = namedtuple("EigResult", "eigenvalues eigenvectors")
SlogdetResult = namedtuple("SlogdetResult", "sign logabsdet")

matmul, tensordot, vecdot = _products.matmul, _products.tensordot, _products.vecdot


def _matrix(a: Any) -> Any:
    """An array in a dtype that LAPACK has."""
    a = _o.floating(_o.array_of(a))
    return _o.cast(a, "float32") if a.dtype_name in ("float16", "bfloat16") else a


def _adjoint(a: Any) -> Any:
    """The last two axes exchanged, and complex numbers conjugated."""
    a = matrix_transpose(a)
    return a.conj() if _o.is_complex(a) else a


def _run(name: str, *inputs: Any, attrs: tuple[Any, ...] = ()) -> Any:
    return invoke(_OPS[name], inputs, attrs, None, ndarray)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Vector perpendicular to two vectors of 3 elements along an axis."""
    return _products.cross(x1, x2, axis=axis)


def outer(x1: Any, x2: Any, /) -> Any:
    """Products of all elements of one vector with all of another."""
    return _products.outer(x1, x2)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """A view of the diagonals of the last two axes."""
    return _diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sum of the diagonals of the last two axes."""
    return _sum(_diagonal(x, offset, -2, -1), -1, dtype)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Lower triangular L with L L^H = a, or the upper one, for Hermitian matrices.

    Raises
    ------
    ValueError
        A matrix is not positive definite.
    """
    return _run("cholesky", _matrix(a), attrs=(bool(upper),))


def inv(a: Any) -> Any:
    """Inverse of square matrices.

    Raises
    ------
    ValueError
        A matrix is singular.
    """
    return _run("inverse", _matrix(a))


def det(a: Any) -> Any:
    """Determinant of square matrices."""
    return _run("det", _matrix(a))


def slogdet(a: Any) -> Any:
    """Sign of the determinant, of absolute value 1 or 0, and logarithm of its absolute value."""
    return SlogdetResult(*_run("slogdet", _matrix(a)))


def solve(a: Any, b: Any) -> Any:
    """x with a x = b; `b` is a vector or has the shape (..., n, k)."""
    a, b = _o.same_dtype(_matrix(a), _matrix(b))
    vector = b.ndim == 1
    if vector:
        b = expand_dims(b, -1)
    batch = _o.joint_shape("solve", a.shape[:-2], b.shape[:-2])
    a, b = broadcast_to(a, batch + a.shape[-2:]), broadcast_to(b, batch + b.shape[-2:])
    x = _run("solve", a, b)
    return x[..., 0] if vector else x


def qr(a: Any, mode: str = "reduced") -> Any:
    """a = q r with orthonormal columns in q and an upper triangular r.

    Parameters
    ----------
    mode : str
        "reduced", "complete", or "r" for r alone.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode is {mode!r}, must be 'reduced', 'complete' or 'r'")
    q, r = _run("qr", _matrix(a), attrs=("complete" if mode == "complete" else "reduced",))
    return r if mode == "r" else QRResult(q, r)


def svd(
    a: Any, full_matrices: bool = False, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """a = u diag(s) vt with orthonormal columns in u and rows in vt; s is descending.

    Parameters
    ----------
    full_matrices : bool
        Complete u and vt to square matrices; default: False as in MXNet, or True as in NumPy
        after `npx.set_np(dtype=True)`.
    compute_uv : bool
        False: s alone.
    """
    whole = is_np_default_dtype() if full_matrices is None else bool(full_matrices)
    u, s, vt = _run("svd", _matrix(a), attrs=(whole and compute_uv,))
    return SVDResult(u, s, vt) if compute_uv else s


def svdvals(x: Any, /) -> Any:
    """Singular values, descending."""
    return svd(x, compute_uv=False)


def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues, ascending, and orthonormal eigenvectors of Hermitian matrices."""
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f"eigh: UPLO is {UPLO!r}, must be 'L' or 'U'")
    return EighResult(*_run("eigh", _matrix(a), attrs=(UPLO in ("U", "u"),)))


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of Hermitian matrices, ascending."""
    return eigh(a, UPLO)[0]


def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors of square matrices.

    Raises
    ------
    ValueError
        A real matrix has complex eigenvalues: convert it to complex64 or complex128 first.
    """
    return EigResult(*_run("eig", _matrix(a)))


def eigvals(a: Any) -> Any:
    """Eigenvalues of square matrices; see `eig`."""
    return eig(a)[0]


def _tolerance(s: Any, rtol: Any, shape: tuple[int, ...]) -> Any:
    """Singular values up to this count as 0."""
    if rtol is None:
        rtol = max(shape[-2:]) * float(_np.finfo(s.dtype_name).eps)
    elif not _o.is_scalar(rtol):
        rtol = expand_dims(_o.cast(_o.array_of(rtol), s.dtype_name), -1)
    return _max(s, -1, keepdims=True) * rtol


def matrix_rank(M: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Number of singular values above a tolerance, `tol` or `rtol` times the largest."""
    M = _matrix(M)
    if M.ndim < 2:
        from ._reduction import any

        return any(M != 0).astype("int64")
    s = svdvals(M)
    if tol is None:
        limit = _tolerance(s, rtol, M.shape)
    else:
        limit = tol if _o.is_scalar(tol) else expand_dims(_o.array_of(tol), -1)
    return _sum(s > limit, -1, "int64")


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Pseudo-inverse; singular values up to `rtol` times the largest are taken for 0."""
    a = _matrix(a)
    u, s, vt = svd(a, False)
    kept = s > _tolerance(s, rtol if rcond is None else rcond, a.shape)
    from ._choice import where

    inverse = where(kept, 1.0 / where(kept, s, 1.0), 0.0)
    return matmul(_adjoint(vt) * expand_dims(inverse, -2), _adjoint(u))


def lstsq(a: Any, b: Any, rcond: Any = "warn") -> tuple[Any, Any, Any, Any]:
    """(x, residuals, rank, singular values) with the least |a x - b|.

    Parameters
    ----------
    rcond : float, optional
        Singular values up to this times the largest are taken for 0; None: by the precision.
    """
    a, b = _o.same_dtype(_matrix(a), _matrix(b))
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(
            f"lstsq: a has shape {a.shape}, b {b.shape}, must be matrices of equally many rows"
        )
    limit = (
        None if rcond is None or rcond == "warn" or (_o.is_scalar(rcond) and rcond < 0) else rcond
    )
    x = matmul(pinv(a, limit), b)
    s = svdvals(a)
    rank = _sum(s > _tolerance(s, limit, a.shape), dtype="int64")
    m, n = a.shape
    if m > n and int(rank) == n:
        miss = b - matmul(a, x)
        squares = miss.real**2 + miss.imag**2 if _o.is_complex(miss) else miss * miss
        residuals = reshape(_sum(squares, 0), -1)
    else:
        residuals = reshape(x, -1)[:0]
    return x, residuals, rank, s


def matrix_power(a: Any, n: int) -> Any:
    """Square matrices to a whole power; negative ones of the inverse."""
    a = _o.array_of(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"matrix_power: a has shape {a.shape}, must hold square matrices")
    if n < 0:
        a, n = inv(a), -n
    result = None
    while n:
        if n & 1:
            result = a if result is None else matmul(result, a)
        n >>= 1
        a = matmul(a, a) if n else a
    return (
        broadcast_to(eye(a.shape[-1], dtype=a.dtype_name), a.shape).copy()
        if result is None
        else result
    )


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Product of two or more matrices in the cheapest order; the first and last may be vectors."""
    arrays = [_o.array_of(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError("multi_dot: arrays has fewer than 2, must have at least 2")
    first, last = arrays[0].ndim == 1, arrays[-1].ndim == 1
    arrays[0] = expand_dims(arrays[0], 0) if first else arrays[0]
    arrays[-1] = expand_dims(arrays[-1], -1) if last else arrays[-1]
    order = _chain([a.shape[0] for a in arrays] + [arrays[-1].shape[1]])

    def join(i: int, j: int) -> Any:
        return arrays[i] if i == j else matmul(join(i, order[i, j]), join(order[i, j] + 1, j))

    result = join(0, len(arrays) - 1)
    result = result[0] if first else result
    result = result[..., 0] if last else result
    return result if out is None else _o.store(result, out)


def _chain(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product of matrices i to j (Cormen et al., Algorithms, 14.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    cut = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], cut[i, j] = min(options)
    return cut


# --- norms --------------------------------------------------------------------------------------


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Norm of vectors along axes: (sum |x|^ord)^(1/ord), with inf, -inf and 0 as limits."""
    x = _o.floating(_o.array_of(x))
    axes = _o.axes_of(axis, x.ndim)
    size = invoke(_abs, (x,), (), None, ndarray)
    x = size if _o.is_complex(x) else x
    if ord == _np.inf:
        return _max(size, axes, keepdims=keepdims)
    if ord == -_np.inf:
        return _min(size, axes, keepdims=keepdims)
    if ord == 0:
        return _sum(x != 0, axes, x.dtype_name, keepdims=keepdims)
    if ord == 1:
        return _sum(size, axes, keepdims=keepdims)
    if ord == 2:
        if not axes:
            return size
        return invoke(_norm, (x,), (2, axes, bool(keepdims)), None, ndarray)
    return _sum(size**ord, axes, keepdims=keepdims) ** (1.0 / ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Norm of matrices in the last two axes: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    x = _o.floating(_o.array_of(x))
    if x.ndim < 2:
        raise ValueError(f"matrix_norm: x has shape {x.shape}, must have at least 2 axes")
    if ord == "fro" or ord is None:
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in (1, -1, _np.inf, -_np.inf):
        sums = _sum(
            invoke(_abs, (x,), (), None, ndarray), -2 if ord in (1, -1) else -1, keepdims=True
        )
        pick = _max if ord > 0 else _min
        return pick(sums, (-2, -1), keepdims=keepdims)
    if ord not in ("nuc", 2, -2):
        raise ValueError(
            f"matrix_norm: ord is {ord!r}, must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    s = svdvals(_matrix(x))
    result = _sum(s, -1) if ord == "nuc" else _max(s, -1) if ord == 2 else _min(s, -1)
    return expand_dims(result, (-2, -1)) if keepdims else result


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of a vector or matrix, of all elements, or along one or two axes; see `vector_norm`."""
    x = _o.floating(_o.array_of(x))
    if axis is None:
        if ord is None:
            flat = vector_norm(reshape(x, -1))
            return reshape(flat, (1,) * x.ndim) if keepdims else flat
        if x.ndim not in (1, 2):
            raise ValueError(f"norm: x has shape {x.shape}, must have 1 or 2 axes if ord is given")
        axis = tuple(range(x.ndim))
    axes = _o.axes_of(axis, x.ndim)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: ord is {ord!r}, must be a number for vectors")
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: axis is {axis}, must be one or two axes")
    result = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return expand_dims(result, tuple(sorted(axes))) if keepdims else result


def cond(x: Any, p: Any = None) -> Any:
    """Condition number of matrices: norm times norm of the inverse."""
    x = _matrix(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Inverse of an array as a map from its last axes to its first `ind`."""
    a = _matrix(a)
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is {ind}, must be > 0")
    left, right = a.shape[:ind], a.shape[ind:]
    n = int(_np.prod(right, dtype="int64"))
    return reshape(inv(reshape(a, (-1, n))), right + left)


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """x with tensordot(a, x, x.ndim) = b; `axes` of `a` are moved to the end first."""
    a, b = _matrix(a), _matrix(b)
    if axes is not None:
        for k in axes:
            a = moveaxis(a, k, -1)
    rest = a.shape[b.ndim :]
    n = int(_np.prod(rest, dtype="int64"))
    return reshape(solve(reshape(a, (n, n)), reshape(b, -1)), rest)
