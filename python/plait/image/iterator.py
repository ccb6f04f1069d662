"""Batches of images from record files or lists of files, changed in Python."""

import logging
import os
import random

import numpy as np

from .. import _data, recordio
from ..base import dtype_name
from ..io.base import DataBatch, DataDesc, DataIter
from ..ndarray import NDArray, array
from .augment import CreateAugmenter
from .codec import imdecode

__all__ = ["ImageIter", "read_list"]

_HANDLES = ("pad", "discard", "roll_over")


def read_list(path):
    """Entries (id, labels, path) of a list of images: lines "id<tab>label...<tab>path".

    Raises
    ------
    OSError
        With path and line, for anything else.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                parts = line.decode().strip().split("\t")
                if len(parts) < 3:
                    raise ValueError(f"{len(parts)} columns, must have at least 3")
                labels = np.array([float(x) for x in parts[1:-1]], "float32")
                yield int(parts[0]), labels, parts[-1]
            except ValueError as error:
                raise OSError(f"image: {path}, line {number}: {error}") from None


class _Records:
    """Labels and content of the records of a file; `labels` by id replace those inside."""

    def __init__(self, path, path_idx, labels=None):
        self._path, self._file, self._labels = path, _data.RecordFile(path), labels
        if path_idx:
            self._offsets = [offset for _, offset in recordio.read_index(path_idx)]
        else:
            self._offsets = self._file.offsets(False, NDArray).asnumpy().tolist()

    def __len__(self):
        return len(self._offsets)

    def name(self, i):
        return f"{self._path}, record at byte {self._offsets[i]}"

    def read(self, i):
        record, _ = self._file.read(self._offsets[i])
        if record is None:
            raise OSError("lies after the end of the file")
        header, content = recordio.unpack(record)
        if self._labels is None:
            return header.label, content
        if header.id not in self._labels:
            raise OSError(f"the list has no labels for id {header.id}")
        return self._labels[header.id], content


class _Files:
    """Labels and content of image files."""

    def __init__(self, entries, root):
        self._entries, self._root = entries, root

    def __len__(self):
        return len(self._entries)

    def name(self, i):
        return os.path.join(self._root or "", self._entries[i][1])

    def read(self, i):
        with open(self.name(i), "rb") as file:
            return self._entries[i][0], file.read()


def _open_source(name, path_imgrec, path_imgidx, path_imglist, imglist, path_root):
    if not (path_imgrec or path_imglist or isinstance(imglist, list)):
        raise ValueError(f"{name}: one of path_imgrec, path_imglist and imglist must be given")
    if path_imglist:
        entries = list(read_list(path_imglist))
        if path_imgrec:
            return _Records(path_imgrec, path_imgidx, {i: label for i, label, _ in entries})
        return _Files([(label, path) for _, label, path in entries], path_root)
    if imglist is not None:
        return _Files([(np.array(e[:-1], "float32").ravel(), e[-1]) for e in imglist], path_root)
    return _Records(path_imgrec, path_imgidx)


class ImageIter(DataIter):
    """Batches of images of shape (batch_size, channels, height, width).

    Parameters
    ----------
    batch_size : int
    data_shape : (int, int, int)
        Channels, height and width; what the augmenters must give.
    label_width : int
        Labels of each image; with 1 a batch of labels has one axis.
    path_imgrec, path_imgidx : str, optional
        A record file, and its index.
    path_imglist : str, optional
        List of lines "id<tab>label...<tab>path".
    imglist : list, optional
        Such entries as lists [label..., path].
    path_root : str, optional
        Folder that the paths start from.
    shuffle : bool
        Whether the order is drawn anew for each pass.
    part_index, num_parts : int
        Which of so many parts of the images to read.
    aug_list : list of Augmenter, optional
        Default: `CreateAugmenter(data_shape, **kwargs)`.
    last_batch_handle : str
        An incomplete last batch is filled from the start ("pad", with its `pad` set), dropped
        ("discard") or kept for the next pass ("roll_over").
    skip_broken : bool
        Whether images that cannot be read are logged, left out and counted; else they raise.

    Attributes
    ----------
    skipped : int
        Images left out so far.

    Raises
    ------
    OSError
        For lists and record files that are damaged; for images without `skip_broken`.

    Notes
    -----
    `plait.io.ImageRecordIter` does most of this with threads of the core.
    """

    def __init__(
        self,
        batch_size,
        data_shape,
        label_width=1,
        path_imgrec=None,
        path_imglist=None,
        path_root=None,
        path_imgidx=None,
        shuffle=False,
        part_index=0,
        num_parts=1,
        aug_list=None,
        imglist=None,
        data_name="data",
        label_name="softmax_label",
        dtype="float32",
        last_batch_handle="pad",
        skip_broken=True,
        **kwargs,
    ):
        super().__init__(batch_size)
        name = type(self).__name__
        self.check_data_shape(data_shape)
        if last_batch_handle not in _HANDLES:
            raise ValueError(
                f"{name}: last_batch_handle is {last_batch_handle!r}, must be one of {_HANDLES}"
            )
        if not 0 <= part_index < num_parts:
            raise ValueError(f"{name}: part_index is {part_index}, must be in [0, {num_parts - 1}]")
        self._root = path_root
        self._source = _open_source(
            name, path_imgrec, path_imgidx, path_imglist, imglist, path_root
        )
        n = len(self._source)
        self.seq = list(range(n * part_index // num_parts, n * (part_index + 1) // num_parts))
        if not self.seq:
            raise ValueError(f"{name}: there are no images for part {part_index} of {num_parts}")
        self.data_shape, self.label_width = tuple(data_shape), label_width
        self.shuffle, self.last_batch_handle = shuffle, last_batch_handle
        self._skip_broken, self.skipped = skip_broken, 0
        self.dtype = dtype_name(dtype)
        self.auglist = CreateAugmenter(data_shape, **kwargs) if aug_list is None else aug_list
        label_shape = (batch_size,) if label_width == 1 else (batch_size, label_width)
        shape = (batch_size, *self.data_shape)
        self.provide_data = [DataDesc(data_name, shape, np.dtype(self.dtype).type)]
        self.provide_label = [DataDesc(label_name, label_shape, np.float32, "N")]
        self.num_image = len(self.seq)
        self._kept, self._position = [], 0
        self.hard_reset()

    def check_data_shape(self, data_shape):
        """ValueError unless `data_shape` is that of images with one or three channels."""
        if len(data_shape) != 3 or data_shape[0] not in (1, 3):
            raise ValueError(
                f"{type(self).__name__}: data_shape is {data_shape}, must be (channels, height, "
                "width) with 1 or 3 channels"
            )

    def reset(self):
        """Begin the next pass; images kept by "roll_over" come first."""
        if self.shuffle:
            random.shuffle(self.seq)
        self._position = 0

    def hard_reset(self):
        """As `reset`, without images kept from the pass before."""
        self._kept = []
        self.reset()

    def next_sample(self):
        """(labels, bytes): the next image of the pass; StopIteration at its end."""
        if self._position >= len(self.seq):
            raise StopIteration
        self._position += 1
        return self._source.read(self.seq[self._position - 1])

    def read_image(self, fname):
        """bytes: the file `fname` below the folder of the images."""
        with open(os.path.join(self._root or "", fname), "rb") as file:
            return file.read()

    def check_valid_image(self, data):
        """OSError unless `data`, a list whose first item is an image, has pixels."""
        if not data[0].size:
            raise OSError(f"{type(self).__name__}: an image has shape {data[0].shape}")

    def imdecode(self, s):
        """The image in the bytes `s`."""
        return imdecode(s, flag=0 if self.data_shape[0] == 1 else 1)

    def augmentation_transform(self, data):
        """The image after all augmenters."""
        for augmenter in self.auglist:
            data = augmenter(data)
        return data

    def postprocess_data(self, datum):
        """The image with its channels first."""
        return datum.transpose((2, 0, 1))

    def _make(self, label, content):
        """One row of data and of labels, as NumPy arrays."""
        image = self.augmentation_transform(self.imdecode(content))
        row = self.postprocess_data(image).asnumpy()
        if row.shape != self.data_shape:
            raise ValueError(
                f"{type(self).__name__}: augmenters give images of shape {row.shape}, "
                f"must be {self.data_shape}"
            )
        label = np.asarray(label, "float32").reshape(-1)
        if label.size < self.label_width:
            raise ValueError(
                f"{type(self).__name__}: an image has {label.size} labels, "
                f"must have {self.label_width}"
            )
        return row, label[: self.label_width].reshape(self.provide_label[0].shape[1:])

    def _next_row(self):
        while True:
            try:
                return self._make(*self.next_sample())
            except OSError as error:
                what = self._source.name(self.seq[self._position - 1])
                if not self._skip_broken:
                    raise OSError(f"{type(self).__name__}: {what}: {error}") from error
                self.skipped += 1
                logging.warning("%s: left out: %s: %s", type(self).__name__, what, error)

    def _fill(self, rows):
        while len(rows) < self.batch_size:
            try:
                rows.append(self._next_row())
            except StopIteration:
                return

    def _complete(self, rows):
        """Fills an incomplete batch by `last_batch_handle`; the number of rows that only fill."""
        missing = self.batch_size - len(rows)
        if not rows or missing and self.last_batch_handle == "discard":
            raise StopIteration
        if missing and self.last_batch_handle == "roll_over":
            self._kept = rows
            raise StopIteration
        if missing:
            self._position = 0
            first = list(rows)
            self._fill(rows)
            while len(rows) < self.batch_size:  # fewer images than a batch has rows
                rows.extend(first[: self.batch_size - len(rows)])
            self._position = len(self.seq)
        return missing

    def next(self):
        rows, self._kept = self._kept, []
        self._fill(rows)
        pad = self._complete(rows)
        data = array(np.stack([row for row, _ in rows]), dtype=self.dtype)
        label = array(np.stack([label for _, label in rows]))
        return DataBatch([data], [label], pad)
