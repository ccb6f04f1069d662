"""What every key-value store offers, and the registry of stores."""

__all__ = ["KVStoreBase", "create"]

_registry = {}
_LOCAL = (
    "local",
    "device",
    "local_update_cpu",
    "local_allreduce_cpu",
    "local_allreduce_device",
)
_SUMMED = ("dist_sync", "dist_device_sync", "dist_sync_device", "dist", "horovod")
_SERVED = ("dist_async", "dist_async_device")


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
        """Store the `value` of rank 0 under a key and copy it into `out` everywhere."""
        raise NotImplementedError

    def pushpull(self, key, value, out=None, priority=0):
        """Sum `value` over all devices and workers into `out`, or back into `value`."""
        raise NotImplementedError

    def set_optimizer(self, optimizer):
        """From now on each push is a gradient with which `optimizer` updates the value."""
        raise NotImplementedError

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Write the states of the optimizer to a file."""
        raise NotImplementedError

    def load_optimizer_states(self, fname):
        """Read what `save_optimizer_states` wrote."""
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
        "local" or "device": copies on the devices of this process. "nccl": the same on GPUs that
        exchange data directly. "dist_sync", "dist_device_sync", "dist" or "horovod": all processes
        that MPI started, by allreduce. "dist_async": the same, with ranks that serve keys. Names of
        registered stores.

    Raises
    ------
    TypeError
        If `name` is no str.
    ValueError
        For an unknown name.
    MXNetError
        For "nccl" without NCCL: see `plait.runtime.Features`.
    """
    from .async_dist import AsyncKVStore
    from .dist import DistKVStore
    from .local import LocalKVStore
    from .nccl import NcclKVStore

    if not isinstance(name, str):
        raise TypeError(f"kvstore: name is {name!r}, must be a str")
    key = name.lower()
    if key in _registry:
        return _registry[key]()
    if key in _LOCAL:
        return LocalKVStore(key)
    if key == "nccl":
        return NcclKVStore()
    if key in _SUMMED:
        return DistKVStore(key)
    if key in _SERVED:
        return AsyncKVStore(key)
    names = [*_LOCAL, "nccl", *_SUMMED, *_SERVED, *sorted(_registry)]
    raise ValueError(f"kvstore: name is {name!r}, must be one of {names}")
