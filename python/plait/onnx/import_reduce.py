"""Importers of reductions, products of matrices, sums along an axis."""

import math

import numpy as np

from .importers import IMPORTERS, call, imports


def _axes(s):
    """The axes to reduce, >= 0; an empty tuple if the data stay."""
    axes = s.ints(1, "axes")
    if not axes and s.get("noop_with_empty_axes", 0):
        return ()
    return tuple(a % s.ndim() for a in axes) if axes else tuple(range(s.ndim()))


def _reduce(op, before=None, after=None):
    def convert(s):
        axis, x = _axes(s), s[0]
        if before is not None:
            x = call(before, x)
        if axis:
            x = call(op, x, axis=axis, keepdims=bool(s.get("keepdims", 1)))
        return x if after is None else call(after, x)

    return convert


for _name, _parts in {
    "ReduceSum": ("sum",),
    "ReduceMean": ("mean",),
    "ReduceProd": ("prod",),
    "ReduceL1": ("sum", "abs"),
    "ReduceL2": ("sum", "square", "sqrt"),
    "ReduceSumSquare": ("sum", "square"),
    "ReduceLogSum": ("sum", None, "log"),
}.items():
    IMPORTERS[_name] = _reduce(*_parts)


@imports("ReduceMax", "ReduceMin")
def _(s):
    op = "max" if s.node.op_type == "ReduceMax" else "min"
    axis, x, keep = _axes(s), s[0], bool(s.get("keepdims", 1))
    if not axis:
        return call("copy", x)
    shape = s.sizes()
    if 0 not in [shape[a] for a in axis]:
        if s.dtype().kind != "b":
            return call(op, x, axis=axis, keepdims=keep)
        out = call(op, s.cast(x, np.uint8), axis=axis, keepdims=keep)
        return s.cast(out, bool)
    # of nothing: the least or largest number of the type
    info = (0, 1) if s.dtype().kind == "b" else (-math.inf, math.inf)
    if s.dtype().kind in "iu":
        info = np.iinfo(s.dtype()).min, np.iinfo(s.dtype()).max
    worst = info[op == "min"]
    sizes = [1 if a in axis else size for a, size in enumerate(shape)]
    sizes = sizes if keep else [size for a, size in enumerate(shape) if a not in axis]
    return np.full(sizes, worst, s.dtype())


@imports("ReduceLogSumExp")
def _(s):
    axis, x = _axes(s), s[0]
    if not axis:
        return call("copy", x)
    if not s.is_floating() or 0 in s.sizes():
        return _reduce("sum", "exp", "log")(s)
    # The largest number is taken out so that exp stays finite; it may be infinite itself.
    lowest = float(np.finfo(np.float32).min)
    top = call("max", x, axis=axis, keepdims=True)
    top = call("clip", top, a_min=lowest, a_max=-lowest)
    total = call("sum", call("exp", call("subtract", x, top)), axis=axis, keepdims=True)
    out = call("add", call("log", total), top)
    return out if s.get("keepdims", 1) else call("squeeze", out, axis=axis)


@imports("ArgMax", "ArgMin")
def _(s):
    op = "np_argmax" if s.node.op_type == "ArgMax" else "np_argmin"
    axis, keep, x = s.get("axis", 0), bool(s.get("keepdims", 1)), s[0]
    last = s.get("select_last_index", 0)
    if last:
        x = call("flip", x, axis=axis)
    found = call(op, x, axis=axis, keepdims=keep)
    if last:
        found = call("rsubtract_scalar", found, scalar=s.shape()[axis] - 1)
    return found


@imports("CumSum", "CumProd")
def _(s):
    op = "cumsum" if s.node.op_type == "CumSum" else "cumprod"
    axis = int(s.number(1)) % s.ndim()
    x = call("flip", s[0], axis=axis) if s.get("reverse", 0) else s[0]
    out = call(op, x, axis=axis, dtype=s.dtype().name)
    if s.get("exclusive", 0):
        like = call("slice_axis", x, axis=axis, begin=0, end=1)
        start = call("zeros_like" if op == "cumsum" else "ones_like", like)
        if s.shape()[axis] == 1:
            out = start
        else:
            out = call("slice_axis", out, axis=axis, begin=0, end=-1)
            out = call("concat", start, out, dim=axis)
    return call("flip", out, axis=axis) if s.get("reverse", 0) else out


# --- products -----------------------------------------------------------------------------------


@imports("Gemm")
def _(s):
    alpha, beta = s.get("alpha", 1.0), s.get("beta", 1.0)
    plain = alpha == beta == 1.0 and not s.get("transA", 0) and s.is_floating()
    if plain and s.is_known(1) and (not s.has(2) or s.is_known(2)):
        layer = _dense(s)
        if layer is not None:
            return layer
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


def _dense(s):
    """A layer of known weights; None if the bias has another shape than a layer's."""
    turned = not s.get("transB", 0)
    rows = s.shape(1)[1 if turned else 0]
    if s.has(2) and s.shape(2) not in ((rows,), (1, rows)):
        return None
    w = s.derived(1, "T", lambda w: np.ascontiguousarray(w.T)) if turned else s[1]
    bias = [s[2]] if s.has(2) else []
    if bias and len(s.shape(2)) == 2:
        bias = [s.derived(2, "vector", np.ravel)]
    return call("fully_connected", s[0], w, *bias, num_hidden=rows, flatten=False,
                no_bias=not bias)  # fmt: skip


@imports("Det")
def _(s):
    return call("det", s[0])


@imports("Einsum")
def _(s):
    text = s.get("equation").replace(" ", "")
    shapes = [s.shape(i) for i in range(len(s))]
    terms, result = _subscripts(text, [len(shape) for shape in shapes])
    values = s.all()
    value, term = _single(s, values[0], terms[0], set(result).union(*terms[1:]))
    for i in range(1, len(values)):
        later = set(result).union(*terms[i + 1 :])
        other, letters = _single(s, values[i], terms[i], later | set(term))
        value, term = _pair(s, value, term, other, letters, later)
    value, term = _single(s, value, term, set(result))
    if term != result:
        value = call("transpose", value, axes=tuple(term.index(c) for c in result))
    return call("copy", value) if len(values) == 1 else value


def _subscripts(text, ndims):
    """(letters of the axes of each array, of the result) with letters in place of dots."""
    given, arrow, result = text.partition("->")
    parts = given.split(",")
    free = [chr(c) for c in range(0x3B1, 0x3C9)]  # Greek: no equation has them
    most = max((n - len(p.replace("...", "")) for p, n in zip(parts, ndims, strict=True)
                if "..." in p), default=0)  # fmt: skip
    terms = []
    for part, ndim in zip(parts, ndims, strict=True):
        own = ndim - len(part.replace("...", ""))
        terms.append(part.replace("...", "".join(free[most - own : most])))
    if not arrow:
        letters = "".join(parts).replace("...", "").replace(".", "")
        once = sorted(c for c in set(letters) if letters.count(c) == 1)
        result = ("..." if most else "") + "".join(once)
    return terms, result.replace("...", "".join(free[:most]))


def _single(s, x, term, kept):
    """One array: diagonals of letters that repeat, sums over those that nobody needs."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = call("diagonal", x, axis1=i, axis2=j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    away = tuple(i for i, c in enumerate(term) if c not in kept)
    if away:
        x = call("sum", x, axis=away)
        term = "".join(c for c in term if c in kept)
    return x, term


def _pair(s, x, xs, y, ys, later):
    """Contract two arrays by a batched product of matrices."""
    sizes = {}
    for value, term in ((x, xs), (y, ys)):
        for c, size in zip(term, s.shape_of(value), strict=True):
            sizes[c] = max(size, sizes.get(c, 1))
    both = [c for c in xs if c in ys]
    batch = [c for c in both if c in later]
    inner = [c for c in both if c not in later]
    left, right = ([c for c in term if c not in both] for term in (xs, ys))

    def arranged(value, term, order, shape):
        value = call("transpose", value, axes=tuple(term.index(c) for c in order))
        value = (
            call("broadcast_to", value, shape=tuple(sizes[c] for c in order))
            if s.shape_of(value) != tuple(sizes[c] for c in order)
            else value
        )
        return call("reshape", value, shape=shape)

    def size(letters):
        return math.prod(sizes[c] for c in letters)

    b, m, n, k = size(batch), size(left), size(right), size(inner)
    x = arranged(x, xs, batch + left + inner, (b, m, k))
    y = arranged(y, ys, batch + inner + right, (b, k, n))
    letters = batch + left + right
    out = call("matmul", x, y)
    if not letters:
        return call("squeeze", out), ""
    return call("reshape", out, shape=tuple(sizes[c] for c in letters)), "".join(letters)
