"""A table of vectors whose rows are spread over the ranks."""

import numpy as np

from ... import ndarray
from ..block import Block
from .functions import exchanged
from .part import PartParameter

__all__ = ["ShardedEmbedding"]


class ShardedEmbedding(Block):
    """As `nn.Embedding`, with the rows cut over the ranks, each of which looks up its own ids.

    Ids go to the ranks that have their rows, the rows come back, and their gradients go the same
    way (all-to-all): Naumov and others: "Deep learning recommendation model for personalization
    and recommendation systems" (2019), section 4.

    Parameters
    ----------
    input_dim : int
        Rows of the whole table.
    output_dim : int
    comm : Communicator
    dtype : str
    weight_initializer : Initializer or str, optional
    sparse_grad : bool
        Whether the gradient holds only the rows that were looked up.

    Notes
    -----
    Each id that a rank has several times is sent once. A call waits for the ids. The gradient of
    a row is the sum over the samples of all ranks; a `Trainer` does not sum it again.
    """

    def __init__(
        self,
        input_dim,
        output_dim,
        comm,
        dtype="float32",
        weight_initializer=None,
        sparse_grad=False,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._input_dim, self._output_dim, self._comm = input_dim, output_dim, comm
        self._rows = -(-input_dim // comm.size)
        self._kwargs = {"input_dim": self._rows, "output_dim": output_dim, "dtype": dtype}
        self._kwargs["sparse_grad"] = sparse_grad
        self.weight = PartParameter(
            self.prefix + "weight",
            comm,
            length=input_dim,
            shape=(self._rows, output_dim),
            dtype=dtype,
            init=weight_initializer,
            grad_stype="row_sparse" if sparse_grad else "default",
        )

    def forward(self, ids):
        """Integers of any shape to (..., output_dim).

        Raises
        ------
        ValueError
            If an id is negative or not less than `input_dim`.
        """
        comm = self._comm
        wanted, places = np.unique(ids.asnumpy().astype(np.int64), return_inverse=True)
        if wanted.size and (wanted[0] < 0 or wanted[-1] >= self._input_dim):
            worst = wanted[0] if wanted[0] < 0 else wanted[-1]
            raise ValueError(
                f"ShardedEmbedding: an id is {worst}, must be in [0, {self._input_dim - 1}]"
            )
        # The ids rise, and so do the ranks that have them.
        sent = np.bincount(wanted // self._rows, minlength=comm.size)
        counts = ndarray.array(sent, dtype="int64")
        received = [int(n) for n in comm.all_to_all(counts, wait=True).asnumpy()]
        sent = [int(n) for n in sent]
        asked = ndarray.empty((sum(received),), dtype="int64")
        local = ndarray.array(wanted % self._rows, dtype="int64")
        comm.all_to_all_into(asked, local, sent, received, name="ids")
        rows = ndarray.Embedding(asked, self.weight.data(), **self._kwargs)
        got = exchanged(rows, comm, received, sent)
        order = ndarray.array(places.reshape(ids.shape), dtype="int64")
        return ndarray.take(got, order, axis=0)

    def __repr__(self):
        return (
            f"ShardedEmbedding({self._input_dim} -> {self._output_dim}, "
            f"{self._rows} rows on each of {self._comm.size} ranks)"
        )
