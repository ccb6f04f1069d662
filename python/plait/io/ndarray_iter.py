"""Batches from arrays in memory."""

import numpy as np

from .. import ndarray as nd
from .base import DataBatch, DataDesc, DataIter
from .csr_rows import CsrRows

__all__ = ["NDArrayIter"]

_MODES = ("pad", "discard", "roll_over")


def _named(arrays, default, allow_empty):
    """List of (name, array) from an array, a list or a dict of arrays, whose names are sorted."""
    if arrays is None or (isinstance(arrays, (list, tuple)) and not arrays):
        if not allow_empty:
            raise ValueError(f"NDArrayIter: {default} is empty, must have at least one array")
        return []
    if isinstance(arrays, dict):
        pairs = sorted(arrays.items(), key=lambda pair: pair[0])
    elif isinstance(arrays, (list, tuple)):
        names = [default] if len(arrays) == 1 else [f"_{i}_{default}" for i in range(len(arrays))]
        pairs = list(zip(names, arrays, strict=True))
    else:
        pairs = [(default, arrays)]
    return pairs


def _samples(array):
    """A numpy array, or `CsrRows` of what is sparse."""
    if isinstance(array, CsrRows):
        return array
    if getattr(array, "stype", None) == "csr" or hasattr(array, "tocsr"):
        return CsrRows.of(array)
    return array.asnumpy() if isinstance(array, nd.NDArray) else np.asarray(array)


class NDArrayIter(DataIter):
    """Batches of arrays along their first axis.

    Parameters
    ----------
    data, label : array, list of array or dict of str to array
        An NDArray keeps its dtype, anything else that NumPy takes gives batches of float32. A
        CSRNDArray or a scipy csr matrix gives batches that are CSRNDArrays.
    batch_size : int
    shuffle : bool
        Whether samples come in a random order, drawn anew at each `reset` by numpy.random.
    last_batch_handle : {'pad', 'discard', 'roll_over'}
        What becomes of the last, smaller batch: filled from the start, left out, or kept for the
        start of the next round.
    data_name, label_name : str
        Names of single arrays.
    layout : str
        Of the data, stands in `provide_data`.

    Raises
    ------
    ValueError
        If lengths differ, the mode is unknown, or there is less data than a batch in another mode
        than 'pad'.

    Examples
    --------
    >>> it = mx.io.NDArrayIter(np.zeros((10, 3)), np.zeros(10), batch_size=4)
    >>> [batch.pad for batch in it]
    [0, 0, 2]
    """

    def __init__(
        self,
        data,
        label=None,
        batch_size=1,
        shuffle=False,
        last_batch_handle="pad",
        data_name="data",
        label_name="softmax_label",
        layout="NCHW",
    ):
        super().__init__(batch_size)
        if last_batch_handle not in _MODES:
            raise ValueError(
                f"NDArrayIter: last_batch_handle is {last_batch_handle!r}, must be one of {_MODES}"
            )
        pairs = [_named(data, data_name, False), _named(label, label_name, True)]
        self._dtypes = {
            n: a.dtype if isinstance(a, nd.NDArray) else np.float32 for p in pairs for n, a in p
        }
        self.data, self.label = ([(n, _samples(a)) for n, a in p] for p in pairs)
        self.num_data = self.data[0][1].shape[0]
        for name, array in self.data + self.label:
            if array.shape[0] != self.num_data:
                raise ValueError(
                    f"NDArrayIter: {name} has {array.shape[0]} samples, must have {self.num_data}"
                )
        if self.num_data < batch_size and last_batch_handle != "pad":
            raise ValueError(
                f"NDArrayIter: batch_size is {batch_size}, must be at most the number of samples, "
                f"{self.num_data}"
            )
        self.shuffle, self.layout = shuffle, layout
        self.last_batch_handle = last_batch_handle
        self.idx = np.arange(self.num_data)
        self.num_source = len(self.data)
        self._rest = np.empty(0, dtype=np.int64)  # samples kept for the next round
        self.reset()

    def _describe(self, pairs):
        return [
            DataDesc(n, (self.batch_size, *a.shape[1:]), self._dtypes[n], self.layout)
            for n, a in pairs
        ]

    @property
    def provide_data(self):
        """list of DataDesc: the data of a batch."""
        return self._describe(self.data)

    @property
    def provide_label(self):
        """list of DataDesc: the labels of a batch."""
        return self._describe(self.label)

    def hard_reset(self):
        """Start again without what is left of the last round."""
        self._rest = self._rest[:0]
        self.reset()

    def reset(self):
        """Start again; with 'roll_over' first what a finished round left."""
        if self.shuffle:
            np.random.shuffle(self.idx)
        self._samples = np.concatenate([self._rest, self.idx])
        self._rest = self._rest[:0]
        self.num_round = len(self._samples)
        self.cursor = -self.batch_size

    def iter_next(self):
        """Go to the next batch; False at the end."""
        self.cursor += self.batch_size
        if self.last_batch_handle == "pad":
            return self.cursor < self.num_round
        if self.cursor + self.batch_size <= self.num_round:
            return True
        if self.last_batch_handle == "roll_over":
            self._rest = self._samples[self.cursor :]
        return False

    def next(self):
        """The next batch."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def _batch(self, pairs):
        if not pairs:
            return []
        rows = self.getindex()
        return [
            array[rows]
            if isinstance(array, CsrRows)
            else nd.array(array[rows], dtype=self._dtypes[name])
            for name, array in pairs
        ]

    def getindex(self):
        """Numbers of the samples of the current batch."""
        rows = self._samples[self.cursor : self.cursor + self.batch_size]
        missing = self.batch_size - len(rows)
        return np.concatenate([rows, np.resize(self.idx, missing)]) if missing else rows

    def getdata(self):
        """list of NDArray: the data of the current batch."""
        return self._batch(self.data)

    def getlabel(self):
        """list of NDArray: the labels of the current batch."""
        return self._batch(self.label)

    def getpad(self):
        """int: samples at the end of the current batch that only fill it."""
        return max(0, self.cursor + self.batch_size - self.num_round)
