"""Orders in which samples are visited."""

import numpy as np

__all__ = [
    "Sampler",
    "SequentialSampler",
    "RandomSampler",
    "IntervalSampler",
    "SplitSampler",
    "FilterSampler",
    "BatchSampler",
]


class Sampler:
    """Base: iterates over indices, and has a length."""

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __len__")


class SequentialSampler(Sampler):
    """``start, start + 1, ...``, `length` in all."""

    def __init__(self, length, start=0):
        self._range = range(start, start + length)

    def __iter__(self):
        return iter(self._range)

    def __len__(self):
        return len(self._range)


class RandomSampler(Sampler):
    """All of 0 to ``length - 1`` in random order, from NumPy's generator."""

    def __init__(self, length):
        self._length = length

    def __iter__(self):
        return iter(np.random.permutation(self._length).tolist())

    def __len__(self):
        return self._length


class IntervalSampler(Sampler):
    """``0, interval, 2 interval, ...``, then with `rollover` from 1, from 2 and so on.

    Parameters
    ----------
    length : int
        Indices are below it.
    interval : int
        In [1, length].
    rollover : bool
        Whether all indices are visited, or those of the first pass only.

    Examples
    --------
    >>> list(IntervalSampler(5, 2))
    [0, 2, 4, 1, 3]
    """

    def __init__(self, length, interval, rollover=True):
        if not 1 <= interval <= length:
            raise ValueError(
                f"IntervalSampler: interval is {interval}, must be in [1, {length}] as length"
            )
        starts = range(interval if rollover else 1)
        self._indices = [i for start in starts for i in range(start, length, interval)]

    def __iter__(self):
        return iter(self._indices)

    def __len__(self):
        return len(self._indices)


class SplitSampler(Sampler):
    """One of `num_parts` parts of the indices, for one of several processes.

    All parts have the same length: where it does not come out even, some indices at the start of
    the order are taken twice. All processes must give the same `seed`.

    Parameters
    ----------
    length : int
        Indices are below it; >= 1.
    num_parts : int
    part_index : int
        In [0, num_parts).
    shuffle : bool
        Whether each pass draws a new order, before it is cut in parts.
    seed : int
        Of the orders.

    Examples
    --------
    >>> [list(SplitSampler(5, 2, part, shuffle=False)) for part in range(2)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(self, length, num_parts=1, part_index=0, shuffle=True, seed=0):
        if length < 1:
            raise ValueError(f"SplitSampler: length is {length}, must be >= 1")
        if num_parts < 1:
            raise ValueError(f"SplitSampler: num_parts is {num_parts}, must be >= 1")
        if not 0 <= part_index < num_parts:
            raise ValueError(
                f"SplitSampler: part_index is {part_index}, must be in [0, {num_parts - 1}]"
            )
        self._length, self._parts, self._part = length, num_parts, part_index
        self._shuffle, self._seed, self._pass = shuffle, seed, 0

    def __iter__(self):
        if self._shuffle:
            order = np.random.default_rng([self._seed, self._pass]).permutation(self._length)
            self._pass += 1
        else:
            order = np.arange(self._length)
        places = self._part + self._parts * np.arange(len(self))
        return iter(order[places % self._length].tolist())

    def __len__(self):
        return -(-self._length // self._parts)


class FilterSampler(Sampler):
    """Indices of the samples of `dataset` for which ``fn(sample)`` is true."""

    def __init__(self, fn, dataset):
        self._indices = [i for i in range(len(dataset)) if fn(dataset[i])]

    def __iter__(self):
        return iter(self._indices)

    def __len__(self):
        return len(self._indices)


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of another sampler.

    `last_batch`, if shorter: 'keep' gives it, 'discard' drops it, 'rollover' starts the next
    pass with it.
    """

    def __init__(self, sampler, batch_size, last_batch="keep"):
        if last_batch not in ("keep", "discard", "rollover"):
            raise ValueError(
                f"BatchSampler: last_batch is {last_batch!r}, "
                "must be 'keep', 'discard' or 'rollover'"
            )
        if batch_size < 1:
            raise ValueError(f"BatchSampler: batch_size is {batch_size}, must be >= 1")
        self._sampler, self._batch_size, self._last_batch = sampler, batch_size, last_batch
        self._left = []

    def __iter__(self):
        batch, self._left = self._left, []
        for index in self._sampler:
            batch.append(index)
            if len(batch) == self._batch_size:
                yield batch
                batch = []
        if batch and self._last_batch == "keep":
            yield batch
        elif self._last_batch == "rollover":
            self._left = batch

    def __len__(self):
        size = len(self._sampler)
        if self._last_batch == "keep":
            return -(-size // self._batch_size)
        return (size + len(self._left)) // self._batch_size
