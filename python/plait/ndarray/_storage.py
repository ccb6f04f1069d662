"""What operators do with sparse arrays."""

import functools
import json

import numpy as np

from .. import _array, _autograd, _sparse
from .ndarray import NDArray

classes = {}  # stype -> class; the module sparse fills it
NUMBERS = {"row_sparse": _sparse.ROW_SPARSE, "csr": _sparse.CSR}
_NAMES = {number: name for name, number in NUMBERS.items()}
REFLECTED = {
    "subtract": "rsubtract",
    "divide": "rdivide",
    "mod": "rmod",
    "power": "rpower",
    "less": "greater",
    "greater": "less",
    "less_equal": "greater_equal",
    "greater_equal": "less_equal",
}


def check_stype(who, stype):
    """Raises ValueError for names that are none."""
    if stype not in NUMBERS:
        raise ValueError(f"{who}: stype is {stype!r}, must be 'default', 'csr' or 'row_sparse'")


def wrap(sparse):
    """A handle as an array of its class."""
    cls = classes[_NAMES[sparse.storing]]
    out = cls.__new__(cls)
    out._sparse = sparse
    return out


def is_sparse(x):
    """Whether `x` is a sparse array."""
    return getattr(x, "_is_sparse", False)


def parts(x):
    """(values, indices) or (values, indices, indptr), shared."""
    return tuple(x._sparse.part(i, NDArray) for i in range(3 if x.stype == "csr" else 2))


def rows(x):
    """(values, numbers) of a row_sparse array in any order: what has one number counts as its sum.

    At once, while `parts` may have to add up first.
    """
    return x._sparse.rows(NDArray)


def aux_part(x, i):
    """The part that MXNet numbers `i`: indptr comes before the columns."""
    return 2 - i if x.stype == "csr" else 1 + i


def with_parts(x, *new):
    """An array stored as `x` with these parts."""
    return wrap(_sparse.new(x._sparse.storing, x.shape, new))


def with_values(x, values):
    """An array with other values in the places of `x`."""
    return with_parts(x, values, *parts(x)[1:])


def assign(x, y):
    """The content of `y`, stored alike, becomes that of `x`."""
    if y.shape != x.shape:
        raise ValueError(f"assignment: value has shape {y.shape}, must be {x.shape}")
    x._sparse.assign(*(part.copy() for part in parts(y)))


def stored_as(x, value):
    """`value` stored as `x` is: for assignments."""
    if isinstance(value, (int, float)):
        if value == 0:
            return wrap(_sparse.zeros(x._sparse.storing, x.shape, x.dtype_name))
        if x.stype == "csr":
            raise ValueError(f"assignment: value is {value}, must be 0 or an array for csr")
        from .create import full

        value = full(x.shape, value, dtype=x.dtype)
    if not isinstance(value, NDArray):
        from .create import array

        value = array(value, dtype=x.dtype)
    if value.stype not in ("default", x.stype):
        raise TypeError(f"assignment: value is {value.stype}, must be default or {x.stype}")
    return value.astype(x.dtype, copy=False).tostype(x.stype)


def into(out, result):
    """Copy a result of any storage into `out`."""
    if is_sparse(out):
        assign(out, stored_as(out, result.tostype("default") if is_sparse(result) else result))
    else:
        result.copyto(out)
    return out


def dense(x):
    """A sparse array made dense; anything else as it is."""
    return x.tostype("default") if is_sparse(x) else x


# --- structure ----------------------------------------------------------------------------------


def _call(name, inputs, *attrs):
    return _array.invoke(_array.operator(name), inputs, attrs, None, NDArray)


def _index(numbers):
    from .create import array

    return array(np.asarray(numbers, np.int64), dtype="int64")


def slice_csr(x, begin, end, columns=None):
    """Rows [begin, end) and, if given, columns [from, to) of a csr array."""
    values, index, start = parts(x)
    start = start.asnumpy()[begin : end + 1]
    first, last = int(start[0]), int(start[-1])
    values, index, start = values[first:last], index[first:last], start - first
    width = x.shape[1]
    if columns is not None:
        numbers = index.asnumpy()
        kept = (numbers >= columns[0]) & (numbers < columns[1])
        start = np.concatenate([[0], np.cumsum(kept)])[start]
        places = _index(np.flatnonzero(kept))
        values, index = values.take(places), _index(numbers[kept] - columns[0])
        width = columns[1] - columns[0]
    shape = (end - begin, width)
    return wrap(_sparse.new(_sparse.CSR, shape, (values.copy(), index.copy(), _index(start))))


def retain(x, indices):
    """The rows of these numbers."""
    values, index = parts(x)
    wanted = indices.asnumpy() if isinstance(indices, NDArray) else np.asarray(indices)
    numbers = index.asnumpy()
    places = np.flatnonzero(np.isin(numbers, wanted.astype(np.int64)))
    return with_parts(x, values.take(_index(places)), _index(numbers[places]))


def rows_of(x, numbers):
    """The rows of these numbers of any array, as a row_sparse one."""
    if is_sparse(x):
        return retain(x, numbers)
    numbers = numbers.asnumpy() if isinstance(numbers, NDArray) else np.asarray(numbers)
    index = _index(np.unique(numbers.astype(np.int64)))
    return wrap(_sparse.new(_sparse.ROW_SPARSE, x.shape, (x.take(index), index)))


def set_rows(x, numbers, values):
    """Rows of these numbers in place of what a dense or row_sparse array has there."""
    if not is_sparse(x):
        x[numbers] = values
        return
    before, index = parts(x)
    kept = _index(np.flatnonzero(~np.isin(index.asnumpy(), numbers.asnumpy())))
    values = _call("concat", (before.take(kept), values), 0)
    index = _call("concat", (index.take(kept), numbers), 0)
    assign(x, wrap(_sparse.merge_rows(values, index, x.shape)))


def concat_csr(arrays):
    """Csr arrays one below the other."""
    widths = {x.shape[1] for x in arrays}
    if len(widths) > 1:
        raise ValueError(f"concat: arrays have {sorted(widths)} columns, must have as many")
    split = [parts(x) for x in arrays]
    starts, total = [np.zeros(1, np.int64)], 0
    for _, _, start in split:
        numbers = start.asnumpy()
        starts.append(numbers[1:] + total)
        total += int(numbers[-1])
    values = _call("concat", tuple(p[0] for p in split), 0)
    index = _call("concat", tuple(p[1] for p in split), 0)
    shape = (sum(x.shape[0] for x in arrays), widths.pop())
    return wrap(_sparse.new(_sparse.CSR, shape, (values, index, _index(np.concatenate(starts)))))


# --- products -----------------------------------------------------------------------------------


def _has_sparse_grad(x):
    return _autograd.is_recorded(x) and _sparse.get_grad(x) is not None


def _csr_times(x, y, transpose):
    attrs = (x.shape, bool(transpose), _has_sparse_grad(y))
    return _call("csr_dot", (*parts(x), y), *attrs)


def dot(lhs, rhs, transpose_a=False, transpose_b=False, forward_stype=None):
    """The product of arrays of any storage, stored as MXNet documents."""
    for x in (lhs, rhs):
        if not isinstance(x, NDArray):
            raise TypeError(f"dot: an operand is {type(x).__name__}, must be an NDArray")
    if lhs.stype == "csr" and not (transpose_b and rhs.ndim > 1) and rhs.ndim <= 2:
        result = _csr_times(lhs, dense(rhs), transpose_a)
        stored = "row_sparse" if transpose_a and rhs.stype != "csr" else "default"
        stored = "default" if rhs.ndim == 1 else stored
    elif rhs.stype == "csr" and lhs.stype == "default" and lhs.ndim == 2:
        # (l r)' = r' l'
        left = lhs if transpose_a else lhs.transpose()
        result = _csr_times(rhs, left, not transpose_b).transpose()
        stored = "default" if transpose_a else "csr"
    else:
        result = _call("dot", (dense(lhs), dense(rhs)), bool(transpose_a), bool(transpose_b))
        stored = "default"
    stored = forward_stype or stored
    recorded = stored != "default" and _autograd.is_recorded(result)
    return result if recorded else result.tostype(stored)


# --- operators ----------------------------------------------------------------------------------

# f(0) = 0: the places that are stored stay the same.
_KEEPS_ZERO = set(
    """abs arcsin arcsinh arctan arctanh cast cbrt ceil copy degrees expm1 floor log1p make_loss
    negative radians relu rint round round_ste sign sign_ste sin sinh sqrt square stop_gradient tan
    tanh trunc multiply_scalar divide_scalar""".split()
)
_KEEPS_ZERO_IF = {  # of a number
    "add_scalar": lambda s: s == 0,
    "subtract_scalar": lambda s: s == 0,
    "greater_scalar": lambda s: s >= 0,
    "greater_equal_scalar": lambda s: s > 0,
    "less_scalar": lambda s: s <= 0,
    "less_equal_scalar": lambda s: s < 0,
    "equal_scalar": lambda s: s != 0,
    "not_equal_scalar": lambda s: s == 0,
}


def _unary(op, x, attrs):
    return with_values(x, _array.invoke(op, (parts(x)[0],), attrs, None, NDArray))


def _keeps_zero(op, attrs):
    if op.name in _KEEPS_ZERO:
        return True
    if op.name == "clip":
        return attrs[0] <= 0 <= attrs[1]
    test = _KEEPS_ZERO_IF.get(op.name)
    return test is not None and bool(test(attrs[0] if attrs else 0.0))


def _times_dense(op, x, y):
    """A sparse array times (or divided by) a dense one that broadcasts to its shape."""
    full = y.broadcast_to(x.shape) if y.shape != x.shape else y
    values, index, *start = parts(x)
    if x.stype == "csr":
        factors = _call("csr_sample", (full, index, *start), x.shape)
    else:
        factors = full.take(index)
    return with_values(x, _array.invoke(op, (values, factors), (), None, NDArray))


def _add(op, x, y):
    if op.name == "subtract":
        y = y * -1.0
    return wrap(_sparse.add([x._sparse, y._sparse]))


def _combine(op, x, y):
    """A sparse result of two arrays, or None."""
    if x.shape != y.shape:
        fits = x.stype == "csr" and y.stype == "default" and y.ndim <= 2
        return _times_dense(op, x, y) if fits and op.name in ("multiply", "divide") else None
    if x.stype == y.stype and x.dtype == y.dtype:
        if op.name in ("add", "subtract"):
            return _add(op, x, y)
        return wrap(_sparse.multiply(x._sparse, y._sparse)) if op.name == "multiply" else None
    if op.name == "multiply" and x.dtype == y.dtype:
        if y.stype == "default":
            return _times_dense(op, x, y)
        return _times_dense(op, y, x) if x.stype == "default" else None
    return None


def _reduce(op, x, attrs):
    """Sum or mean of a csr array over one axis, or None."""
    axis = attrs[0] if attrs else None
    axis = axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis
    if x.stype != "csr" or axis not in (0, 1, -1, -2) or len(attrs) > 2 and attrs[2]:
        return None
    down = axis % 2 == 0
    from .create import ones

    total = _csr_times(x, ones(x.shape[0 if down else 1], dtype=x.dtype), down)
    if op.name == "nd_mean":
        total = total / x.shape[axis % 2]
    return total.expand_dims(axis % 2) if len(attrs) > 1 and attrs[1] else total


def _slice(x, attrs):
    begin, end, step = (*attrs, ())[:3]
    if step and any(s not in (None, 1) for s in step):
        return None
    rng = [slice(b, e).indices(n)[:2] for b, e, n in zip(begin, end, x.shape, strict=False)]
    rows = rng[0]
    return slice_csr(x, rows[0], max(rows), (rng[1][0], max(rng[1])) if len(rng) > 1 else None)


def _special(op, inputs, attrs):
    """A result computed without dense arrays, or None."""
    name, first = op.name, inputs[0]
    if len(inputs) == 1:
        if _keeps_zero(op, attrs):
            return _unary(op, first, attrs)
        if name == "zeros_like":
            return wrap(_sparse.zeros(first._sparse.storing, first.shape, first.dtype_name))
        if name in ("nd_sum", "nd_mean"):
            return _reduce(op, first, attrs)
        if name == "slice" and first.stype == "csr":
            return _slice(first, attrs)
        return first if name == "add_n" else None
    if name == "dot":
        return dot(*inputs, *attrs[:2])
    stored = {getattr(x, "stype", None) for x in inputs}
    if name == "add_n" and stored == {"row_sparse"}:
        return wrap(_sparse.add([x._sparse for x in inputs]))
    if name == "concat" and stored == {"csr"} and attrs and attrs[0] == 0:
        return concat_csr(inputs)
    if name in ("add", "subtract", "multiply", "divide"):
        return _combine(op, *inputs)
    return None


@functools.cache
def _writes(name):
    """tuple of bool: whether an operator writes its inputs; the last holds for all further ones."""
    inputs = json.loads(_array.operator(name).describe_json())["inputs"]
    return tuple(definition["mutable"] for definition in inputs)


def _written_back(op, inputs, given):
    """Give sparse states what the operator made of their dense copies."""
    writes = _writes(op.name)
    for i, (x, made) in enumerate(zip(inputs, given, strict=True)):
        if is_sparse(x) and writes[min(i, len(writes) - 1)]:
            assign(x, stored_as(x, made))


def _listed(result):
    return result if isinstance(result, list) else [result]


def invoke(op, inputs, attrs, out, cls):
    """Run an operator with sparse arrays among its inputs or outputs."""
    result = None
    if any(is_sparse(x) for x in inputs):
        result = _special(op, inputs, attrs)
    if result is None:
        given = tuple(dense(x) for x in inputs)
        kept = tuple(inputs)
        cls = NDArray if any(is_sparse(x) for x in kept) else cls
        result = _array.invoke(op, given, attrs, None, cls)
        _written_back(op, inputs, given)
    if out is None:
        return result
    if isinstance(out, (list, tuple)):
        for target, value in zip(out, _listed(result), strict=False):
            into(target, value)
        return out
    return into(out, result)


_array.set_sparse_invoke(invoke)
