"""Sparse arrays: `mx.nd.sparse`.

A sparse array holds dense arrays: the stored values and where they belong. Operators that keep
zeros give sparse results; others compute with the dense array.

>>> import plait as mx
>>> a = mx.nd.sparse.csr_matrix(([1.0, 2.0], [1, 0], [0, 1, 2]), shape=(2, 3))
>>> mx.nd.dot(a, mx.nd.ones((3, 1))).asnumpy().tolist()
[[1.0], [2.0]]
"""

import numpy as np

from .. import _sparse
from .._gen import nd as _gen
from ..base import dtype_name
from . import _storage as _st
from ._sparse_arrays import (
    BaseSparseNDArray,
    CSRNDArray,
    RowSparseNDArray,
    binary,
    cast_storage,
    retain,
)
from .create import array as _dense_array
from .elementwise import (  # noqa: F401
    elemwise_add,
    elemwise_div,
    elemwise_mul,
    elemwise_sub,
)
from .ndarray import NDArray

__all__ = [
    "BaseSparseNDArray",
    "CSRNDArray",
    "RowSparseNDArray",
    "add",
    "array",
    "cast_storage",
    "csr_matrix",
    "divide",
    "dot",
    "empty",
    "multiply",
    "retain",
    "row_sparse_array",
    "subtract",
    "zeros",
]


# --- making -------------------------------------------------------------------------------------


def zeros(stype, shape, ctx=None, dtype=None, **kwargs):
    """An array of zeros that stores nothing; `stype`: 'default', 'csr' or 'row_sparse'."""
    shape = (int(shape),) if hasattr(shape, "__index__") else tuple(int(d) for d in shape)
    if stype == "default":
        from .create import zeros as dense_zeros

        return dense_zeros(shape, ctx, dtype)
    _st.check_stype("zeros", stype)
    return _st.wrap(_sparse.zeros(_st.NUMBERS[stype], shape, dtype_name(dtype) or "float32"))


def empty(stype, shape, ctx=None, dtype=None):
    """As `zeros`."""
    return zeros(stype, shape, ctx, dtype)


def _source(values, dtype, fallback=None):
    """Any values as an NDArray; the default dtype is theirs, or float32 for lists."""
    if dtype is None:
        known = isinstance(values, (NDArray, np.ndarray, np.generic))
        dtype = fallback or (values.dtype if known or hasattr(values, "tocsr") else "float32")
    if isinstance(values, NDArray):
        return values.astype(dtype)
    return _dense_array(np.asarray(values), dtype=dtype)


def _check_shape(who, found, shape):
    if shape is not None and tuple(found) != tuple(shape):
        raise ValueError(f"{who}: shape is {tuple(shape)}, must be {tuple(found)} as the source")


def _is_scipy(x):
    return hasattr(x, "tocsr") and hasattr(x, "nnz")


def csr_matrix(arg1, shape=None, ctx=None, dtype=None):
    """A `CSRNDArray`.

    Parameters
    ----------
    arg1 : array_like, CSRNDArray, scipy matrix or tuple
        Dense values; or ``(data, indices, indptr)``; or ``(data, (row, column))`` in any order,
        where equal places add up; or ``(rows, columns)`` for zeros.
    shape : (int, int), optional
        Needed where the indices do not tell.

    Raises
    ------
    ValueError
        Shapes or indices do not fit.
    """
    if isinstance(arg1, RowSparseNDArray):
        raise ValueError("csr_matrix: arg1 is a RowSparseNDArray, must be dense or csr")
    if isinstance(arg1, CSRNDArray) or _is_scipy(arg1):
        _check_shape("csr_matrix", arg1.shape, shape)
        return array(arg1, ctx, dtype)
    if not isinstance(arg1, tuple):
        source = _source(arg1, dtype)
        _check_shape("csr_matrix", source.shape, shape)
        return source.tostype("csr")
    if len(arg1) == 2 and isinstance(arg1[1], tuple):
        from scipy.sparse import coo_matrix

        data, (row, column) = arg1
        kept = dtype or getattr(data, "dtype", "float32")
        numbers = (_numpy(data), (_numpy(row), _numpy(column)))
        return array(coo_matrix(numbers, shape=shape), ctx, kept)
    if len(arg1) == 2:
        _check_shape("csr_matrix", arg1, shape)
        return zeros("csr", arg1, ctx, dtype)
    if len(arg1) != 3:
        raise ValueError(f"csr_matrix: arg1 has {len(arg1)} parts, must have 2 or 3")
    data, indices, indptr = arg1
    data = _source(data, dtype)
    indices, indptr = _source(indices, None, "int64"), _source(indptr, None, "int64")
    if shape is None:
        if not indices.size:
            raise ValueError("csr_matrix: shape is None, must be given without indices")
        shape = (len(indptr) - 1, int(indices.asnumpy().max()) + 1)
    return _checked(_sparse.new(_sparse.CSR, tuple(shape), (data, indices, indptr)))


def row_sparse_array(arg1, shape=None, ctx=None, dtype=None):
    """A `RowSparseNDArray`.

    Parameters
    ----------
    arg1 : array_like, RowSparseNDArray or tuple
        Dense values; or ``(data, indices)``: rows and their ascending numbers; or a shape.
    shape : tuple of int, optional
        Needed where the indices do not tell.
    """
    if isinstance(arg1, CSRNDArray):
        raise ValueError("row_sparse_array: arg1 is a CSRNDArray, must be dense or row_sparse")
    if isinstance(arg1, RowSparseNDArray):
        _check_shape("row_sparse_array", arg1.shape, shape)
        return array(arg1, ctx, dtype)
    if not isinstance(arg1, tuple):
        source = _source(arg1, dtype)
        _check_shape("row_sparse_array", source.shape, shape)
        return source.tostype("row_sparse")
    if len(arg1) < 2:
        raise ValueError(f"row_sparse_array: arg1 has {len(arg1)} parts, must have at least 2")
    if all(hasattr(size, "__index__") and not hasattr(size, "shape") for size in arg1):
        _check_shape("row_sparse_array", arg1, shape)
        return zeros("row_sparse", arg1, ctx, dtype)
    if len(arg1) != 2:
        raise ValueError(f"row_sparse_array: arg1 has {len(arg1)} parts, must have 2")
    data, indices = _source(arg1[0], dtype), _source(arg1[1], None, "int64")
    if shape is None:
        if not indices.size:
            raise ValueError("row_sparse_array: shape is None, must be given without indices")
        shape = (int(indices.asnumpy().max()) + 1, *data.shape[1:])
    return _checked(_sparse.new(_sparse.ROW_SPARSE, tuple(shape), (data, indices)))


def _checked(parts):
    parts.check()
    return _st.wrap(parts)


def _numpy(x):
    return x.asnumpy() if isinstance(x, NDArray) else np.asarray(x)


def array(source_array, ctx=None, dtype=None):
    """A copy of a sparse array, or of a scipy matrix as a `CSRNDArray`.

    Raises
    ------
    ValueError
        The source is dense: use `mx.nd.array`.
    """
    if isinstance(source_array, BaseSparseNDArray):
        return source_array.astype(dtype or source_array.dtype)
    if not _is_scipy(source_array):
        raise ValueError(
            f"sparse.array: source_array is {type(source_array).__name__}, must be sparse\n"
            "  hint: mx.nd.array makes dense arrays"
        )
    matrix = source_array.tocsr().copy()
    matrix.sum_duplicates()
    matrix.sort_indices()
    parts = (
        _source(matrix.data, dtype),
        _source(matrix.indices, "int64"),
        _source(matrix.indptr, "int64"),
    )
    return _checked(_sparse.new(_sparse.CSR, tuple(int(d) for d in matrix.shape), parts))


# --- operators ----------------------------------------------------------------------------------


def dot(lhs, rhs, transpose_a=False, transpose_b=False, forward_stype=None, out=None, **kwargs):
    """The product; `forward_stype` is how the result is stored.

    Without `forward_stype` it is row_sparse for a transposed csr array times any other, csr for a
    dense array times a csr one, else dense.
    """
    result = _st.dot(lhs, rhs, transpose_a, transpose_b, forward_stype)
    return result if out is None else _st.into(out, result)


def add(lhs, rhs):
    """The sum of arrays or numbers; stored as both are if they are stored alike."""
    return binary("add", lhs, rhs)


def subtract(lhs, rhs):
    """The difference; as `add`."""
    return binary("subtract", lhs, rhs)


def multiply(lhs, rhs):
    """The product, element by element; sparse if one of the two is."""
    return binary("multiply", lhs, rhs)


def divide(lhs, rhs):
    """The quotient; dense unless a sparse array is divided by a number or a broadcast array."""
    return binary("divide", lhs, rhs)


_OPERATORS = """
    abs add_n ElementWiseSum adagrad_update adam_update arcsin arcsinh arctan arctanh arccos arccosh
    broadcast_add broadcast_div broadcast_mul broadcast_sub broadcast_plus broadcast_minus cbrt ceil
    clip concat cos cosh degrees exp expm1 fix
    floor ftrl_update gamma gammaln log log10 log1p log2 make_loss mean negative norm radians relu
    rint round rsqrt sgd_mom_update sgd_update sigmoid sign sin sinh slice sqrt square
    stop_gradient sum tan tanh trunc where zeros_like Embedding FullyConnected
    LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput
""".split()
globals().update({name: getattr(_gen, name) for name in _OPERATORS if hasattr(_gen, name)})
