"""What a module does with a key-value store."""

from .. import kvstore as kvs

__all__ = ["ModuleStore"]

_IN_PROCESS = (None, "local", "device", "nccl")


class ModuleStore:
    """A store that sums the gradients of a module, by name of the parameter.

    Parameters
    ----------
    store : KVStoreBase
        Applies the optimizer if it can, else the module does.
    """

    def __init__(self, store):
        self.store = store
        self.updates = store.is_capable("optimizer")
        self._known = set()

    @classmethod
    def of(cls, kvstore, devices):
        """The store that a program names, or None where a module on so many devices needs none."""
        is_nccl = kvstore == "nccl" and devices > 1
        if kvstore is None or isinstance(kvstore, str) and kvstore in _IN_PROCESS and not is_nccl:
            return None
        store = kvs.create(kvstore) if isinstance(kvstore, str) else kvstore
        if not isinstance(store, kvs.KVStoreBase):
            raise TypeError(f"Module: kvstore is {kvstore!r}, must be a str, a KVStore or None")
        return cls(store)

    @property
    def workers(self):
        """int: processes whose gradients one update sums."""
        return 1 if isinstance(self.store, kvs.AsyncKVStore) else self.store.num_workers

    def set_optimizer(self, optimizer):
        """The optimizer to use: with several processes that of rank 0."""
        if not self.updates:
            return optimizer
        self.store.set_optimizer(optimizer)
        return self.store.optimizer

    def share(self, name, weights):
        """Store a parameter once; all processes get what rank 0 has."""
        if name not in self._known:
            self._known.add(name)
            self.store.broadcast(name, weights[0], weights)

    def forget(self):
        """Take the parameters again before the next update."""
        self._known.clear()

    def exchange(self, name, grads, weights):
        """Sum the gradients: into themselves, or into an update of the weights."""
        if self.updates:
            self.store.push(name, grads)
            self.store.pull(name, weights)
        else:
            self.store.pushpull(name, grads)
