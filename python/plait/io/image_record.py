"""Batches of images from record files, decoded by threads of the core."""

import os

import numpy as np

from .. import _data
from .._array import DTYPE_NUMBERS
from ..base import dtype_name
from ..image.geometry import get_interp_method
from ..ndarray import NDArray
from ..recordio import read_index
from .base import DataBatch, DataDesc, DataIter

__all__ = ["ImageRecordIter", "ImageRecordUInt8Iter", "ImageRecordInt8Iter"]

# Arguments of MXNet that change images in ways that are not implemented, with their neutral value.
_NEUTRAL = {
    "max_rotate_angle": 0,
    "rotate": -1,
    "max_shear_ratio": 0,
    "max_random_scale": 1,
    "min_random_scale": 1,
    "max_crop_size": -1,
    "min_crop_size": -1,
    "random_h": 0,
    "random_s": 0,
    "random_l": 0,
    "max_random_contrast": 0,
    "max_random_illumination": 0,
    "mean_img": "",
    "min_img_size": 0,
    "max_img_size": 1e10,
}
# Arguments of MXNet without a meaning here.
_IGNORED = {
    "mean_a",
    "std_a",
    "verbose",
    "ctx",
    "device_id",
    "aug_seq",
    "shuffle_chunk_size",
    "shuffle_chunk_seed",
    "data_layout",
}


def _check_rest(name, rest):
    for key, value in rest.items():
        if key in _IGNORED:
            continue
        if key not in _NEUTRAL:
            raise TypeError(f"{name}: unknown argument {key}")
        if value != _NEUTRAL[key]:
            raise NotImplementedError(f"{name}: {key} is {value!r}, must be {_NEUTRAL[key]!r}")


def _read_labels(path, width):
    """Labels by id from a list of lines "id<tab>label...<tab>path"."""
    labels = {}
    with open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            parts = line.rstrip("\n").split("\t")
            try:
                values = [float(x) for x in parts[1:-1]]
                if len(values) != width:
                    raise ValueError(f"{len(values)} labels, must have {width}")
                labels[int(parts[0])] = values
            except ValueError as error:
                raise OSError(f"ImageRecordIter: {path}, line {number}: {error}") from None
    return labels


def _offsets(path, path_idx, recover):
    if path_idx and os.path.exists(path_idx):
        return np.array([offset for _, offset in read_index(path_idx)], "int64")
    return _data.RecordFile(path).offsets(recover, NDArray).asnumpy()


def _options(
    name,
    preprocess_threads=4,
    prefetch_buffer=4,
    resize=-1,
    pad=0,
    fill_value=255,
    rand_crop=False,
    random_resized_crop=False,
    min_random_area=1.0,
    max_random_area=1.0,
    min_aspect_ratio=None,
    max_aspect_ratio=0.0,
    rand_mirror=False,
    mirror=False,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    hue=0.0,
    pca_noise=0.0,
    mean_r=0.0,
    mean_g=0.0,
    mean_b=0.0,
    std_r=1.0,
    std_g=1.0,
    std_b=1.0,
    scale=1.0,
    inter_method=1,
    **rest,
):
    """What the reader of the core does to images, from MXNet's arguments."""
    _check_rest(name, rest)
    if max_aspect_ratio and not random_resized_crop:
        raise NotImplementedError(
            f"{name}: max_aspect_ratio is {max_aspect_ratio}, must be 0 without random_resized_crop"
        )
    return {
        "threads": preprocess_threads,
        "prefetch": prefetch_buffer,
        "resize": max(resize, 0),
        "pad": pad,
        "fill_value": fill_value,
        "interpolation": get_interp_method(inter_method),
        "rand_crop": rand_crop,
        "sized_crop": random_resized_crop,
        "min_area": min_random_area,
        "max_area": max_random_area,
        "min_ratio": min_aspect_ratio or (1 / max_aspect_ratio if max_aspect_ratio else 1),
        "max_ratio": max_aspect_ratio or 1,
        "mirror": 1.0 if mirror else 0.5 if rand_mirror else 0.0,
        "brightness": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "hue": hue,
        "pca_noise": pca_noise,
        "scale": scale,
        "mean": (mean_r, mean_g, mean_b),
        "std": (std_r, std_g, std_b),
    }


class ImageRecordIter(DataIter):
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
        Length of the shorter side before cropping; -1: as it is.
    pad, fill_value : int
        Border around the image before cropping, in pixels, and its value.
    rand_crop, random_resized_crop : bool
        Crop at a random place; of random size and ratio too.
    min_random_area, max_random_area, min_aspect_ratio, max_aspect_ratio : float
        Share of the image and width by height, for `random_resized_crop`.
    rand_mirror, mirror : bool
        Exchange left and right at random, or always.
    brightness, contrast, saturation, hue, pca_noise : float
        Limits of random changes, see `plait.image`.
    mean_r, mean_g, mean_b, std_r, std_g, std_b, scale : float
        The result is (pixel - mean) * scale / std.
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
    NotImplementedError
        For MXNet's arguments that turn, shear or scale images, and `mean_img`.

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
        **kwargs,
    ):
        name = type(self).__name__
        super().__init__(batch_size)
        if len(data_shape) != 3:
            raise ValueError(
                f"{name}: data_shape is {data_shape}, must be (channels, height, width)"
            )
        if not 0 <= part_index < num_parts:
            raise ValueError(f"{name}: part_index is {part_index}, must be in [0, {num_parts - 1}]")
        channels, height, width = (int(n) for n in data_shape)
        dtype = dtype_name(dtype or "float32")
        self._reader = _data.ImageReader(
            path_imgrec,
            dtype=DTYPE_NUMBERS[dtype],
            channels=channels,
            height=height,
            width=width,
            label_width=label_width,
            batch_size=batch_size,
            skip_broken=skip_broken,
            **_options(name, **kwargs),
        )
        offsets = _offsets(path_imgrec, path_imgidx, skip_broken)
        n = len(offsets)
        self._offsets = offsets[n * part_index // num_parts : n * (part_index + 1) // num_parts]
        if not len(self._offsets):
            raise ValueError(f"{name}: {path_imgrec} has no records for part {part_index}")
        self._labels = _read_labels(path_imglist, label_width) if path_imglist else None
        self._shuffle, self._round = shuffle, round_batch
        self._seed, self._seed_aug = seed, seed if seed_aug is None else seed_aug
        label_shape = (batch_size,) if label_width == 1 else (batch_size, label_width)
        shape = (batch_size, channels, height, width)
        self.provide_data = [DataDesc(data_name, shape, np.dtype(dtype).type)]
        self.provide_label = [DataDesc(label_name, label_shape, np.float32, "N")]
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
        shape = self.provide_label[0].shape
        if self._labels is not None:
            label[:] = self._look_up(index.asnumpy()[: max(rows, 1)])
        self._batch = DataBatch([data], [label.reshape(shape)], pad, index.asnumpy())
        return True

    def _look_up(self, ids):
        try:
            found = np.array([self._labels[i] for i in ids.tolist()], "float32")
        except KeyError as error:
            raise OSError(f"ImageRecordIter: path_imglist has no labels for id {error}") from None
        return np.resize(found, (self.batch_size, found.shape[1]))

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


def ImageRecordUInt8Iter(*args, **kwargs):  # noqa: N802
    """`ImageRecordIter` of uint8."""
    return ImageRecordIter(*args, dtype="uint8", **kwargs)


def ImageRecordInt8Iter(*args, **kwargs):  # noqa: N802
    """`ImageRecordIter` of int8."""
    return ImageRecordIter(*args, dtype="int8", **kwargs)
