"""What an iterator yields, and the base of the iterators."""

from collections import namedtuple

import numpy as np

__all__ = ["DataBatch", "DataDesc", "DataIter", "MXDataIter"]


class DataDesc(namedtuple("DataDesc", ["name", "shape"])):
    """Name and shape of an array of a batch, with its dtype and layout.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : dtype
    layout : str
        One letter for each axis; N is the batch.
    """

    def __new__(cls, name, shape, dtype=np.float32, layout="NCHW"):
        desc = super().__new__(cls, name, tuple(shape))
        desc.dtype = dtype
        desc.layout = layout
        return desc

    def __repr__(self):
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    def __reduce__(self):
        return DataDesc, (self.name, self.shape, self.dtype, self.layout)

    @staticmethod
    def get_batch_axis(layout):
        """Axis of the batch in `layout`; 0 if there is no layout, -1 if it has no N."""
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(shapes, types):
        """Descriptions from (name, shape) and (name, dtype) pairs."""
        if types is None:
            return [DataDesc(*pair) for pair in shapes]
        types = dict(types)
        return [DataDesc(name, shape, types[name]) for name, shape in shapes]


class DataBatch:
    """Arrays of one batch.

    Parameters
    ----------
    data : list of NDArray
    label : list of NDArray, optional
    pad : int, optional
        Samples at the end that only fill the batch.
    index : array, optional
        Numbers of the samples.
    bucket_key : optional
        Which bucket the batch belongs to, see `BucketingModule`.
    provide_data, provide_label : list of DataDesc, optional
        Descriptions, where they differ from the iterator's.
    """

    def __init__(
        self,
        data,
        label=None,
        pad=None,
        index=None,
        bucket_key=None,
        provide_data=None,
        provide_label=None,
    ):
        for what, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, (list, tuple)):
                raise TypeError(f"DataBatch: {what} is {type(arrays).__name__}, must be a list")
        self.data, self.label = data, label
        self.pad, self.index = pad, index
        self.bucket_key = bucket_key
        self.provide_data, self.provide_label = provide_data, provide_label

    def __str__(self):
        data = [d.shape for d in self.data]
        label = [d.shape for d in self.label] if self.label else None
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"


class DataIter:
    """Base of the iterators. A subclass defines `next`, or `iter_next` and the getters.

    Parameters
    ----------
    batch_size : int

    Examples
    --------
    >>> for batch in data_iter:
    ...     module.forward(batch)
    >>> data_iter.reset()
    """

    def __init__(self, batch_size=0):
        self.batch_size = batch_size

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def reset(self):
        """Start again."""

    def next(self):
        """The next batch.

        Raises
        ------
        StopIteration
            At the end.
        """
        if not self.iter_next():
            raise StopIteration
        return DataBatch(
            data=self.getdata(), label=self.getlabel(), pad=self.getpad(), index=self.getindex()
        )

    def iter_next(self):
        """Go to the next batch; False at the end."""
        raise NotImplementedError(f"{type(self).__name__} must define next or iter_next")

    def getdata(self):
        """Arrays of the current batch."""
        raise NotImplementedError(f"{type(self).__name__} must define next or getdata")

    def getlabel(self):
        """Labels of the current batch."""
        raise NotImplementedError(f"{type(self).__name__} must define next or getlabel")

    def getindex(self):
        """Numbers of the samples of the current batch, or None."""
        return None

    def getpad(self):
        """Samples of the current batch that only fill it."""
        raise NotImplementedError(f"{type(self).__name__} must define next or getpad")


class MXDataIter(DataIter):
    """Base of the iterators over files, which MXNet's programs recognise by it."""

    def debug_skip_load(self):
        """Give the first batch again and again, without an end: to time the rest of a program."""
        first = self.next()
        self.next = lambda: first
