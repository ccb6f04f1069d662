"""Loaders of Gluon as iterators of modules: `mx.contrib.io`."""

from .. import ndarray as nd
from ..io import DataBatch, DataDesc, DataIter

__all__ = ["DataLoaderIter"]


class DataLoaderIter(DataIter):
    """The batches of a `gluon.data.DataLoader` for `Module.fit`; a smaller last one is filled.

    Parameters
    ----------
    loader : DataLoader
        Yields pairs of data and label.
    data_name, label_name : str
        Names in the graph.
    dtype : dtype
        Of what is given to the module.

    Examples
    --------
    >>> loader = mx.gluon.data.DataLoader(mx.gluon.data.ArrayDataset([1, 2, 3], [4, 5, 6]), 2)
    >>> [batch.pad for batch in mx.contrib.io.DataLoaderIter(loader)]
    [0, 1]
    """

    def __init__(self, loader, data_name="data", label_name="softmax_label", dtype="float32"):
        super().__init__()
        self._loader, self.dtype = loader, dtype
        self._batches = iter(loader)
        data, label = next(self._batches)
        self.batch_size = data.shape[0]
        self.provide_data = [DataDesc(data_name, data.shape, dtype)]
        self.provide_label = [DataDesc(label_name, label.shape, dtype)]
        self.reset()

    def reset(self):
        """Start the loader again."""
        self._batches = iter(self._loader)

    def next(self):
        """The next batch."""
        data, label = next(self._batches)
        pad = self.batch_size - data.shape[0]
        return DataBatch([self._filled(data)], [self._filled(label)], pad)

    def _filled(self, array):
        array = array.astype(self.dtype)
        missing = self.batch_size - array.shape[0]
        if not missing:
            return array
        return nd.concat(array, nd.zeros((missing, *array.shape[1:]), dtype=self.dtype), dim=0)
