"""The store whose ranks serve each other: each push is applied as it comes."""

import atexit
import threading
import zlib

import numpy as np

from .. import _sparse, dist, ndarray
from ..ndarray._storage import dense, into, is_sparse, parts, wrap
from .dist import DistKVStore
from .local import _check_shapes, _pairs, _sum

__all__ = ["AsyncKVStore"]

_PUSH, _PULL, _STOP = 0, 1, 2
_ALL = -1  # rows of a dense array
_REQUESTS, _ANSWERS = 100, 101  # channels


class AsyncKVStore(DistKVStore):
    """Values by key, each kept by one of the ranks: "dist_async".

    The rank that a key falls to applies every push to it at once, in the order in which they
    arrive, without waiting for the others; a pull gets what it has at that moment. `init`,
    `set_optimizer` and `barrier` are called by all ranks together, the other methods by any rank
    at any time. Without an optimizer a push replaces the value.

    The values are dense. Of row-sparse arrays that are pushed only the stored rows are sent, and
    `row_sparse_pull` asks for some rows of a value.
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
        pairs = [(k, dense(values[0])) for k, values in _pairs("init", key, value)]
        with self._lock:
            super().init([k for k, _ in pairs], [value for _, value in pairs])
        for k, value in pairs:
            self._numbers[k] = len(self._names)
            self._names.append((k, value.shape, value.dtype_name))
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
                (parts(total)[0] if is_sparse(total) else total).wait_to_read()
                self._apply(k, total)
                continue
            sent = reversed(parts(total)) if is_sparse(total) else [total]
            rows = parts(total)[1].size if is_sparse(total) else _ALL
            self._comm.send(self._request(_PUSH, k, rows), owner, _REQUESTS, priority=priority)
            for part in sent:
                self._comm.send(part, owner, _REQUESTS, priority=priority, name=str(k))

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copy the value that the key has now into each array of `out`."""
        for k, outs in _pairs("pull", key, out):
            stored = self._stored("pull", k)
            _check_shapes("pull", k, outs, stored)
            current = self._fetched(k, None, priority)
            for target in outs:
                into(target, current)

    def row_sparse_pull(self, key, out=None, priority=0, row_ids=None):
        """Copy rows that the key has now into row-sparse arrays, as `KVStore.row_sparse_pull`."""
        keys = key if isinstance(key, list) else [key]
        ids = row_ids if isinstance(row_ids, list) else [row_ids] * len(keys)
        for (k, outs), rows in zip(_pairs("row_sparse_pull", key, out), ids, strict=True):
            stored = self._stored("row_sparse_pull", k)
            _check_shapes("row_sparse_pull", k, outs, stored)
            numbers = ndarray.array(np.unique(rows.asnumpy().astype(np.int64)), dtype="int64")
            values = self._fetched(k, numbers, priority)
            current = wrap(_sparse.new(_sparse.ROW_SPARSE, stored.shape, (values, numbers)))
            for target in outs:
                into(target, current)

    def _fetched(self, key, numbers, priority):
        """What the owner of the key has now: all of it, or the rows of these numbers."""
        owner = self._owner(key)
        if owner == self.rank:
            return self._current(key, numbers)
        _, shape, dtype = self._names[self._numbers[key]]
        if numbers is not None:
            shape = (numbers.size, *shape[1:])
        rows = _ALL if numbers is None else numbers.size
        current = ndarray.empty(shape, dtype=dtype)
        self._comm.send(self._request(_PULL, key, rows), owner, _REQUESTS, priority=priority)
        if numbers is not None:
            self._comm.send(numbers, owner, _REQUESTS, priority=priority)
        self._comm.receive(current, owner, _ANSWERS, priority=priority, name=str(key))
        return current

    def _current(self, key, numbers):
        with self._lock:
            value = self._values[key]
            return value.copy() if numbers is None else value.take(numbers)

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
                self._comm.send(ndarray.array([_STOP, 0, _ALL], dtype="int64"), peer, _REQUESTS)
        for server in self._servers:
            server.join()
        ndarray.waitall()

    def _owner(self, key):
        return zlib.crc32(str(key).encode()) % self._comm.size

    def _request(self, kind, key, rows):
        return ndarray.array([kind, self._numbers[key], rows], dtype="int64")

    def _apply(self, key, pushed):
        with self._lock:
            if self._updater is not None:
                self._updater(key, pushed, self._values[key])
            else:
                self._values[key] = dense(pushed)

    def _serve(self, peer):
        """Answer one rank until it says that it ends."""
        try:
            self._answer(peer)
        except Exception as error:
            self._comm.abort(f"dist_async: serving rank {peer}: {error}")
            raise

    def _answer(self, peer):
        request = ndarray.empty((3,), dtype="int64")
        while True:
            self._receive(request, peer, "request")
            kind, number, rows = (int(x) for x in request.asnumpy())
            if kind == _STOP:
                return
            key, shape, dtype = self._names[number]
            numbers = None
            if rows != _ALL:
                numbers = ndarray.empty((rows,), dtype="int64")
                self._receive(numbers, peer, f"{key} rows")
            if kind == _PULL:
                self._comm.send(self._current(key, numbers), peer, _ANSWERS, name=str(key))
                continue
            pushed = ndarray.empty(shape if numbers is None else (rows, *shape[1:]), dtype=dtype)
            self._receive(pushed, peer, str(key))
            if numbers is not None:
                pushed = wrap(_sparse.new(_sparse.ROW_SPARSE, shape, (pushed, numbers)))
            self._apply(key, pushed)

    def _receive(self, array, peer, name):
        # Others go on meanwhile: what this rank pushes may depend on what they pull.
        self._comm.receive(array, peer, _REQUESTS, name=name, wait=True, no_limit=True)
