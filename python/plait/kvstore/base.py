"""What every key-value store offers, and the registry of stores."""

__all__ = ["KVStoreBase", "create"]

_registry = {}


class KVStoreBase:
    """Base of the stores; a store of another library registers itself by subclassing it.

    Examples
    --------
    >>> @mx.kvstore.KVStoreBase.register
    ... class MyStore(mx.kvstore.KVStoreBase):
    ...     ...
    >>> store = mx.kvstore.create("mystore")
    """

    OPTIMIZER = "optimizer"

    @staticmethod
    def register(klass):
        """Make a store known by the name of its class in lower case; returns the class."""
        _registry[klass.__name__.lower()] = klass
        return klass

    @staticmethod
    def is_capable(capability):
        """True if the store can do what `capability` names, such as "optimizer"."""
        raise NotImplementedError

    def broadcast(self, key, value, out, priority=0):
        """Store `value` under a new key and copy it into `out` everywhere."""
        raise NotImplementedError

    def pushpull(self, key, value, out=None, priority=0):
        """Sum `value` over all devices and workers into `out`, or back into `value`."""
        raise NotImplementedError

    @property
    def type(self):
        """str: name by which the store was made."""
        raise NotImplementedError

    @property
    def rank(self):
        """int: number of this worker, from 0."""
        raise NotImplementedError

    @property
    def num_workers(self):
        """int: number of workers."""
        raise NotImplementedError


def create(name="local"):
    """A new key-value store.

    Parameters
    ----------
    name : str
        "local" or "device": copies on the devices of this process. Names of registered stores.

    Raises
    ------
    TypeError
        If `name` is no str.
    NotImplementedError
        For stores of several processes ("dist_sync", ...), which this version does not have.
    ValueError
        For an unknown name.
    """
    from .local import LocalKVStore

    if not isinstance(name, str):
        raise TypeError(f"kvstore: name is {name!r}, must be a str")
    key = name.lower()
    if key in _registry:
        return _registry[key]()
    if key in ("local", "device", "local_update_cpu", "local_allreduce_cpu"):
        return LocalKVStore(key)
    if key.startswith(("dist", "nccl", "horovod", "byteps")):
        raise NotImplementedError(f"kvstore: name is {name!r}; this version has one process only")
    names = ["local", "device", *sorted(_registry)]
    raise ValueError(f"kvstore: name is {name!r}, must be one of {names}")
