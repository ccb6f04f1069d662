"""Sums of gradients over ranks that go on while backward still computes."""

import os

__all__ = ["GradientExchange"]


class GradientExchange:
    """Allreduce of the gradients of one step, in buckets.

    Gradients are taken in the reverse order of their parameters, which is the order in which
    backward makes them. Small ones go together; from half a bucket on each goes alone. An
    allreduce depends on its gradients only, so the engine starts it while backward computes those
    of earlier layers. Those of the first layers, which the next forward pass needs first, have the
    highest priority.

    Parameters
    ----------
    comm : Communicator
    bucket_bytes : int, optional
        Default PLAIT_BUCKET_KB, 1024 KiB.
    """

    def __init__(self, comm, bucket_bytes=None):
        self._comm = comm
        self._bytes = bucket_bytes or int(os.environ.get("PLAIT_BUCKET_KB", "1024")) * 1024
        self._plan = {}

    def allreduce(self, names, gradients):
        """Replace each gradient by its sum over all ranks.

        Parameters
        ----------
        names : list of str
            Those of the parameters, for messages and the profile.
        gradients : list of NDArray
            In the order of forward. Returns at once, unless some are row-sparse: of these the
            rows that any rank has are added, one gradient after the other, when all others are on
            their way.
        """
        sparse = [i for i, gradient in enumerate(gradients) if gradient._is_sparse]
        if sparse:
            dense = [i for i, gradient in enumerate(gradients) if not gradient._is_sparse]
            self.allreduce([names[i] for i in dense], [gradients[i] for i in dense])
            for i in reversed(sparse):
                self._comm.allreduce(gradients[i], name=names[i], priority=-i)
            return
        key = tuple((g.shape, g.dtype_name) for g in gradients)
        plan = self._plan.get(key)
        if plan is None:
            plan = self._plan[key] = self._buckets(gradients)
        for bucket in plan:
            first = bucket[-1]  # the parameter that forward uses first
            name = (
                names[first] if len(bucket) == 1 else f"{names[first]} and {len(bucket) - 1} more"
            )
            parts = [gradients[i] for i in bucket]
            self._comm.allreduce_list(parts, name=name, priority=-first)

    def _buckets(self, gradients):
        """Lists of positions; the gradients of each have one dtype."""
        buckets, current, held = [], [], 0
        for i in reversed(range(len(gradients))):
            g = gradients[i]
            size = g.size * _ITEM_BYTES[g.dtype_name]
            if size >= self._bytes // 2:
                buckets.append([i])
                continue
            if current and (
                held + size > self._bytes or gradients[current[0]].dtype_name != g.dtype_name
            ):
                buckets.append(current)
                current, held = [], 0
            current.append(i)
            held += size
        if current:
            buckets.append(current)
        return buckets


_ITEM_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
