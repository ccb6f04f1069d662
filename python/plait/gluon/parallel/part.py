"""Parameters of which each rank holds a part."""

from ... import autograd, ndarray
from ...context import cpu
from ..formats import save_arrays
from ..parameter import Parameter
from .functions import gather_axis

__all__ = ["PartParameter", "save_parameters"]


class PartParameter(Parameter):
    """A parameter that is cut along one axis; this rank holds one of the equal parts.

    It starts as the part of what `init` gives for the whole, so that ranks with the same seed have
    the values that one process would have. Files hold the whole: `save_parameters` below writes
    it, and `Block.load_parameters` takes each rank's part of it, whatever the number of ranks was.
    A `Trainer` over the same communicator leaves it to its rank, as its gradient is that of the sum
    of the losses of all ranks; over another one it sums the gradients of equal parts.

    Parameters
    ----------
    name : str
    comm : Communicator
    axis : int
    length : int, optional
        Length of the whole along `axis`, if that is no multiple of the number of ranks; the parts
        are then filled up with zeros.
    **options
        As for `Parameter`; `shape` is that of the part.
    """

    def __init__(self, name, comm, axis=0, length=None, **options):
        self.parts_over, self._axis, self._length = comm, axis, length
        super().__init__(name, **options)

    @property
    def whole_shape(self):
        """tuple of int: shape of the whole parameter."""
        shape = list(self.shape)
        shape[self._axis] = self._length or shape[self._axis] * self.parts_over.size
        return tuple(shape)

    def _first_values(self, shape, init, ctx, default_init):
        whole = super()._first_values(self.whole_shape, init, ctx, default_init)
        return self.part_of(whole)

    def part_of(self, whole):
        """NDArray: this rank's part of an array of the whole."""
        length = whole.shape[self._axis]
        part = -(-length // self.parts_over.size)
        if self._length is None and part * self.parts_over.size != length:
            raise ValueError(
                f"parameter {self.name}: axis {self._axis} has length {length}, "
                f"must be a multiple of {self.parts_over.size} ranks"
            )
        begin = min(part * self.parts_over.rank, length)
        end = min(begin + part, length)
        own = ndarray.slice_axis(whole, axis=self._axis, begin=begin, end=end)
        if end - begin == part:
            return own.copy()
        shape = list(whole.shape)
        shape[self._axis] = part - (end - begin)
        padding = ndarray.zeros(tuple(shape), dtype=whole.dtype_name)
        return padding if begin == end else ndarray.concat(own, padding, dim=self._axis)

    def whole_of(self, part):
        """NDArray: that of which the ranks, which all call this, have such parts."""
        with autograd.pause():
            whole = gather_axis(part, self.parts_over, self._axis)
            if self._length is None:
                return whole
            return ndarray.slice_axis(whole, axis=self._axis, begin=0, end=self._length)

    def whole(self):
        """NDArray: the whole parameter, on all ranks, which all call this."""
        return self.whole_of(self.data())

    def _reduce(self):
        return self.whole().copyto(cpu())

    def _load_init(self, data, ctx, cast_dtype=False, dtype_source="current"):
        super()._load_init(self.part_of(data), ctx, cast_dtype, dtype_source)


def save_parameters(net, filename, comm):
    """Write the whole parameters of a network of which ranks hold parts; all ranks call it.

    Parameters
    ----------
    net : Block
    filename : str
        As for `Block.save_parameters`; rank 0 writes it, and the others wait for it.
    comm : Communicator

    Raises
    ------
    OSError
        On all ranks, if rank 0 cannot write.
    """
    params = net._collect_params_with_prefix()
    arrays = {name: param._reduce() for name, param in params.items()}
    failure = None
    if comm.rank == 0:
        try:
            save_arrays(filename, arrays)
        except OSError as error:
            failure = error
    failure = comm.broadcast_object(failure)
    if failure is not None:
        raise failure
