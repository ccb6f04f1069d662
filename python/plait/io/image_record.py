"""Batches of images from record files, decoded by threads of the core."""

import os

import numpy as np

from .. import _data
from .. import ndarray as nd
from ..base import dtype_name
from ..image.iterator import read_list
from ..ndarray import NDArray
from ..recordio import read_index
from .base import DataBatch, DataDesc, MXDataIter
from .image_options import as_text, neutral

__all__ = ["ImageRecordIter", "ImageRecordUInt8Iter", "ImageRecordInt8Iter"]


def find_records(name, path, path_idx, recover, num_parts, part_index):
    """int64 array: where the records of one part begin."""
    if not 0 <= part_index < num_parts:
        raise ValueError(f"{name}: part_index is {part_index}, must be in [0, {num_parts - 1}]")
    if path_idx and os.path.exists(path_idx):
        offsets = np.array([offset for _, offset in read_index(path_idx)], "int64")
    else:
        offsets = _data.RecordFile(path).offsets(recover, NDArray).asnumpy()
    n = len(offsets)
    part = offsets[n * part_index // num_parts : n * (part_index + 1) // num_parts]
    if not len(part):
        raise ValueError(f"{name}: {path} has no records for part {part_index}")
    return part


def label_table(name, path):
    """Labels of a list as (ids, where the labels of each begin, labels); None without a path."""
    if not path:
        return None
    entries = list(read_list(path))
    if not entries:
        raise ValueError(f"{name}: {path} has no entries")
    begins = np.cumsum([0, *(len(labels) for _, labels, _ in entries)], dtype="int64")
    ids = np.array([number for number, _, _ in entries], "uint64")
    return ids, begins, np.concatenate([labels for _, labels, _ in entries])


def _average(reader, offsets):
    """Mean over the records of the rows of a reader."""
    reader.start(offsets, 0)
    total, count = 0.0, 0
    while (found := reader.next(NDArray)) is not None:
        data, _, _, rows = found
        total = total + data.asnumpy()[:rows].sum(0, dtype="float64")
        count += rows
    return (total / max(count, 1)).astype("float32")


def mean_image(path, options, offsets, **kinds):
    """Array of shape (channels, height, width) of the file `path`, which is made if need be."""
    shape = tuple(options["data_shape"])
    if not os.path.exists(path):
        plain = as_text(neutral(options))
        average = _average(_data.ImageReader(plain, None, **kinds), offsets)
        nd.save(path, {"mean_img": nd.array(average)})
        return average
    content = nd.load(path)
    arrays = list(content.values() if isinstance(content, dict) else content)
    if len(arrays) != 1 or arrays[0].shape != shape:
        raise OSError(
            f"mean_img: {path} has arrays of the shapes {[a.shape for a in arrays]}, "
            f"must have one of {shape}"
        )
    return arrays[0].astype("float32").asnumpy()


class RecordImages(MXDataIter):
    """Base of the iterators: passes over the records of a reader of the core."""

    def __init__(
        self,
        reader,
        offsets,
        batch_size,
        data_desc,
        label_desc,
        shuffle=False,
        seed=0,
        seed_aug=None,
        round_batch=True,
    ):
        super().__init__(batch_size)
        self._reader, self._offsets = reader, offsets
        self._shuffle, self._round = shuffle, round_batch
        self._seed, self._seed_aug = seed, seed if seed_aug is None else seed_aug
        self.provide_data, self.provide_label = [data_desc], [label_desc]
        self._epoch, self._batch = -1, None
        self.reset()

    @property
    def num_samples(self):
        """int: records of the part."""
        return len(self._offsets)

    @property
    def skipped(self):
        """int: records left out so far because they could not be read."""
        return self._reader.skipped

    def reset(self):
        """Begin the next pass."""
        self._epoch += 1
        order = self._offsets
        if self._shuffle:
            order = np.random.RandomState([self._seed, self._epoch]).permutation(order)
        self._fill = -len(order) % self.batch_size if self._round else 0
        if self._fill:
            order = np.concatenate([order, np.resize(order, self._fill)])
        self._left = -(-len(order) // self.batch_size)
        self._reader.start(np.ascontiguousarray(order), (self._seed_aug << 32) + self._epoch)

    def iter_next(self):
        found = self._reader.next(NDArray)
        if found is None:
            self._batch = None
            return False
        data, label, index, rows = found
        self._left -= 1
        pad = self.batch_size - rows + (self._fill if self._left == 0 else 0)
        label = label.reshape(self.provide_label[0].shape)
        self._batch = DataBatch([data], [label], pad, index.asnumpy())
        return True

    def next(self):
        if not self.iter_next():
            raise StopIteration
        return self._batch

    def getdata(self):
        return self._batch.data

    def getlabel(self):
        return self._batch.label

    def getindex(self):
        return self._batch.index

    def getpad(self):
        return self._batch.pad


def size_options(name, path, data_shape, batch_size, label_width, dtype, skip_broken):
    """Options of the reader that do not change images."""
    if len(data_shape) != 3:
        raise ValueError(f"{name}: data_shape is {data_shape}, must be (channels, height, width)")
    return {
        "path_imgrec": os.fspath(path),
        "data_shape": tuple(int(n) for n in data_shape),
        "batch_size": batch_size,
        "label_width": label_width,
        "dtype": dtype,
        "skip_broken": skip_broken,
    }


def open_reader(options, mean, detection, table):
    """The reader of the core; a name that it does not know is a TypeError."""
    try:
        return _data.ImageReader(as_text(options), mean, detection, table)
    except KeyError as error:
        raise TypeError(error.args[0]) from None


class ImageRecordIter(RecordImages):
    """Batches of images of a record file, as `im2rec` writes it.

    Parameters
    ----------
    path_imgrec : str
        The record file.
    data_shape : (int, int, int)
        Channels (1 or 3), height and width of each image.
    batch_size : int
    path_imgidx : str, optional
        Index of the file; without one the file is scanned once.
    path_imglist : str, optional
        Labels that replace those of the records: lines "id<tab>label...<tab>path".
    label_width : int
        Labels of each image; with 1 a batch of labels has one axis.
    shuffle : bool
        Whether records come in an order drawn anew for each pass.
    seed, seed_aug : int
        Of that order, and of the random changes of images. The same seeds give the same batches.
    preprocess_threads, prefetch_buffer : int
        Threads that decode; batches made before they are asked for.
    num_parts, part_index : int
        Parts that the records are divided into, and the one to read.
    round_batch : bool
        Whether the last batch is filled with the first records; else with copies of its own.
        `DataBatch.pad` counts both.
    resize : int
        Length of the shorter side before all other changes; -1: as it is.
    max_rotate_angle, rotate : float
        Limit of a random turn, in degrees, or the turn of all images if it is not -1.
    max_shear_ratio : float
        Limit of u in the shear x' = x + u y.
    min_random_scale, max_random_scale : float
        Limits of a factor of both sides.
    min_img_size, max_img_size : float
        Limits of the sides after these changes; what is beyond the image has `fill_value`.
    pad, fill_value : int
        Border around the image before cropping, in pixels, and its value.
    rand_crop : bool
        Whether to crop at a random place, not in the middle.
    min_crop_size, max_crop_size : int
        Limits of the side of a square part, which is then resized; -1: of the size of `data_shape`.
    random_resized_crop : bool
        Whether the part has a random area and ratio; in place of scaling and `max_crop_size`.
    min_random_area, max_random_area : float
        Share of the image, for `random_resized_crop`.
    min_aspect_ratio, max_aspect_ratio : float
        Limits of width by height of the part, or without `random_resized_crop` of a stretch of the
        image; without the first 1 - max and 1 + max, or from 1 on 1 / max and max.
    rand_mirror, mirror : bool
        Exchange left and right at random, or always.
    brightness, contrast, saturation, hue, pca_noise : float
        Limits of random changes, see `plait.image`.
    random_h, random_s, random_l : float
        Limits of what is added to hue (two degrees a unit), saturation and lightness (of 255).
    mean_img : str
        File of the mean image, which is subtracted in place of `mean_r` and so on; it is made from
        all images of the part if it is not there.
    mean_r, mean_g, mean_b, std_r, std_g, std_b, scale : float
        The result is ((pixel - mean) * (1 + u) + v) * scale / std.
    max_random_contrast, max_random_illumination : float
        Limits of u and v.
    inter_method : int
        As in `plait.image.imresize`.
    dtype : dtype
        float32, uint8 or int8.
    skip_broken : bool
        Whether to leave out records that cannot be read; `skipped` counts them. Else they raise.

    Raises
    ------
    OSError
        With path and byte of a record that cannot be read.

    Notes
    -----
    An image that is smaller than `data_shape` is enlarged. One epoch is a pass over all records of
    the part; `reset` begins the next.
    """

    def __init__(
        self,
        path_imgrec,
        data_shape,
        batch_size,
        path_imgidx=None,
        path_imglist=None,
        label_width=1,
        shuffle=False,
        seed=0,
        seed_aug=None,
        num_parts=1,
        part_index=0,
        round_batch=True,
        dtype="float32",
        data_name="data",
        label_name="softmax_label",
        skip_broken=False,
        mean_img="",
        **kwargs,
    ):
        name = type(self).__name__
        dtype = dtype_name(dtype or "float32")
        options = kwargs | size_options(
            name, path_imgrec, data_shape, batch_size, label_width, dtype, skip_broken
        )
        table = label_table(name, path_imglist)
        offsets = find_records(name, path_imgrec, path_imgidx, skip_broken, num_parts, part_index)
        mean = mean_image(mean_img, options, offsets, table=table).ravel() if mean_img else None
        label_shape = (batch_size,) if label_width == 1 else (batch_size, label_width)
        super().__init__(
            open_reader(options, mean, None, table),
            offsets,
            batch_size,
            DataDesc(data_name, (batch_size, *data_shape), np.dtype(dtype).type),
            DataDesc(label_name, label_shape, np.float32, "N"),
            shuffle,
            seed,
            seed_aug,
            round_batch,
        )


def ImageRecordUInt8Iter(*args, **kwargs):  # noqa: N802
    """`ImageRecordIter` of uint8."""
    return ImageRecordIter(*args, dtype="uint8", **kwargs)


def ImageRecordInt8Iter(*args, **kwargs):  # noqa: N802
    """`ImageRecordIter` of int8."""
    return ImageRecordIter(*args, dtype="int8", **kwargs)
