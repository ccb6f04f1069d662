"""Batches of a dataset."""

import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from multiprocessing.reduction import ForkingPickler  # noqa: F401 - packages on MXNet take it here

import numpy as np

from .collate import default_batchify_fn
from .pool_iterator import MultiWorkerIter as _MultiWorkerIter  # noqa: F401 - MXNet's name
from .pool_iterator import as_in_context as _as_in_context  # noqa: F401 - MXNet's name
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .worker import WorkerPool

__all__ = ["DataLoader", "default_batchify_fn", "default_mp_batchify_fn"]

# MXNet has two functions; here workers find the shared memory by themselves.
default_mp_batchify_fn = default_batchify_fn


class DataLoader:
    """Iterates over batches of a dataset.

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
        Makes a batch from a list of samples; default `default_batchify_fn`.
    num_workers : int
        Processes that make batches; 0: this one.
    pin_memory : bool
        Accepted; memory on the CPU needs no pinning.
    pin_device_id : int
        Accepted.
    prefetch : int, optional
        Batches made ahead; default ``2 * num_workers``.
    thread_pool : bool
        Whether workers are threads of this process.
    timeout : float
        Seconds to wait for a batch before TimeoutError.
    auto_reload, try_nopython : bool, optional
        Accepted.

    Notes
    -----
    Batches come in the order of the sampler. Worker processes are forked at the first iteration
    and live as long as the loader, with the dataset as it was then. Each batch has its own seed,
    drawn from NumPy's generator in this process, so that random transforms give the same for any
    number of worker processes.

    Examples
    --------
    >>> data = gluon.data.ArrayDataset(nd.arange(10), nd.arange(10))
    >>> for x, y in gluon.data.DataLoader(data, batch_size=4):
    ...     print(x.shape)
    (4,)
    (4,)
    (2,)
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
        pin_memory=False,
        pin_device_id=0,
        prefetch=None,
        thread_pool=False,
        timeout=120,
        auto_reload=False,
        try_nopython=None,
    ):
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
        if timeout <= 0:
            raise ValueError(f"DataLoader: timeout is {timeout}, must be > 0 seconds")
        self._dataset, self._batch_sampler = dataset, batch_sampler
        self._batchify_fn = batchify_fn or default_batchify_fn
        self._num_workers = max(int(num_workers), 0)
        self._thread_pool, self._timeout = thread_pool, timeout
        self._pin_memory = pin_memory  # for loaders of other packages that derive from this one
        wanted = 2 * self._num_workers if prefetch is None else int(prefetch)
        self._prefetch = max(wanted, 1)
        self._pool = self._finalizer = None
        self._pool_in_use = False

    def __len__(self):
        return len(self._batch_sampler)

    def __iter__(self):
        if self._num_workers == 0:
            return self._iterate_here()
        return self._iterate_threads() if self._thread_pool else self._iterate_processes()

    def clean(self):
        """End the worker processes; the next iteration starts new ones."""
        if self._finalizer is not None:
            self._finalizer()
        self._pool = self._finalizer = None

    def refresh(self):
        """As `clean`: the next iteration sees the dataset as it is then."""
        self.clean()

    def _make(self, indices):
        return self._batchify_fn([self._dataset[i] for i in indices])

    def _iterate_here(self):
        for indices in self._batch_sampler:
            yield self._make(indices)

    def _iterate_threads(self):
        with ThreadPoolExecutor(self._num_workers) as pool:
            under_way = deque()
            try:
                for indices in self._batch_sampler:
                    under_way.append(pool.submit(self._make, indices))
                    if len(under_way) > self._prefetch:
                        yield self._result(under_way.popleft())
                while under_way:
                    yield self._result(under_way.popleft())
            finally:
                for future in under_way:
                    future.cancel()

    def _result(self, future):
        try:
            return future.result(self._timeout)
        except FutureTimeout:
            if future.done():
                raise  # the dataset raised it
            raise TimeoutError(
                f"DataLoader: no batch came within {self._timeout} seconds (timeout)"
            ) from None

    def _new_pool(self):
        default = self._batchify_fn is default_batchify_fn
        return WorkerPool(
            self._num_workers,
            self._prefetch,
            self._dataset,
            None if default else self._batchify_fn,
        )

    def _iterate_processes(self):
        if self._pool_in_use:  # a second iteration at the same time
            pool = self._new_pool()
            try:
                yield from self._batches(pool)
            finally:
                pool.close()
            return
        if self._pool is None:
            self._pool = self._new_pool()
            self._finalizer = weakref.finalize(self, self._pool.close)
        self._pool_in_use = True
        try:
            yield from self._batches(self._pool)
        except GeneratorExit:
            raise  # the caller has enough: the next pass goes on with these workers
        except BaseException:
            # Perhaps broken off in the middle of a message: start afresh next time.
            self.clean()
            raise
        finally:
            self._pool_in_use = False

    def _batches(self, pool):
        """Batches in order; up to `prefetch` are under way."""
        seeds = np.random.RandomState(np.random.randint(2**31))
        todo = iter(self._batch_sampler)
        expected, done, more = deque(), {}, True
        pool.start()
        try:
            while True:
                while more and pool.has_room and len(expected) < self._prefetch:
                    indices = next(todo, None)
                    more = indices is not None
                    if more:
                        expected.append(pool.send(int(seeds.randint(2**31)), indices))
                if expected and expected[0] in done:
                    yield pool.open(done.pop(expected.popleft()))
                elif expected or more:
                    done.update(pool.receive(self._timeout))
                else:
                    return
        finally:
            for message in done.values():
                pool.drop(message)
