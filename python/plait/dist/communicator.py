"""A group of ranks, as one of them sees it."""

import pickle
import weakref

import numpy as np

from .. import _dist, _sparse, ndarray
from ..ndarray._storage import assign, is_sparse, parts, with_parts, wrap

__all__ = ["Communicator"]

members = weakref.WeakSet()  # what split() made: left when the program ends


class Communicator(_dist.Group):
    """One rank of a group; made by `world`, `group` and `split`.

    Every operation returns at once, starts when its arrays are ready and goes on beside
    computation; reading a result waits. All ranks call the same operations in the same order with
    arrays of the same size and dtype. Those with larger `priority` go first, `name` appears in
    messages and in the profile, and with ``wait=True`` the call returns when it is done.

    Arrays on GPUs are exchanged by NCCL if it is there, but for `send` and `receive`, and else
    through the memory of the host; the first such operation of a communicator waits for all ranks.

    A rank that fails, dies or stops makes all later reads fail on all ranks with an `MXNetError`
    that names it.

    Examples
    --------
    >>> comm = mx.dist.world()
    >>> comm.allreduce(gradient, priority=-3, name="conv1.weight")
    >>> mean = gradient / comm.size
    """

    def allgather(self, data, **options):
        """NDArray: those of all ranks along the first axis; they have equal shapes.

        Of row-sparse arrays only the rows that they store are sent, after their numbers.
        """
        if is_sparse(data):
            return self._gathered(data, **options)
        shape = (self.size * data.shape[0], *data.shape[1:]) if data.ndim else (self.size,)
        out = ndarray.empty(shape, ctx=data.context, dtype=data.dtype_name)
        self.allgather_into(out, data, **options)
        return out

    def allgather_rows(self, data, **options):
        """As `allgather`, for arrays whose first axis may differ; waits for the lengths.

        Returns
        -------
        NDArray, list of int
            All rows, and how many are from each rank.
        """
        mine = ndarray.array([data.shape[0]], dtype="int64")
        rows = [int(n) for n in self.allgather(mine, wait=True).asnumpy()]
        return self._rows_of_all(data, rows, **options), rows

    def _rows_of_all(self, data, rows, **options):
        """Rows of all ranks one below the other, `rows[i]` from rank i."""
        out = ndarray.empty((sum(rows), *data.shape[1:]), ctx=data.context, dtype=data.dtype_name)
        width = int(np.prod(data.shape[1:]))
        self.allgather_into(out, data, [n * width for n in rows], **options)
        return out

    def _stored_rows(self, data, **options):
        """Values, numbers and counts of what row-sparse arrays store on all ranks."""
        if data.stype != "row_sparse":
            raise TypeError(f"collectives: data is {data.stype}, must be row_sparse or dense")
        values, numbers = parts(data)
        numbers, counts = self.allgather_rows(numbers, **options)
        return self._rows_of_all(values, counts, **options), numbers, counts

    def _gathered(self, data, **options):
        values, numbers, counts = self._stored_rows(data, **options)
        first = np.repeat(np.arange(self.size) * data.shape[0], counts)
        shape = (self.size * data.shape[0], *data.shape[1:])
        numbers = numbers + ndarray.array(first, dtype="int64")
        return wrap(_sparse.new(_sparse.ROW_SPARSE, shape, (values, numbers)))

    def _sum_rows(self, data, reduction, **options):
        if reduction != "sum":
            raise ValueError(
                f"allreduce: reduction is {reduction!r}, must be 'sum' for row-sparse arrays"
            )
        values, numbers, _ = self._stored_rows(data, **options)
        assign(data, wrap(_sparse.merge_rows(values, numbers, data.shape)))

    def _broadcast_rows(self, data, root, **options):
        values, numbers = parts(data)
        count = ndarray.array([numbers.size], dtype="int64")
        self.broadcast(count, root, wait=True)
        if self.rank != root:
            count = int(count.asscalar())
            values = ndarray.empty((count, *data.shape[1:]), dtype=data.dtype_name)
            numbers = ndarray.empty((count,), dtype="int64")
        self.broadcast(numbers, root, **options)
        self.broadcast(values, root, **options)
        if self.rank != root:
            assign(data, with_parts(data, values, numbers))

    def reduce_scatter(self, data, reduction="sum", **options):
        """NDArray: this rank's part, along the first axis, of the reduction of `data`.

        Raises
        ------
        ValueError
            If the first axis cannot be divided by the number of ranks.
        """
        if not data.ndim or data.shape[0] % self.size:
            raise ValueError(
                f"reduce_scatter: data has shape {data.shape}, "
                f"must have a first axis that {self.size} divides"
            )
        shape = (data.shape[0] // self.size, *data.shape[1:])
        out = ndarray.empty(shape, ctx=data.context, dtype=data.dtype_name)
        self.reduce_scatter_into(out, data, reduction, **options)
        return out

    def all_to_all(self, data, **options):
        """NDArray: part i, along the first axis, is what rank i had as this rank's part."""
        out = ndarray.empty(data.shape, ctx=data.context, dtype=data.dtype_name)
        self.all_to_all_into(out, data, **options)
        return out

    def split(self, color, key=0):
        """Communicator: the ranks that give the same `color`, numbered by `key`. Waits."""
        part = self._split(color, key)
        members.add(part)
        return part

    def broadcast_object(self, value=None, root=0):
        """What `root` has as `value`: any object that pickle takes. Waits."""
        data = pickle.dumps(value) if self.rank == root else b""
        size = ndarray.array([len(data)], dtype="int64")
        self.broadcast(size, root, wait=True)
        if self.rank == root:
            content = ndarray.array(np.frombuffer(data, np.uint8), dtype="uint8")
        else:
            content = ndarray.empty((int(size.asscalar()),), dtype="uint8")
        self.broadcast(content, root, wait=True)
        return value if self.rank == root else pickle.loads(content.asnumpy().tobytes())

    def write_once(self, fname, data):
        """Write bytes to a file on rank 0, complete or not at all; the others wait for it.

        Raises
        ------
        OSError
            On all ranks, if rank 0 cannot write it.
        """
        from ..files import replacing

        failure = None
        if self.rank == 0:
            try:
                with replacing(fname) as partial, open(partial, "wb") as file:
                    file.write(data)
            except OSError as error:
                failure = error
        failure = self.broadcast_object(failure)
        if failure is not None:
            raise failure

    def read_once(self, fname):
        """bytes: the file that rank 0 reads, on all ranks; OSError on all if it cannot."""
        content, failure = None, None
        if self.rank == 0:
            try:
                with open(fname, "rb") as file:
                    content = file.read()
            except OSError as error:
                failure = error
        content, failure = self.broadcast_object((content, failure))
        if failure is not None:
            raise failure
        return content
