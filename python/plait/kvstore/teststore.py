"""A store for tests of programs that take stores of other libraries."""

from ..ndarray._storage import into
from .base import KVStoreBase
from .local import _pairs, _sum

__all__ = ["TestStore"]


@KVStoreBase.register
class TestStore(KVStoreBase):
    """Sums over the devices of this process and keeps nothing: "teststore".

    The least that `Trainer` needs of a store that it does not know: `broadcast` and `pushpull`.

    Examples
    --------
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", kvstore="teststore")
    """

    @staticmethod
    def is_capable(capability):
        """False for "optimizer": the trainer updates.

        Raises
        ------
        ValueError
            For other capabilities.
        """
        if capability.lower() != KVStoreBase.OPTIMIZER:
            raise ValueError(f"teststore: capability is {capability!r}, must be 'optimizer'")
        return False

    def broadcast(self, key, value, out, priority=0):
        """Copy `value` into each array of `out`."""
        for (_, values), (_, outs) in zip(
            _pairs("broadcast", key, value), _pairs("broadcast", key, out), strict=True
        ):
            for target in outs:
                into(target, values[0])

    def pushpull(self, key, value, out=None, priority=0):
        """Sum `value` over its devices into `out`, or back into `value`."""
        outs = _pairs("pushpull", key, value if out is None else out)
        for (_, values), (_, targets) in zip(_pairs("pushpull", key, value), outs, strict=True):
            total = _sum(values, values[0].context)
            for target in targets:
                if target is not total:
                    into(target, total.as_in_context(target.context))

    @property
    def type(self):
        """str: "teststore"."""
        return "teststore"

    @property
    def rank(self):
        """int: 0."""
        return 0

    @property
    def num_workers(self):
        """int: 1."""
        return 1
