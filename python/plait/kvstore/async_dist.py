"""The store whose ranks serve each other: each push is applied as it comes."""

import atexit
import threading
import zlib

from .. import dist, ndarray
from .dist import DistKVStore
from .local import _check_shapes, _pairs, _sum

__all__ = ["AsyncKVStore"]

_PUSH, _PULL, _STOP = 0, 1, 2
_REQUESTS, _ANSWERS = 100, 101  # channels


class AsyncKVStore(DistKVStore):
    """Values by key, each kept by one of the ranks: "dist_async".

    The rank that a key falls to applies every push to it at once, in the order in which they
    arrive, without waiting for the others; a pull gets what it has at that moment. `init`,
    `set_optimizer` and `barrier` are called by all ranks together, the other methods by any rank
    at any time. Without an optimizer a push replaces the value.
    """

    def __init__(self, name, comm=None):
        whole = dist.world() if comm is None else comm
        super().__init__(name, whole.split(0, whole.rank))
        self._names, self._numbers = [], {}
        self._lock = threading.Lock()
        self._stopped = False
        self._servers = []
        for peer in range(self._comm.size):
            if peer != self.rank:
                server = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                server.start()
                self._servers.append(server)
        atexit.register(self.close)

    def init(self, key, value):
        """Store the value that rank 0 has under a new key."""
        with self._lock:
            super().init(key, value)
        for k, values in _pairs("init", key, value):
            self._numbers[k] = len(self._names)
            self._names.append((k, values[0].shape, values[0].dtype_name))
        ndarray.waitall()
        self.barrier()  # before anybody asks for it

    def push(self, key, value, priority=0):
        """Send the sum over this rank's devices to the rank that has the key."""
        for k, values in _pairs("push", key, value):
            stored = self._stored("push", k)
            _check_shapes("push", k, values, stored)
            total = _sum(values, stored.context).astype(stored.dtype, copy=len(values) == 1)
            owner = self._owner(k)
            if owner == self.rank:
                # What this rank computes may depend on what others serve, and they on this key.
                total.wait_to_read()
                self._apply(k, total)
                continue
            self._comm.send(self._request(_PUSH, k), owner, _REQUESTS, priority=priority)
            self._comm.send(total, owner, _REQUESTS, priority=priority, name=str(k))

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copy the value that the key has now into each array of `out`."""
        for k, outs in _pairs("pull", key, out):
            stored = self._stored("pull", k)
            _check_shapes("pull", k, outs, stored)
            owner = self._owner(k)
            if owner == self.rank:
                with self._lock:
                    current = self._values[k].copy()
            else:
                current = ndarray.empty(stored.shape, dtype=stored.dtype_name)
                self._comm.send(self._request(_PULL, k), owner, _REQUESTS, priority=priority)
                self._comm.receive(current, owner, _ANSWERS, priority=priority, name=str(k))
            for target in outs:
                current.copyto(target)

    def pushpull(self, key, value, out=None, priority=0):
        """Push `value`, then pull into `out`, or back into `value` if there is none."""
        self.push(key, value, priority)
        self.pull(key, value if out is None else out, priority)

    def set_optimizer(self, optimizer):
        """From now on each push is a gradient; all ranks take the optimizer that rank 0 gives."""
        with self._lock:
            super().set_optimizer(optimizer)
        self.barrier()

    def set_gradient_compression(self, compression_params):
        """Not for this store, whose pushes do not go through sums over ranks."""
        raise ValueError(
            "kvstore: compression is for 'dist_sync', must not be used with dist_async"
        )

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Write the states of all keys, gathered from their ranks, to a file on rank 0."""
        own = self._optimizer_of("save_optimizer_states")
        with self._lock:
            mine = {k: s for k, s in own.states.items() if self._owner(k) == self.rank}
        for rank in range(self._comm.size):
            theirs = self._comm.broadcast_object(mine if rank == self.rank else None, rank)
            with self._lock:
                own.states.update(theirs)
        super().save_optimizer_states(fname, dump_optimizer)

    def close(self):
        """End the servers; all ranks call it after their last push and pull."""
        if self._stopped:
            return
        self._stopped = True
        ndarray.waitall()
        for peer in range(self._comm.size):
            if peer != self.rank:
                self._comm.send(ndarray.array([_STOP, 0], dtype="int64"), peer, _REQUESTS)
        for server in self._servers:
            server.join()
        ndarray.waitall()

    def _owner(self, key):
        return zlib.crc32(str(key).encode()) % self._comm.size

    def _request(self, kind, key):
        return ndarray.array([kind, self._numbers[key]], dtype="int64")

    def _apply(self, key, pushed):
        with self._lock:
            if self._updater is not None:
                self._updater(key, pushed, self._values[key])
            else:
                self._values[key] = pushed

    def _serve(self, peer):
        """Answer one rank until it says that it ends."""
        try:
            self._answer(peer)
        except Exception as error:
            self._comm.abort(f"dist_async: serving rank {peer}: {error}")
            raise

    def _answer(self, peer):
        request = ndarray.empty((2,), dtype="int64")
        while True:
            self._comm.receive(request, peer, _REQUESTS, wait=True, no_limit=True)
            kind, number = (int(x) for x in request.asnumpy())
            if kind == _STOP:
                return
            key, shape, dtype = self._names[number]
            if kind == _PUSH:
                pushed = ndarray.empty(shape, dtype=dtype)
                # Others go on meanwhile: what this one pushes may depend on what they pull.
                self._comm.receive(pushed, peer, _REQUESTS, name=str(key), wait=True, no_limit=True)
                self._apply(key, pushed)
            else:
                with self._lock:
                    current = self._values[key].copy()
                self._comm.send(current, peer, _ANSWERS, name=str(key))
