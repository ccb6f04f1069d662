"""Gradients in fewer bits: what is left out is added to the next gradient."""

import math

from .. import ndarray

__all__ = ["compressor"]


def compressor(params, comm):
    """A way to sum gradients over ranks that sends less.

    Parameters
    ----------
    params : dict
        type : {"2bit", "1bit", "fp16", "topk"}
            "2bit": each element is sent as `threshold`, -`threshold` or 0 (Strom, 2015);
            "1bit": as 1 if it is above `threshold`, else -1, the mean size of the positive or
            negative ones as scale (Seide, Fu, Droppo, Li, Yu, 2014); "fp16" ("float16"): as
            float16, without residual; "topk": only the `ratio` largest (Aji, Heafield, 2017).
        threshold : float, optional
            Default 0.5 for "2bit", where it must be > 0, and 0 for "1bit".
        ratio : float, optional
            For "topk", in (0, 1]; default 0.01.
    comm : Communicator

    Raises
    ------
    ValueError
        For other types, names and values.
    """
    params = dict(params)
    kind = params.pop("type", None)
    if kind not in _KINDS:
        raise ValueError(f"compression: type is {kind!r}, must be one of {list(_KINDS)}")
    try:
        return _KINDS[kind](comm, **{name: float(value) for name, value in params.items()})
    except TypeError:
        raise ValueError(f"compression: {kind!r} does not take all of {sorted(params)}") from None


class _Half:
    """Sends float16."""

    def __init__(self, comm):
        self._comm = comm

    def allreduce(self, key, gradient, priority):
        half = gradient.astype("float16")
        self._comm.allreduce(half, priority=priority, name=str(key))
        return half.astype(gradient.dtype_name)


class _WithResidual:
    """Keeps what was not sent, by key."""

    def __init__(self, comm):
        self._comm = comm
        self._residuals = {}

    def _pending(self, key, gradient):
        """The gradient, flat, with what was left out before."""
        flat = gradient.reshape((-1,))
        before = self._residuals.get(key)
        return flat if before is None else flat + before

    def _sum_decoded(self, packed, decode, priority, key):
        """Sum over ranks of decode(what the rank sent)."""
        parts = self._comm.allgather(packed.reshape((1, -1)), priority=priority, name=str(key))
        return sum(decode(parts[rank]) for rank in range(self._comm.size))


class _TwoBits(_WithResidual):
    def __init__(self, comm, threshold=0.5):
        super().__init__(comm)
        if not threshold > 0:
            raise ValueError(f"compression: threshold is {threshold}, must be > 0")
        self._threshold = threshold

    def allreduce(self, key, gradient, priority):
        t = self._threshold
        pending = self._pending(key, gradient)
        up, down = pending >= t, pending <= -t
        self._residuals[key] = pending - (up - down) * t
        packed = _pack(up + 2 * down, 2)
        total = self._sum_decoded(packed, lambda p: self._decode(p, pending), priority, key)
        return total.reshape(gradient.shape)

    def _decode(self, packed, like):
        codes = _unpack(packed, 2, like)
        return ((codes == 1) - (codes == 2)) * self._threshold


class _OneBit(_WithResidual):
    def __init__(self, comm, threshold=0.0):
        super().__init__(comm)
        self._threshold = threshold

    def allreduce(self, key, gradient, priority):
        pending = self._pending(key, gradient)
        up = pending > self._threshold
        down = 1 - up
        # One scale for each sign: the mean of the elements that it stands for.
        scales = [
            (pending * side).sum() / ndarray.clip(side.sum(), 1.0, pending.size)
            for side in (up, down)
        ]
        self._residuals[key] = pending - up * scales[0] - down * scales[1]
        scale = self._comm.allgather(
            ndarray.concat(*[s.reshape((1, 1)) for s in scales], dim=1),
            priority=priority,
            name=f"{key} scale",
        )
        parts = self._comm.allgather(
            _pack(up, 1).reshape((1, -1)), priority=priority, name=str(key)
        )
        total = 0
        for rank in range(self._comm.size):
            codes = _unpack(parts[rank], 1, pending)
            total = total + codes * scale[rank, 0] + (1 - codes) * scale[rank, 1]
        return total.reshape(gradient.shape)


class _TopK(_WithResidual):
    def __init__(self, comm, ratio=0.01):
        super().__init__(comm)
        if not 0 < ratio <= 1:
            raise ValueError(f"compression: ratio is {ratio}, must be in (0, 1]")
        self._ratio = ratio

    def allreduce(self, key, gradient, priority):
        pending = self._pending(key, gradient)
        count = max(1, math.ceil(self._ratio * pending.size))
        where = ndarray.topk(ndarray.abs(pending), k=count, ret_typ="indices", dtype="int32")
        values = ndarray.take(pending, where)
        self._residuals[key] = pending - _scattered(values, where, pending.size)
        where = self._comm.allgather(where, priority=priority, name=f"{key} indices")
        values = self._comm.allgather(values, priority=priority, name=str(key))
        total = 0
        for rank in range(self._comm.size):  # one by one: indices of different ranks may be equal
            part = slice(rank * count, (rank + 1) * count)
            total = total + _scattered(values[part], where[part], pending.size)
        return total.reshape(gradient.shape)


def _scattered(values, where, size):
    return ndarray.scatter_nd(values, where.reshape((1, -1)), (size,))


def _pack(codes, bits):
    """Codes below 2**bits, many to a byte."""
    per_byte = 8 // bits
    missing = -codes.size % per_byte
    if missing:
        codes = ndarray.concat(codes, ndarray.zeros((missing,), dtype=codes.dtype_name), dim=0)
    columns = codes.astype("float32").reshape((-1, per_byte))
    weights = ndarray.array([2.0 ** (bits * i) for i in range(per_byte)])
    return ndarray.dot(columns, weights).astype("uint8")


def _unpack(packed, bits, like):
    """What `_pack` had, in the dtype and length of `like`."""
    per_byte = 8 // bits
    left = packed.astype("float32").reshape((-1, 1))
    columns = []
    for _ in range(per_byte):
        rest = ndarray.floor(left / 2**bits)
        columns.append(left - rest * 2**bits)
        left = rest
    flat = ndarray.concat(*columns, dim=1).reshape((-1,))
    return flat[: like.size].astype(like.dtype_name)


_KINDS = {"2bit": _TwoBits, "1bit": _OneBit, "fp16": _Half, "float16": _Half, "topk": _TopK}
