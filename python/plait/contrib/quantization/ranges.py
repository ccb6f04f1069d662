"""Ranges of the arrays of a graph, from batches of data."""

import numpy as np

from ... import autograd
from ...symbol import CachedGraph, Group

__all__ = ["Ranges", "divergence_threshold"]

_BINS = 2048
_FEW = 8  # values per bin: below, a histogram says little, and the whole range is kept


def divergence_threshold(counts, top, levels):
    """The bound of numbers that loses least when they are rounded to `levels` steps below it.

    The Kullback-Leibler divergence of the rounded distribution, with what lies beyond the bound at
    the bound, is least (Migacz, "8-bit inference with TensorRT", 2017).

    Parameters
    ----------
    counts : array of int
        How many absolute values lie in each of the equal bins of [0, top].
    top : float
    levels : int

    Returns
    -------
    float
    """
    best, bound = np.inf, top
    total = counts.sum()
    for stop in range(levels, len(counts) + 1, max(len(counts) // 256, 1)):
        p = counts[:stop].astype("float64")
        p[-1] += counts[stop:].sum()
        edges = np.arange(levels + 1) * stop // levels
        group = np.repeat(np.arange(levels), np.diff(edges))
        used = counts[:stop] > 0
        mass = np.bincount(group, counts[:stop], levels)
        places = np.maximum(np.bincount(group, used, levels), 1)
        q = np.where(used, (mass / places)[group], 0.0)
        if q.sum() == 0:
            continue
        p, q = p / total, q / q.sum()
        seen = p > 0
        loss = np.sum(p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-9)))
        if loss < best:
            best, bound = loss, top * stop / len(counts)
    return bound


class Ranges:
    """The least and the greatest number of arrays, by a key of the caller's.

    Parameters
    ----------
    mode : {'naive', 'entropy'}
    dtype : {'int8', 'uint8', 'auto'}
    """

    def __init__(self, mode, dtype):
        self._mode, self._signed = mode, dtype == "int8"
        self._found = {}

    def collect(self, watched, params, names, batches):
        """Run batches.

        Parameters
        ----------
        watched : dict of Symbol by key
        params : dict of NDArray by name
        names : list of str
            Variables of the batches' arrays.
        batches : list of list of NDArray
        """
        keys = list(watched)
        if not keys:
            return
        graph = CachedGraph(Group([watched[key] for key in keys]))
        order = graph.symbol.list_inputs()

        def runs():
            for batch in batches:
                given = {**params, **dict(zip(names, batch, strict=True))}
                with autograd.pause():
                    found = graph(*(given[name] for name in order))
                yield from zip(keys, (array.asnumpy() for array in found), strict=True)

        for key, values in runs():
            low, high = self._found.get(key, (np.inf, -np.inf))
            self._found[key] = min(low, float(values.min())), max(high, float(values.max()))
        if self._mode == "entropy":
            self._narrow(runs())

    def _narrow(self, runs):
        counts = {key: np.zeros(_BINS, "int64") for key in self._found}
        tops = {key: max(-low, high, 1e-12) for key, (low, high) in self._found.items()}
        for key, values in runs:
            places = np.abs(values.ravel()) * (_BINS / tops[key])
            places = np.minimum(places.astype("int64"), _BINS - 1)
            counts[key] += np.bincount(places, minlength=_BINS)
        for key, (low, high) in self._found.items():
            if counts[key].sum() < _FEW * _BINS:
                continue
            levels = 255 if self.dtype(key) == "uint8" else 127
            bound = divergence_threshold(counts[key], tops[key], levels)
            self._found[key] = max(low, -bound), min(high, bound)

    def dtype(self, key):
        """'uint8' where no number is negative, unless all are to be int8."""
        return "int8" if self._signed or self._found[key][0] < 0 else "uint8"

    def steps(self, key):
        """How many steps of the dtype are one unit."""
        low, high = self._found[key]
        top = max(-low, high)
        return (255.0 if self.dtype(key) == "uint8" else 127.0) / top if top > 0 else 1.0
