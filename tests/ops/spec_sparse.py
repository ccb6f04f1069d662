"""Entries of core/ops/sparse."""

import numpy as np
from harness import NUMBERS, Spec, normal

# 4 x 5: rows with 2, 0, 3 and 1 stored elements.
SHAPE = (4, 5)
INDICES = np.array([1, 4, 0, 2, 3, 2], dtype="int64")
INDPTR = np.array([0, 2, 2, 5, 6], dtype="int64")
ROWS = np.array([0, 0, 2, 2, 2, 3])


def to_dense(data, indices, indptr, shape):
    out = np.zeros(shape, np.asarray(data).dtype)
    out[np.repeat(np.arange(shape[0]), np.diff(indptr)), indices] = data
    return out


def dot(data, indices, indptr, rhs, shape, transpose=False):
    matrix = to_dense(data, indices, indptr, shape)
    return (matrix.T if transpose else matrix) @ rhs


def dot_values(indices, indptr, lhs, rhs, shape, transpose=False):
    rows, columns = (rhs, lhs) if transpose else (lhs, rhs)
    rows, columns = rows.reshape(len(rows), -1), columns.reshape(len(columns), -1)
    return (rows[ROWS] * columns[indices]).sum(1)


BAD_COLUMN = np.array([1, 5, 0, 2, 3, 2], dtype="int64")
BAD_START = np.array([0, 2, 1, 5, 6], dtype="int64")

Spec(
    "csr_rows",
    lambda indices, indptr, shape: ROWS,
    [((INDICES, INDPTR), {"shape": SHAPE})],
    raises=[
        ((INDICES, INDPTR[:-1]), {"shape": SHAPE}, ValueError, "csr_rows: indptr has shape"),
        ((INDICES, BAD_START), {"shape": SHAPE}, ValueError, "csr_rows: indptr has 1 after 2"),
        ((BAD_COLUMN, INDPTR), {"shape": SHAPE}, IndexError, "csr_rows: indices has 5, must be in"),
    ],
)
Spec(
    "csr_to_dense",
    to_dense,
    [((normal(6), INDICES, INDPTR), {"shape": SHAPE})],
    dtypes=NUMBERS,
    grad=(0,),
    second=True,
    raises=[
        (
            (normal(5), INDICES, INDPTR),
            {"shape": SHAPE},
            ValueError,
            "csr_to_dense: data has shape",
        ),
    ],
)
Spec(
    "csr_sample",
    lambda data, indices, indptr, shape: data[ROWS, indices],
    [((normal(4, 5), INDICES, INDPTR), {"shape": SHAPE})],
    dtypes=NUMBERS,
    grad=(0,),
    second=True,
)
Spec(
    "csr_dot",
    dot,
    [
        ((normal(6), INDICES, INDPTR, normal(5, 3)), {"shape": SHAPE}),
        ((normal(6), INDICES, INDPTR, normal(4, 3)), {"shape": SHAPE, "transpose": True}),
        ((normal(6), INDICES, INDPTR, normal(5)), {"shape": SHAPE}),
        ((normal(6), INDICES, INDPTR, normal(4)), {"shape": SHAPE, "transpose": True}),
    ],
    grad=(0, 3),
    second=True,
    raises=[
        (
            (normal(6), INDICES, INDPTR, normal(4, 3)),
            {"shape": SHAPE},
            ValueError,
            "csr_dot: rhs has shape",
        ),
        ((normal(6), INDICES, INDPTR, normal(5)), {"shape": (4,)}, ValueError, "csr_dot: shape is"),
    ],
)
Spec(
    "csr_dot_values",
    dot_values,
    [
        ((INDICES, INDPTR, normal(4, 3), normal(5, 3)), {"shape": SHAPE}),
        ((INDICES, INDPTR, normal(5, 3), normal(4, 3)), {"shape": SHAPE, "transpose": True}),
        ((INDICES, INDPTR, normal(4), normal(5)), {"shape": SHAPE}),
    ],
    grad=(2, 3),
    second=True,
)
Spec(
    "row_numbers",
    lambda data, rows, mode="clip": (
        np.clip(data, 0, rows - 1) if mode == "clip" else data % rows
    ).ravel(),
    [
        ((np.array([[0, 7], [-1, 2]], "int32"),), {"rows": 4}),
        ((np.array([[0, 7], [-1, 2]], "int32"),), {"rows": 4, "mode": "wrap"}),
        ((np.array([[0, 3], [-1, 2]], "int32"),), {"rows": 4, "mode": "raise"}),
    ],
    raises=[
        (
            (np.array([4], "int32"),),
            {"rows": 4, "mode": "raise"},
            IndexError,
            "data has 4, must be",
        ),
        ((np.array([4], "int32"),), {"rows": 0}, ValueError, "row_numbers: rows is 0, must be > 0"),
    ],
)
Spec(
    "cast_storage",
    lambda data, stype: data,
    [((normal(3, 4),), {"stype": "csr"})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((normal(3, 4),), {"stype": "coo"}, ValueError, "cast_storage: stype is")],
)
Spec(
    "sparse_retain",
    lambda data, indices: data * np.isin(np.arange(len(data)), indices)[:, None],
    [((normal(5, 3), np.array([0, 3, 9], "int64")), {})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[
        (
            (normal(5, 3), np.array([[0]], "int64")),
            {},
            ValueError,
            "sparse_retain: indices has shape",
        )
    ],
)
