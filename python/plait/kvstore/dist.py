"""The store of several processes: every rank holds the values, sums go through allreduce."""

from .. import dist
from .. import optimizer as opt
from .base import KVStoreBase
from .compression import compressor
from .local import LocalKVStore, _check_shapes, _pairs, _set_states, _sum

__all__ = ["DistKVStore"]


class DistKVStore(LocalKVStore):
    """Values by key on all ranks: "dist_sync", "dist_device_sync", "horovod" and their like.

    There are no servers: a push sums over the devices of this rank and then, by allreduce, over
    all ranks; with an optimizer each rank makes the same update to its own copy, so that the
    copies stay equal bit by bit. All ranks call the same methods in the same order.

    Parameters
    ----------
    name : str
        What `type` gives.
    comm : Communicator, optional
        The ranks; by default all that were started together.

    Examples
    --------
    >>> kv = mx.kv.create("dist_sync")  # in each process that mpirun started
    >>> kv.init(3, mx.nd.zeros((2,)))
    >>> kv.push(3, mx.nd.ones((2,)))
    >>> kv.pull(3, out=out)  # kv.num_workers everywhere
    """

    def __init__(self, name, comm=None):
        super().__init__(name)
        self._comm = dist.world() if comm is None else comm
        self._compressor = None

    @staticmethod
    def is_capable(capability):
        """True for "optimizer": the store can apply updates."""
        return capability.lower() == KVStoreBase.OPTIMIZER

    @property
    def comm(self):
        """Communicator: the ranks."""
        return self._comm

    @property
    def rank(self):
        """int: number of this rank, from 0."""
        return self._comm.rank

    @property
    def num_workers(self):
        """int: number of ranks."""
        return self._comm.size

    def barrier(self):
        """Wait until all ranks have called it."""
        self._comm.barrier()

    _barrier = barrier

    def init(self, key, value):
        """Store the value that rank 0 has under a new key."""
        super().init(key, value)
        for k, _ in _pairs("init", key, value):
            self._comm.broadcast(self._values[k], name=str(k))

    def push(self, key, value, priority=0):
        """Sum `value` over devices and ranks; the sum replaces the stored value or updates it."""
        for k, values in _pairs("push", key, value):
            stored = self._stored("push", k)
            _check_shapes("push", k, values, stored)
            total = self._summed(k, values, stored, priority)
            if self._updater is None:
                self._values[k] = total.astype(stored.dtype, copy=False)
            else:
                self._updater(k, total, stored)

    def pushpull(self, key, value, out=None, priority=0):
        """Sum `value` over devices and ranks into `out`, or back into `value`.

        Needs no `init` of the key. With an optimizer the sum updates the stored value, which is
        then what `out` gets.
        """
        if self._updater is not None:
            super().pushpull(key, value, out, priority)
            return
        outs = _pairs("pushpull", key, value if out is None else out)
        for (k, values), (_, targets) in zip(_pairs("pushpull", key, value), outs, strict=True):
            if len(values) == 1 == len(targets) and self._compressor is None:
                if targets[0] is not values[0]:
                    values[0].copyto(targets[0])
                self._comm.allreduce(targets[0], priority=priority, name=str(k))
                continue
            total = self._summed(k, values, values[0], priority)
            for target in targets:
                total.copyto(target)

    def set_optimizer(self, optimizer):
        """From now on each push is a gradient; all ranks take the optimizer that rank 0 gives."""
        if not isinstance(optimizer, opt.Optimizer):
            raise TypeError(
                f"kvstore.set_optimizer: optimizer is {optimizer!r}, must be an Optimizer"
            )
        if self.rank == 0:
            self._comm.broadcast_object(optimizer)
        else:
            optimizer = self._comm.broadcast_object()
        self._updater = opt.get_updater(optimizer)

    def set_gradient_compression(self, compression_params):
        """Send less: see `plait.kvstore.compression.compressor` for what there is.

        Row-sparse arrays are sent as they are.
        """
        self._compressor = compressor(compression_params, self._comm)

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Write the states to a file on rank 0; the others, which have the same, wait for it."""
        updater = self._optimizer_of("save_optimizer_states")
        self._comm.write_once(fname, updater.get_states(dump_optimizer))

    def load_optimizer_states(self, fname):
        """Read what `save_optimizer_states` wrote, on rank 0, for all; read only trusted files."""
        updater = self._optimizer_of("load_optimizer_states")
        _set_states(updater, self._comm.read_once(fname), fname)

    def _summed(self, key, values, stored, priority):
        """A new array with the sum over devices and ranks."""
        total = _sum(values, stored.context)
        if self._compressor is not None and not total._is_sparse:
            return self._compressor.allreduce(key, total, priority)
        if len(values) == 1:
            total = total.copy()  # what is pushed stays the caller's
        self._comm.allreduce(total, priority=priority, name=str(key))
        return total
