"""Products of vectors, matrices and arrays."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from ._axes import broadcast_to, diagonal, expand_dims, moveaxis, ravel, reshape, transpose
from ._reduction import sum
from .multiarray import ndarray

__all__ = ["dot", "matmul", "vdot", "inner", "outer", "tensordot", "einsum", "einsum_path", "kron",
           "cross", "vecdot"]  # fmt: skip

_MATMUL, _MULTIPLY = operator("matmul"), operator("multiply")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _pair(a: Any, b: Any) -> list[Any]:
    return _o.same_dtype(*_o.operands(a, b))


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _o.store(result, out)


def matmul(a: Any, b: Any, out: Any = None, **kwargs: Any) -> Any:
    """Matrix product; leading axes are batches that broadcast, vectors are rows or columns.

    Raises
    ------
    ValueError
        The shapes do not fit, or an operand has no axes.
    """
    a, b = _pair(a, b)
    return _finish(invoke(_MATMUL, (a, b), (), None, ndarray), out)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Sum over the last axis of `a` and the last but one of `b`; with a number the product."""
    a, b = _pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return _finish(a * b, out)
    if b.ndim <= 2:
        return _finish(invoke(_MATMUL, (a, b), (), None, ndarray), out)
    return _finish(tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,))), out)


def vdot(a: Any, b: Any) -> Any:
    """Sum of the products of the elements of the flattened arrays; `a` is conjugated."""
    a, b = _pair(a, b)
    return invoke(_MATMUL, (_conjugate(ravel(a)), ravel(b)), (), None, ndarray)


def _conjugate(x: Any) -> Any:
    return x.conj() if _o.is_complex(x) else x


def inner(a: Any, b: Any) -> Any:
    """Sum over the last axes of both arrays."""
    a, b = _pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, ((-1,), (-1,)))


def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Products of all elements of one vector with all of another."""
    a, b = _o.operands(a, b)
    return _finish(reshape(a, (-1, 1)) * reshape(b, (1, -1)), out)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Sum of the products along an axis, `x1` conjugated; the other axes broadcast."""
    x1, x2 = _pair(x1, x2)
    x1 = _conjugate(x1)
    if axis >= 0 or -axis > x1.ndim or -axis > x2.ndim:
        axis = _o.axes_of(axis, max(x1.ndim, x2.ndim))[0] - max(x1.ndim, x2.ndim)
    x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    if x1.shape[-1] != x2.shape[-1]:
        raise ValueError(
            f"vecdot: x1 has {x1.shape[-1]} elements along axis, x2 {x2.shape[-1]}, must be equal"
        )
    return invoke(_MATMUL, (expand_dims(x1, -2), expand_dims(x2, -1)), (), None, ndarray)[..., 0, 0]


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum over pairs of axes of two arrays.

    Parameters
    ----------
    axes : int or (axes of a, axes of b)
        A number n means the last n axes of `a` and the first n of `b`.
    """
    a, b = _pair(a, b)
    if hasattr(axes, "__index__"):
        n = axes.__index__()
        if n < 0 or n > min_(a.ndim, b.ndim):
            raise ValueError(f"tensordot: axes is {n}, must be in [0, {min_(a.ndim, b.ndim)}]")
        left, right = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        left, right = _o.axes_of(axes[0], a.ndim, "axes"), _o.axes_of(axes[1], b.ndim, "axes")
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError(
            f"tensordot: a has shape {a.shape}, b {b.shape}, must have equal sizes along {axes}"
        )
    a_rest = [i for i in range(a.ndim) if i not in left]
    b_rest = [i for i in range(b.ndim) if i not in right]
    k = int(_np.prod([a.shape[i] for i in left], dtype="int64"))
    m = int(_np.prod([a.shape[i] for i in a_rest], dtype="int64"))
    n = int(_np.prod([b.shape[i] for i in b_rest], dtype="int64"))
    x = reshape(transpose(a, [*a_rest, *left]), (m, k))
    y = reshape(transpose(b, [*right, *b_rest]), (k, n))
    shape = [a.shape[i] for i in a_rest] + [b.shape[i] for i in b_rest]
    return reshape(invoke(_MATMUL, (x, y), (), None, ndarray), shape)


min_ = min


def kron(a: Any, b: Any) -> Any:
    """Products of all elements of `a` with the whole of `b`, as blocks."""
    a, b = _o.operands(a, b)
    n = max(a.ndim, b.ndim)
    a, b = (
        reshape(a, (1,) * (n - a.ndim) + tuple(a.shape)),
        reshape(b, (1,) * (n - b.ndim) + tuple(b.shape)),
    )
    wide = reshape(a, [d for s in a.shape for d in (s, 1)]) * reshape(
        b, [d for s in b.shape for d in (1, s)]
    )
    return reshape(wide, [x * y for x, y in zip(a.shape, b.shape, strict=True)])


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Any:  # fmt: skip
    """Vector perpendicular to two vectors of 3 (or 2) elements along an axis."""
    from ._joining import stack

    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _o.operands(a, b)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            f"cross: a has shape {a.shape}, b {b.shape}, must have 2 or 3 elements along axis"
        )
    x, y = [a[..., i] for i in range(a.shape[-1])], [b[..., i] for i in range(b.shape[-1])]
    z = x[0] * y[1] - x[1] * y[0]
    if len(x) == len(y) == 2:
        return z
    zero = x[0] * 0
    x2, y2 = x[2] if len(x) == 3 else zero, y[2] if len(y) == 3 else zero
    parts = [x[1] * y2 - x2 * y[1], x2 * y[0] - x[0] * y2, z]
    return moveaxis(stack(_same_shape(parts), -1), -1, axisc)


def _same_shape(arrays: list[Any]) -> list[Any]:
    from ._axes import broadcast_arrays

    return broadcast_arrays(*arrays)


# --- einsum -------------------------------------------------------------------------------------


def _letters(lists: list[Any], out: Any) -> str:
    """Subscripts from lists of numbers."""
    names: dict[Any, str] = {}

    def text(items: Any) -> str:
        return "".join(
            "..." if i is Ellipsis else names.setdefault(i, _LETTERS[len(names)]) for i in items
        )

    return ",".join(text(items) for items in lists) + ("" if out is None else "->" + text(out))


def _subscripts(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Subscripts as text, and the arrays."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    out = operands[-1] if len(operands) % 2 else None
    pairs = operands[: len(operands) // 2 * 2]
    return _letters(list(pairs[1::2]), out), list(pairs[::2])


def _plan(text: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """A letter for each axis of each array, and those of the result."""
    left, arrow, result = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(
            f"einsum: subscripts {text!r} has {len(terms)} terms, must have {len(shapes)}, one for "
            "each array"
        )
    free = [c for c in reversed(_LETTERS) if c not in text]
    longest = 0
    for term, shape in zip(terms, shapes, strict=True):
        if "..." in term:
            longest = max(longest, len(shape) - len(term) + 3)
    dots = "".join(free[:longest])
    full = []
    for term, shape in zip(terms, shapes, strict=True):
        n = len(shape) - len(term) + 3
        if "..." in term:
            term = term.replace("...", dots[len(dots) - n :] if n else "")
        if len(term) != len(shape) or not set(term) <= set(_LETTERS):
            raise ValueError(
                f"einsum: subscripts {text!r} has {term!r} for an array of shape {shape}, must "
                "have one letter for each axis"
            )
        full.append(term)
    if arrow:
        result = result.replace("...", dots)
    else:
        single = [
            c for c in sorted(set("".join(full))) if "".join(full).count(c) == 1 and c not in dots
        ]
        result = dots + "".join(single)
    if len(set(result)) != len(result) or not set(result) <= set("".join(full)):
        raise ValueError(
            f"einsum: subscripts {text!r} must name each axis of the result once, and only axes of "
            "the arrays"
        )
    return full, result


def _single(x: Any, term: str, kept: str) -> tuple[Any, str]:
    """Takes diagonals of letters that repeat, and sums over letters that nobody wants."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            x = diagonal(x, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
    gone = tuple(i for i, c in enumerate(term) if c not in kept)
    if gone:
        x = sum(x, gone)
        term = "".join(c for c in term if c in kept)
    return x, term


def _contract(x: Any, xs: str, y: Any, ys: str, kept: str) -> tuple[Any, str]:
    """Product of two arrays, summed over letters that only they have: one matrix product."""
    xs_only = "".join(c for c in xs if c not in ys)
    batch = "".join(c for c in xs if c in ys and c in kept)
    summed = "".join(c for c in xs if c in ys and c not in kept)
    ys_only = "".join(c for c in ys if c not in xs)
    sizes = dict(zip(ys, y.shape, strict=True))
    for c, n in zip(xs, x.shape, strict=True):
        sizes[c] = n if n != 1 else sizes.get(c, 1)

    def ordered(a: Any, term: str, letters: str) -> Any:
        a = transpose(a, [term.index(c) for c in letters]) if letters else a
        shape = tuple(sizes[c] for c in letters)
        return a if a.shape == shape else broadcast_to(a, shape)

    def count(letters: str) -> int:
        return int(_np.prod([sizes[c] for c in letters], dtype="int64"))

    b, m, k, n = count(batch), count(xs_only), count(summed), count(ys_only)
    left = reshape(ordered(x, xs, batch + xs_only + summed), (b, m, k))
    right = reshape(ordered(y, ys, batch + summed + ys_only), (b, k, n))
    result = (
        left * right
        if k == 1 and summed == ""
        else invoke(_MATMUL, (left, right), (), None, ndarray)
    )
    letters = batch + xs_only + ys_only
    return reshape(result, [sizes[c] for c in letters]), letters


def einsum_path(*operands: Any, optimize: Any = "greedy") -> Any:
    """The order in which `einsum` joins the arrays, and a report about it."""
    text, arrays = _subscripts(operands)
    shapes = [_np.broadcast_to(_np.empty(()), _o.array_of(a).shape) for a in arrays]
    return _np.einsum_path(text, *shapes, optimize=optimize)


def einsum(
    *operands: Any, out: Any = None, optimize: Any = True, dtype: Any = None, **kwargs: Any
) -> Any:
    """Sums of products by Einstein's convention: letters that repeat are multiplied, letters that
    the result does not have are summed over.

    Parameters
    ----------
    operands : str, array, array, ...
        Subscripts such as "ij,jk->ik", then the arrays; or arrays and lists of axis numbers.
    optimize : bool, str or list
        Order of the pairs, as in `numpy.einsum_path`; False: from left to right.
    """
    text, given = _subscripts(operands)
    arrays = _o.same_dtype(*[_o.array_of(a) for a in given])
    if dtype is not None:
        arrays = [_o.cast(a, _o.named(dtype)) for a in arrays]
    terms, result = _plan(text, [a.shape for a in arrays])
    path = [(0, 1)] * (len(arrays) - 1)
    if optimize and len(arrays) > 2:
        shapes = [_np.broadcast_to(_np.empty(()), a.shape) for a in arrays]
        kind = "greedy" if optimize is True else optimize
        path = _np.einsum_path(",".join(terms) + "->" + result, *shapes, optimize=kind)[0][1:]
    for step in path:
        pair = [(arrays.pop(i), terms.pop(i)) for i in sorted(step, reverse=True)]
        while len(pair) > 1:
            kept = result + "".join(terms) + "".join(t for _, t in pair[:-2])
            (y, ys), (x, xs) = pair.pop(-2), pair.pop(-1)
            x, xs = _single(x, xs, kept + ys)
            y, ys = _single(y, ys, kept + xs)
            pair.append(_contract(x, xs, y, ys, kept))
        arrays.append(pair[0][0])
        terms.append(pair[0][1])
    x, term = _single(arrays[0], terms[0], result)
    x = transpose(x, [term.index(c) for c in result]) if term != result else x
    return _finish(x.copy() if x is arrays[0] and len(given) == 1 else x, out)
