"""Batches of images with boxes from record files, decoded by threads of the core."""

import numpy as np

from .. import _data, recordio
from ..base import dtype_name
from .base import DataDesc
from .image_options import detection_options
from .image_record import (
    RecordImages,
    find_records,
    label_table,
    mean_image,
    open_reader,
    size_options,
)

__all__ = ["ImageDetRecordIter"]

_AHEAD = 4  # channels, height, width and number of labels, before the labels


def _longest(path, offsets, table, recover):
    """The largest number of labels of a record."""
    if table is not None:
        return int(np.diff(table[1]).max())
    file, longest = _data.RecordFile(path), 1
    for offset in offsets.tolist():
        try:
            header, _ = recordio.unpack(file.read(offset)[0])
        except OSError:
            if not recover:
                raise
            continue
        longest = max(longest, header.flag)
    return longest


class ImageDetRecordIter(RecordImages):
    """Batches of images with boxes around the objects in them, of a record file.

    The labels of a record are the length of a header >= 2, the numbers for each object >= 5, the
    rest of the header, and for each object its class, left, top, right, bottom (as shares of width
    and height) and further numbers. Rows of a batch of labels begin with channels, height and width
    of the image and the number of its labels; then these follow, and `label_pad_value` up to the
    end.

    Parameters
    ----------
    path_imgrec, path_imgidx, path_imglist, data_shape, batch_size, shuffle, seed, seed_aug
        As in `ImageRecordIter`, and so are `num_parts`, `part_index`, `round_batch`, `dtype`,
        `skip_broken`, `preprocess_threads`, `prefetch_buffer`, `resize`, `inter_method`,
        `mean_img`, `mean_r` to `std_b` and `scale`. A `std` of 0 divides by nothing.
    label_width : int
        Labels of each record; -1: any number.
    label_pad_width : int
        Labels of a row without the first four; 0 or -1: the largest number of any record.
    label_pad_value : float
    rand_crop_prob : float
        Probability of a crop. Samplers are tried in random order, each up to `max_crop_trials`
        times, until one finds a part that fits its rules.
    num_crop_sampler : int
        Number of samplers. The arguments of the next line have one value for all or one for each.
    min_crop_scales, max_crop_scales, min_crop_aspect_ratios, ... : tuple of float
        Limits of the square root of the area, of width by height, and for some object of
        intersection by union (`overlaps`), intersection by the part (`sample_coverages`) and by the
        object (`object_coverages`).
    crop_emit_mode : {'center', 'overlap'}
        Objects are kept if their middle lies in the part, or at least the share
        `emit_overlap_thresh` of them.
    rand_pad_prob, max_pad_scale : float
        Probability of placing the image on a larger one, and the limit of its sides.
    max_random_hue, max_random_saturation, max_random_illumination, max_random_contrast : float
        Limits of changes of colours, each with a probability `random_hue_prob` and so on; units as
        in `ImageRecordIter`, contrast is a factor.
    rand_mirror_prob : float
        Probability that left and right are exchanged.
    fill_value : int
        Value of borders.
    resize_mode : {'force', 'fit', 'shrink'}
        To the size of `data_shape`; or in the same ratio into it, where `shrink` does not enlarge.
        The rest of the row is 0.

    Raises
    ------
    OSError
        With path and byte of a record that cannot be read or whose labels are no boxes.

    Notes
    -----
    With headers of two and objects of five numbers, ``label[:, 6:].reshape((0, -1, 5))`` are the
    objects as `gluon.model_zoo.detection` takes them.
    """

    def __init__(
        self,
        path_imgrec,
        data_shape,
        batch_size,
        path_imgidx=None,
        path_imglist=None,
        label_width=-1,
        label_pad_width=0,
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
        options, detection = detection_options(name, **kwargs)
        table = label_table(name, path_imglist)
        offsets = find_records(name, path_imgrec, path_imgidx, skip_broken, num_parts, part_index)
        width = label_width if label_width > 0 else None
        if width is None or label_pad_width <= 0:
            width = _longest(path_imgrec, offsets, table, skip_broken)
        if label_pad_width > 0:
            if label_pad_width < width:
                raise ValueError(
                    f"{name}: label_pad_width is {label_pad_width}, must be at least {width}, "
                    "the number of labels of some record"
                )
            width = label_pad_width
        width = max(width, 2) + _AHEAD
        options |= size_options(
            name, path_imgrec, data_shape, batch_size, width, dtype, skip_broken
        )
        mean = None
        if mean_img:
            kinds = {"detection": detection | {"samplers": []}, "table": table}
            kinds["detection"] |= dict.fromkeys(("hue", "lightness", "saturation"), (0.0, 0.0))
            kinds["detection"] |= {"contrast": (0.0, 0.0), "pad": (1.0, 0.0), "mirror": 0.0}
            mean = mean_image(mean_img, options, offsets, **kinds).ravel()
        super().__init__(
            open_reader(options, mean, detection, table),
            offsets,
            batch_size,
            DataDesc(data_name, (batch_size, *data_shape), np.dtype(dtype).type),
            DataDesc(label_name, (batch_size, width), np.float32, "N"),
            shuffle,
            seed,
            seed_aug,
            round_batch,
        )
