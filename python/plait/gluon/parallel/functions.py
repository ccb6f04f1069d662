"""Exchanges between ranks through which gradients flow.

Shoeybi and others: "Megatron-LM: training multi-billion parameter language models using model
parallelism" (2019).
"""

import numpy as np

from ... import autograd, ndarray

__all__ = ["exchanged", "gathered", "own_part", "shared", "summed"]


def gather_axis(array, comm, axis):
    """The arrays of all ranks, of equal shapes, one behind the other along `axis`."""
    axis %= array.ndim
    stack = comm.allgather(array.reshape((-1,)), name="gather")
    stack = stack.reshape((comm.size, *array.shape))
    order = [*range(1, axis + 1), 0, *range(axis + 1, array.ndim + 1)]
    shape = list(array.shape)
    shape[axis] *= comm.size
    return ndarray.transpose(stack, axes=order).reshape(tuple(shape))


def part_of_axis(array, comm, axis):
    """This rank's part of `array` cut along `axis` into equal parts."""
    length = array.shape[axis]
    if length % comm.size:
        raise ValueError(
            f"own_part: axis {axis} has length {length}, must be a multiple of {comm.size} ranks"
        )
    step = length // comm.size
    begin = step * comm.rank
    return ndarray.slice_axis(array, axis=axis, begin=begin, end=begin + step)


def sum_over(array, comm, name):
    """A new array with the sum over the ranks."""
    total = array.copy()
    comm.allreduce(total, name=name)
    return total


class _OverRanks(autograd.Function):
    def __init__(self, comm):
        super().__init__()
        self._comm = comm


class _Shared(_OverRanks):
    def forward(self, x):
        return x

    def backward(self, dy):
        return sum_over(dy, self._comm, "gradient of shared")


class _Summed(_OverRanks):
    def forward(self, x):
        return sum_over(x, self._comm, "summed")

    def backward(self, dy):
        return dy


class _Gathered(_OverRanks):
    def forward(self, x):
        return gather_axis(x, self._comm, -1)

    def backward(self, dy):
        return part_of_axis(dy, self._comm, -1)


class _OwnPart(_OverRanks):
    def forward(self, x):
        return part_of_axis(x, self._comm, -1)

    def backward(self, dy):
        return gather_axis(dy, self._comm, -1)


class _Exchanged(_OverRanks):
    def __init__(self, comm, sent, received):
        super().__init__(comm)
        self._sent, self._received = sent, received

    def forward(self, rows):
        return self._move(rows, self._sent, self._received)

    def backward(self, dy):
        return self._move(dy, self._received, self._sent)

    def _move(self, rows, sent, received):
        width = int(np.prod(rows.shape[1:]))
        out = ndarray.empty((sum(received), *rows.shape[1:]), dtype=rows.dtype_name)
        self._comm.all_to_all_into(
            out, rows, [n * width for n in sent], [n * width for n in received], name="exchanged"
        )
        return out


def shared(x, comm):
    """`x`, which is the same on all ranks and used by each in its own way.

    Its gradient is the sum of those of the ranks.
    """
    return _Shared(comm)(x)


def summed(x, comm):
    """The sum over the ranks; the gradient of each summand is that of the sum."""
    return _Summed(comm)(x)


def gathered(x, comm):
    """The arrays of all ranks along the last axis: (..., n) to (..., n * size).

    What follows must be the same on all ranks: the gradient is this rank's part of theirs.
    """
    return _Gathered(comm)(x)


def own_part(x, comm):
    """This rank's part of the last axis of `x`, which is the same on all ranks.

    Raises
    ------
    ValueError
        If the length of that axis is no multiple of the number of ranks.
    """
    return _OwnPart(comm)(x)


def exchanged(rows, comm, sent, received):
    """Rows for other ranks, for the rows that these have for this one; gradients go back.

    Parameters
    ----------
    rows : NDArray
        Of shape (sum(sent), ...): first those for rank 0.
    sent, received : list of int
        Numbers of rows for and from each rank.

    Returns
    -------
    NDArray
        Of shape (sum(received), ...): first those from rank 0.
    """
    return _Exchanged(comm, list(sent), list(received))(rows)
