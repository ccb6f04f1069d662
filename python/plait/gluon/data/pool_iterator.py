"""Batches from a `multiprocessing.Pool`, for loaders that derive from MXNet's."""

import pickle
from multiprocessing.pool import Pool

__all__ = ["MultiWorkerIter", "as_in_context"]


def as_in_context(data, ctx):
    """Arrays, or nested lists of them, in a context; anything else as it is."""
    if isinstance(data, (list, tuple)):
        return [as_in_context(item, ctx) for item in data]
    return data.as_in_context(ctx) if hasattr(data, "as_in_context") else data


class MultiWorkerIter:
    """Iterates over batches that the processes of a pool make, in the order of the sampler.

    `DataLoader` has its own workers, which hand batches over in shared memory. This is what
    loaders of other packages derive from: they replace `_push_next`.

    Parameters
    ----------
    worker_pool : multiprocessing.pool.Pool
    batchify_fn : callable
        Makes a batch from a list of samples.
    batch_sampler : iterable of list of int
    pin_memory, pin_device_id
        Accepted; memory on the CPU needs no pinning.
    worker_fn : callable
        ``worker_fn(indices, batchify_fn, dataset)`` returns a pickled batch in a worker.
    prefetch : int
        Batches made ahead.
    dataset : optional
    timeout : float
        Seconds to wait for a batch before multiprocessing.TimeoutError.
    """

    def __init__(
        self,
        worker_pool,
        batchify_fn,
        batch_sampler,
        pin_memory=False,
        pin_device_id=0,
        worker_fn=None,
        prefetch=0,
        dataset=None,
        data_loader=None,
        timeout=120,
    ):
        if not isinstance(worker_pool, Pool):
            raise TypeError(
                f"MultiWorkerIter: worker_pool is {type(worker_pool).__name__}, must be a "
                "multiprocessing.pool.Pool"
            )
        if worker_fn is None:
            raise ValueError("MultiWorkerIter: worker_fn is None, must be a function")
        self._worker_pool, self._worker_fn = worker_pool, worker_fn
        self._batchify_fn, self._batch_sampler = batchify_fn, batch_sampler
        self._dataset, self._timeout = dataset, timeout
        self._iter = iter(batch_sampler)
        self._data_buffer = {}
        self._rcvd_idx = self._sent_idx = 0
        for _ in range(prefetch):
            self._push_next()

    def __len__(self):
        return len(self._batch_sampler)

    def _push_next(self):
        """Give the next list of indices to the workers, if there is one."""
        indices = next(self._iter, None)
        if indices is None:
            return
        task = (indices, self._batchify_fn, self._dataset)
        self._data_buffer[self._sent_idx] = self._worker_pool.apply_async(self._worker_fn, task)
        self._sent_idx += 1

    def __next__(self):
        self._push_next()
        if self._rcvd_idx == self._sent_idx:
            raise StopIteration
        batch = self._data_buffer.pop(self._rcvd_idx).get(self._timeout)
        self._rcvd_idx += 1
        return pickle.loads(batch)

    next = __next__

    def __iter__(self):
        return self
