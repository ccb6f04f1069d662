"""Iterators over batches for `Module` and `FeedForward`."""

from .base import DataBatch, DataDesc, DataIter, MXDataIter
from .files import CSVIter, LibSVMIter, MNISTIter
from .image_det_record import ImageDetRecordIter
from .image_record import ImageRecordInt8Iter, ImageRecordIter, ImageRecordUInt8Iter
from .ndarray_iter import NDArrayIter
from .wrappers import PrefetchingIter, ResizeIter

from . import io as io  # isort: skip  # reads the names above

# Older implementations of MXNet with the same arguments.
ImageRecordIter_v1 = ImageRecordIter
ImageRecordUInt8Iter_v1 = ImageRecordUInt8Iter

__all__ = [
    "CSVIter",
    "DataBatch",
    "DataDesc",
    "DataIter",
    "ImageDetRecordIter",
    "ImageRecordInt8Iter",
    "ImageRecordIter",
    "ImageRecordIter_v1",
    "ImageRecordUInt8Iter",
    "ImageRecordUInt8Iter_v1",
    "LibSVMIter",
    "MNISTIter",
    "MXDataIter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
]
