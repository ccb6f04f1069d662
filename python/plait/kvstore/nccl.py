"""The store of several GPUs in one process, which exchange data directly."""

from .. import _dist
from ..dist import group
from .local import LocalKVStore, _check_shapes, _pairs

__all__ = ["DeviceRanks", "NcclKVStore"]


class DeviceRanks:
    """Communicators with a rank for each of several GPUs.

    Parameters
    ----------
    user : str
        What errors begin with.

    Raises
    ------
    MXNetError
        If NCCL is not there: the message says what is missing.
    """

    def __init__(self, user):
        _dist.require_nccl()
        self._user = user
        self._ranks = {}

    def of(self, arrays):
        """List of Communicator: the rank of each array; they are on different GPUs."""
        key = tuple(a.context for a in arrays)
        if any(context.device_type != "gpu" for context in key) or len(set(key)) < len(key):
            raise ValueError(
                f"{self._user}: arrays are on {', '.join(map(str, key))}, must be on different "
                "gpus with 'nccl'"
            )
        if key not in self._ranks:
            self._ranks[key] = group(len(key))
        return self._ranks[key]

    def sum(self, arrays, name, priority=0):
        """Replace each of the arrays by the sum of all; returns at once."""
        for rank, array in zip(self.of(arrays), arrays, strict=True):
            rank.allreduce(array, name=name, priority=priority)

    def spread(self, arrays, name, priority=0):
        """Replace all arrays by the first; returns at once."""
        for rank, array in zip(self.of(arrays), arrays, strict=True):
            rank.broadcast(array, name=name, priority=priority)


class NcclKVStore(LocalKVStore):
    """Values by key on the GPUs of this process: sums and copies go through NCCL.

    Arrays of one key are dense and on different GPUs. Values live on the first GPU that a push
    names.

    Raises
    ------
    MXNetError
        If NCCL is not there: the message says what is missing.
    """

    def __init__(self, name="nccl"):
        super().__init__(name)
        self._ranks = DeviceRanks("kvstore")

    def _total(self, key, values, stored, priority):
        return self._summed(key, [v.copy() for v in values], priority)[0], True

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copy the stored value into each array of `out`, from GPU to GPU."""
        for k, outs in _pairs("pull", key, out):
            stored = self._stored("pull", k)
            _check_shapes("pull", k, outs, stored)
            _require_dense("pull", k, outs)
            stored.copyto(outs[0])
            self._ranks.spread(outs, str(k), priority)

    def pushpull(self, key, value, out=None, priority=0):
        """Sum `value` over its GPUs into `out`, or back into `value`; with an optimizer update."""
        if self._updater is not None:
            super().pushpull(key, value, out, priority)
            return
        outs = _pairs("pushpull", key, value if out is None else out)
        for (k, values), (_, targets) in zip(_pairs("pushpull", key, value), outs, strict=True):
            if [v.context for v in values] == [t.context for t in targets]:
                for v, t in zip(values, targets, strict=True):
                    if t is not v:
                        v.copyto(t)
                self._summed(k, targets, priority)
                continue
            self._total(k, values, None, priority)[0].copyto(targets[0])
            self._ranks.spread(targets, str(k), priority)

    def row_sparse_pull(self, key, out=None, priority=0, row_ids=None):
        """Refused: row-sparse arrays have no kernels on GPUs."""
        raise ValueError("kvstore.row_sparse_pull: type is 'nccl', must be 'local' or 'dist_sync'")

    def _summed(self, key, arrays, priority):
        _require_dense("push", key, arrays)
        self._ranks.sum(arrays, str(key), priority)
        return arrays


def _require_dense(method, key, arrays):
    if any(a._is_sparse for a in arrays):
        raise ValueError(f"kvstore.{method}: value of key {key!r} is sparse, must be dense")
