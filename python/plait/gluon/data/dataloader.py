"""Batches of a dataset."""

import numpy as np

from ... import ndarray
from .sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "default_batchify_fn"]


def default_batchify_fn(data):
    """Stack samples into one array; tuples are stacked part by part."""
    if isinstance(data[0], tuple):
        return [default_batchify_fn(part) for part in zip(*data, strict=True)]
    if hasattr(data[0], "asnumpy"):
        return ndarray.stack(*data)
    stacked = np.asarray(data)
    return ndarray.array(stacked, dtype=stacked.dtype)


class DataLoader:
    """Iterates over batches of a dataset, in this process.

    Parameters
    ----------
    dataset : Dataset or sequence
    batch_size : int
    shuffle : bool
        Whether to visit samples in random order.
    sampler : Sampler, optional
        Order of the samples, in place of `shuffle`.
    last_batch : {'keep', 'discard', 'rollover'}
        As in `BatchSampler`.
    batch_sampler : Sampler, optional
        Lists of indices, in place of all the above.
    batchify_fn : callable, optional
        Makes a batch from a list of samples.
    """

    def __init__(
        self,
        dataset,
        batch_size=None,
        shuffle=False,
        sampler=None,
        last_batch=None,
        batch_sampler=None,
        batchify_fn=None,
        num_workers=0,
    ):
        if num_workers:
            raise NotImplementedError(f"DataLoader: num_workers is {num_workers}, must be 0")
        if batch_sampler is None:
            if batch_size is None:
                raise ValueError("DataLoader: batch_size must be given without batch_sampler")
            if sampler is None:
                sampler = (RandomSampler if shuffle else SequentialSampler)(len(dataset))
            elif shuffle:
                raise ValueError("DataLoader: shuffle is True, must be False with a sampler")
            batch_sampler = BatchSampler(sampler, batch_size, last_batch or "keep")
        elif batch_size is not None or shuffle or sampler is not None or last_batch is not None:
            raise ValueError(
                "DataLoader: batch_size, shuffle, sampler and last_batch must not be "
                "given with batch_sampler"
            )
        self._dataset, self._batch_sampler = dataset, batch_sampler
        self._batchify_fn = batchify_fn or default_batchify_fn

    def __iter__(self):
        for indices in self._batch_sampler:
            yield self._batchify_fn([self._dataset[i] for i in indices])

    def __len__(self):
        return len(self._batch_sampler)
