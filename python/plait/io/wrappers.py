"""Iterators over other iterators."""

import queue
import threading

from .base import DataBatch, DataDesc, DataIter

__all__ = ["PrefetchingIter", "ResizeIter"]


class _Wrapper(DataIter):
    """An iterator whose `iter_next` puts a batch of another one into `current_batch`."""

    current_batch = None

    def next(self):
        """The next batch."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self):
        """Arrays of the current batch."""
        return self.current_batch.data

    def getlabel(self):
        """Labels of the current batch."""
        return self.current_batch.label

    def getindex(self):
        """Numbers of the samples of the current batch."""
        return self.current_batch.index

    def getpad(self):
        """Samples of the current batch that only fill it."""
        return self.current_batch.pad


class ResizeIter(_Wrapper):
    """Another iterator with `size` batches a round.

    Parameters
    ----------
    data_iter : DataIter
    size : int
        Batches in a round.
    reset_internal : bool
        Whether `reset` starts `data_iter` again too; otherwise it goes on where it was.
    """

    def __init__(self, data_iter, size, reset_internal=True):
        super().__init__(data_iter.batch_size)
        self.data_iter, self.size, self.reset_internal = data_iter, size, reset_internal
        self.cur, self.current_batch = 0, None
        self.provide_data = data_iter.provide_data
        self.provide_label = data_iter.provide_label
        if hasattr(data_iter, "default_bucket_key"):
            self.default_bucket_key = data_iter.default_bucket_key

    def reset(self):
        """Start a round."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def iter_next(self):
        """Go to the next batch; False after `size` batches."""
        if self.cur == self.size:
            return False
        try:
            self.current_batch = self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            self.current_batch = self.data_iter.next()
        self.cur += 1
        return True


class _Fetcher:
    """A thread that holds the next batch of one iterator ready."""

    def __init__(self, data_iter):
        self._iter = data_iter
        self._ready = queue.Queue(maxsize=1)
        self._wanted = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self._wanted.put(True)

    def _work(self):
        while self._wanted.get():
            try:
                self._ready.put(self._iter.next())
            except StopIteration:
                self._ready.put(None)
            except BaseException as error:  # handed to whoever asks for the batch
                self._ready.put(error)

    def take(self):
        """The batch, None at the end; the next one is asked for unless it was the last."""
        batch = self._ready.get()
        if isinstance(batch, BaseException):
            self._ready.put(None)
            raise batch
        if batch is None:
            self._ready.put(None)
        else:
            self._wanted.put(True)
        return batch

    def reset(self):
        self._ready.get()
        self._iter.reset()
        self._wanted.put(True)

    def close(self):
        self._wanted.put(False)


class PrefetchingIter(_Wrapper):
    """Fetches the next batch in a thread while the current one is used.

    Parameters
    ----------
    iters : DataIter or list of DataIter
        The batches of several are joined.
    rename_data, rename_label : list of dict of str to str, optional
        New names of the arrays, one dict for each iterator.
    """

    def __init__(self, iters, rename_data=None, rename_label=None):
        self.iters = list(iters) if isinstance(iters, (list, tuple)) else [iters]
        if not self.iters:
            raise ValueError("PrefetchingIter: iters is empty, must have at least one iterator")
        self.n_iter = len(self.iters)
        self.rename_data, self.rename_label = rename_data, rename_label
        super().__init__(self.provide_data[0].shape[0])
        self.current_batch = None
        self._fetchers = [_Fetcher(i) for i in self.iters]

    def __del__(self):
        for fetcher in getattr(self, "_fetchers", ()):
            fetcher.close()

    def _provide(self, what, rename):
        found = []
        for i, it in enumerate(self.iters):
            for desc in getattr(it, what):
                desc = desc if isinstance(desc, DataDesc) else DataDesc(*desc)
                name = rename[i].get(desc.name, desc.name) if rename else desc.name
                found.append(DataDesc(name, desc.shape, desc.dtype, desc.layout))
        return found

    @property
    def provide_data(self):
        """list of DataDesc: the data of a batch."""
        return self._provide("provide_data", self.rename_data)

    @property
    def provide_label(self):
        """list of DataDesc: the labels of a batch."""
        return self._provide("provide_label", self.rename_label)

    def reset(self):
        """Start all iterators again."""
        for fetcher in self._fetchers:
            fetcher.reset()

    def iter_next(self):
        """Go to the next batch; False when the iterators end.

        Raises
        ------
        ValueError
            If one iterator ends before another, or their pads differ.
        """
        batches = [fetcher.take() for fetcher in self._fetchers]
        if any(batch is None for batch in batches):
            if any(batch is not None for batch in batches):
                raise ValueError("PrefetchingIter: an iterator ended before the others")
            return False
        if len({batch.pad for batch in batches}) > 1:
            raise ValueError("PrefetchingIter: pads of the iterators differ, must be equal")
        self.current_batch = DataBatch(
            [a for batch in batches for a in batch.data],
            [a for batch in batches for a in batch.label or []],
            batches[0].pad,
            batches[0].index,
            bucket_key=batches[0].bucket_key,
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )
        return True
