"""Sparse samples in memory, of which batches are taken."""

import numpy as np

from ..ndarray import sparse

__all__ = ["CsrRows"]


class CsrRows:
    """Rows of a csr matrix in numpy arrays; ``rows[numbers]`` gives a `CSRNDArray` of them.

    Parameters
    ----------
    values : numpy.ndarray
        Stored elements, shape (n,).
    indices : numpy.ndarray
        Their columns, ascending in each row.
    indptr : numpy.ndarray
        Where each row begins, shape (rows + 1,).
    columns : int
    """

    def __init__(self, values, indices, indptr, columns):
        self.values, self.indices, self.indptr = values, indices, indptr
        self.shape = (len(indptr) - 1, int(columns))
        self.dtype = values.dtype

    @classmethod
    def of(cls, matrix):
        """The rows of a `CSRNDArray` or a scipy matrix."""
        matrix = sparse.csr_matrix(matrix)
        parts = (matrix.data, matrix.indices, matrix.indptr)
        return cls(*(part.asnumpy() for part in parts), matrix.shape[1])

    def __getitem__(self, key):
        if isinstance(key, slice):
            key = np.arange(*key.indices(self.shape[0]))
            return CsrRows(*self._taken(key), self.shape[1])
        shape = (len(key), self.shape[1])
        return sparse.csr_matrix(self._taken(key), shape=shape, dtype=np.float32)

    def __len__(self):
        return self.shape[0]

    def _taken(self, numbers):
        begin, end = self.indptr[numbers], self.indptr[np.asarray(numbers) + 1]
        spans = [np.arange(a, b) for a, b in zip(begin, end, strict=True)]
        places = np.concatenate(spans) if spans else np.empty(0, np.int64)
        start = np.concatenate([[0], np.cumsum(end - begin)])
        return self.values[places], self.indices[places], start
