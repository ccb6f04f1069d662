"""The store of one process: sums over the copies on its devices."""

import pickle

from .. import optimizer as opt
from ..files import replacing
from ..ndarray import NDArray, add_n
from ..ndarray._storage import rows_of
from .base import KVStoreBase

__all__ = ["LocalKVStore"]


class LocalKVStore(KVStoreBase):
    """Values by key (int or str), with sums over devices and, if asked for, updates in the store.

    Every method takes one key or a list of keys; for each key one array or a list with one
    array for each device.

    Examples
    --------
    >>> kv = mx.kv.create("local")
    >>> kv.init(3, mx.nd.ones((2, 3)))
    >>> out = mx.nd.zeros((2, 3))
    >>> kv.push(3, [mx.nd.ones((2, 3)), mx.nd.ones((2, 3))])
    >>> kv.pull(3, out=out)  # each element is 2
    """

    def __init__(self, name):
        self._type = name
        self._values = {}
        self._updater = None

    @staticmethod
    def is_capable(capability):
        """True for "optimizer": the store can apply updates."""
        return capability.lower() == KVStoreBase.OPTIMIZER

    @property
    def type(self):
        """str: "local" or "device"."""
        return self._type

    @property
    def rank(self):
        """int: 0."""
        return 0

    @property
    def num_workers(self):
        """int: 1."""
        return 1

    def barrier(self):
        """Wait for all workers: there is one."""

    def init(self, key, value):
        """Store a copy of `value` under a new key.

        Raises
        ------
        ValueError
            If the key exists.
        """
        for k, values in _pairs("init", key, value):
            if k in self._values:
                raise ValueError(f"kvstore.init: key is {k!r}, must be a new one")
            self._values[k] = values[0].copy()

    def push(self, key, value, priority=0):
        """Sum `value` over its devices; the sum replaces the stored value or updates it."""
        for k, values in _pairs("push", key, value):
            stored = self._stored("push", k)
            _check_shapes("push", k, values, stored)
            total, is_new = self._total(k, values, stored, priority)
            if self._updater is None:
                self._values[k] = total.astype(stored.dtype, copy=not is_new)
            else:
                stored = self._values[k] = stored.as_in_context(total.context)
                self._updater(k, total, stored)

    def _total(self, key, values, stored, priority):
        """(sum of arrays, whether it is an array of its own)."""
        return _sum(values, stored.context), len(values) > 1

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copy the stored value into each array of `out`."""
        for k, outs in _pairs("pull", key, out):
            stored = self._stored("pull", k)
            _check_shapes("pull", k, outs, stored)
            for target in outs:
                stored.copyto(target)

    def row_sparse_pull(self, key, out=None, priority=0, row_ids=None):
        """Copy the rows of the stored value that `row_ids` names into row-sparse arrays.

        Parameters
        ----------
        key : str, int or list of them
        out : RowSparseNDArray or list of them
        row_ids : NDArray or list of NDArray
            Numbers of rows, for each array of `out` or for all of them.
        """
        keys = key if isinstance(key, list) else [key]
        ids = row_ids if isinstance(row_ids, list) else [row_ids] * len(keys)
        for (k, outs), rows in zip(_pairs("row_sparse_pull", key, out), ids, strict=True):
            stored = self._stored("row_sparse_pull", k)
            _check_shapes("row_sparse_pull", k, outs, stored)
            for target in outs:
                target[:] = rows_of(stored, rows)

    def pushpull(self, key, value, out=None, priority=0):
        """Push `value`, then pull into `out`, or back into `value` if there is none."""
        self.push(key, value, priority)
        self.pull(key, value if out is None else out, priority)

    def broadcast(self, key, value, out, priority=0):
        """Store `value`, in place of what the key had, and copy it into `out`."""
        for k, _ in _pairs("broadcast", key, value):
            self._values.pop(k, None)
        self.init(key, value)
        self.pull(key, out, priority)

    def set_optimizer(self, optimizer):
        """From now on each push is a gradient: `optimizer` updates the stored value with it."""
        if not isinstance(optimizer, opt.Optimizer):
            raise TypeError(
                f"kvstore.set_optimizer: optimizer is {optimizer!r}, must be an Optimizer"
            )
        self._updater = opt.get_updater(optimizer)

    @property
    def updater(self):
        """Updater or function: what a push calls, or None."""
        return self._updater

    @property
    def optimizer(self):
        """Optimizer: what `set_optimizer` got, or None."""
        return getattr(self._updater, "optimizer", None)

    def set_updater(self, updater):
        """From now on each push calls `updater(key, pushed, stored)`, which changes `stored`."""
        self._updater = updater

    _set_updater = set_updater  # the name in MXNet's tutorials

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Write the states of the optimizer to a file, under a temporary name until complete."""
        states = self._optimizer_of("save_optimizer_states").get_states(dump_optimizer)
        with replacing(fname) as partial, open(partial, "wb") as file:
            file.write(states)

    def load_optimizer_states(self, fname):
        """Read what `save_optimizer_states` wrote; read only files that you trust (pickles)."""
        updater = self._optimizer_of("load_optimizer_states")
        with open(fname, "rb") as file:
            states = file.read()
        _set_states(updater, states, fname)

    def _optimizer_of(self, method):
        if not isinstance(self._updater, opt.Updater):
            raise ValueError(f"kvstore.{method}: the store has no optimizer, call set_optimizer")
        return self._updater

    def _stored(self, method, key):
        try:
            return self._values[key]
        except KeyError:
            raise KeyError(f"kvstore.{method}: key is {key!r}, must be one given to init") from None


def _set_states(updater, states, fname):
    try:
        updater.set_states(states)
    except (pickle.UnpicklingError, EOFError) as e:
        raise OSError(f"kvstore.load_optimizer_states: {fname!r} is corrupt: {e}") from e


def _pairs(method, key, value):
    """(key, list of its arrays) for one key or for a list of keys."""
    if isinstance(key, (str, int)):
        key, value = [key], [value]
    if not isinstance(value, (list, tuple)) or len(value) != len(key):
        raise ValueError(f"kvstore.{method}: got {len(key)} keys, must be as many values")
    pairs = []
    for k, v in zip(key, value, strict=True):
        arrays = list(v) if isinstance(v, (list, tuple)) else [v]
        if not arrays or not all(isinstance(a, NDArray) for a in arrays):
            raise TypeError(
                f"kvstore.{method}: value of key {k!r} must be an NDArray or a list of them"
            )
        pairs.append((k, arrays))
    return pairs


def _check_shapes(method, key, arrays, stored):
    for a in arrays:
        if a.shape != stored.shape:
            raise ValueError(
                f"kvstore.{method}: value of key {key!r} has shape {a.shape}, "
                f"must be {stored.shape}"
            )


def _sum(arrays, ctx):
    arrays = [a.as_in_context(ctx) for a in arrays]
    return arrays[0] if len(arrays) == 1 else add_n(*arrays)
