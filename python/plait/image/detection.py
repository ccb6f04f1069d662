"""Random changes of images together with boxes around the objects in them.

Labels have shape (objects, 5 or more): class, left, top, right, bottom (as shares of width and
height), and further columns that are left alone.
"""

import math
import random

import numpy as np

from .augment import (
    Augmenter,
    CastAug,
    ForceResizeAug,
    HorizontalFlipAug,
    ResizeAug,
    color_augmenters,
)
from .geometry import copyMakeBorder, fixed_crop

__all__ = [
    "DetAugmenter",
    "DetBorrowAug",
    "DetRandomSelectAug",
    "DetHorizontalFlipAug",
    "DetRandomCropAug",
    "DetRandomPadAug",
    "CreateMultiRandCropAugmenter",
    "CreateDetAugmenter",
]


def areas(boxes):
    """Areas of boxes (left, top, right, bottom); 0 for those that are turned inside out."""
    return np.maximum(0, boxes[:, 2] - boxes[:, 0]) * np.maximum(0, boxes[:, 3] - boxes[:, 1])


class DetAugmenter(Augmenter):
    """Base of the changes: called with an image and its labels, returns both."""

    def __call__(self, src, label):
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class DetBorrowAug(DetAugmenter):
    """An augmenter of images that leaves the boxes where they are."""

    def __init__(self, augmenter):
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"DetBorrowAug: augmenter is {augmenter!r}, must be an Augmenter")
        super().__init__(augmenter=augmenter.dumps())
        self.augmenter = augmenter

    def dumps(self):
        return [type(self).__name__.lower(), self.augmenter.dumps()]

    def __call__(self, src, label):
        return self.augmenter(src), label


class DetRandomSelectAug(DetAugmenter):
    """One of `aug_list`, or with probability `skip_prob` none."""

    def __init__(self, aug_list, skip_prob=0):
        super().__init__(skip_prob=skip_prob)
        aug_list = aug_list if isinstance(aug_list, (list, tuple)) else [aug_list]
        for augmenter in aug_list:
            if not isinstance(augmenter, DetAugmenter):
                raise TypeError(
                    f"DetRandomSelectAug: aug_list has {augmenter!r}, must have DetAugmenters"
                )
        self.aug_list = list(aug_list)
        self.skip_prob = skip_prob if aug_list else 1

    def dumps(self):
        return [type(self).__name__.lower(), [a.dumps() for a in self.aug_list]]

    def __call__(self, src, label):
        if random.random() < self.skip_prob:
            return src, label
        return random.choice(self.aug_list)(src, label)


class DetHorizontalFlipAug(DetAugmenter):
    """Left and right exchanged with probability `p`."""

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def __call__(self, src, label):
        if random.random() >= self.p:
            return src, label
        label = label.copy()
        label[:, [1, 3]] = 1.0 - label[:, [3, 1]]
        return HorizontalFlipAug(1)(src), label


def _pair(name, value):
    low, high = (value, 1.0) if isinstance(value, (int, float)) else value
    if not 0 < low <= high:
        raise ValueError(f"{name} is {value}, must be (low, high) with 0 < low <= high")
    return low, high


class DetRandomCropAug(DetAugmenter):
    """A random part, with the objects that are still to be seen in it.

    Parameters
    ----------
    min_object_covered : float
        Each object that the part touches must lie in it by more than this share.
    aspect_ratio_range, area_range : (float, float)
        Width by height of the part, and its share of the image.
    min_eject_coverage : float
        Objects of which no larger share is left are dropped.
    max_attempts : int
        Draws before the image is left as it is.

    Notes
    -----
    Liu and others, "SSD: single shot multibox detector" (2016), section 2.2.
    """

    def __init__(
        self,
        min_object_covered=0.1,
        aspect_ratio_range=(0.75, 1.33),
        area_range=(0.05, 1.0),
        min_eject_coverage=0.3,
        max_attempts=50,
    ):
        aspect_ratio_range = _pair("DetRandomCropAug: aspect_ratio_range", aspect_ratio_range)
        area_range = _pair("DetRandomCropAug: area_range", area_range)
        super().__init__(
            min_object_covered=min_object_covered,
            aspect_ratio_range=aspect_ratio_range,
            area_range=area_range,
            min_eject_coverage=min_eject_coverage,
            max_attempts=max_attempts,
        )
        self.min_object_covered, self.min_eject_coverage = min_object_covered, min_eject_coverage
        self.aspect_ratio_range, self.area_range = aspect_ratio_range, area_range
        self.max_attempts = max_attempts

    def __call__(self, src, label):
        height, width = src.shape[:2]
        for _ in range(self.max_attempts):
            place = _draw_size(width, height, self.area_range, self.aspect_ratio_range)
            if place is None or place[0] > width or place[1] > height:
                continue
            w, h = place
            x, y = random.randint(0, width - w), random.randint(0, height - h)
            if w * h < 2:
                continue
            moved = self._labels_in(label, x, y, w, h, width, height)
            if moved is not None:
                return fixed_crop(src, x, y, w, h), moved
        return src, label

    def _labels_in(self, label, x, y, w, h, width, height):
        """Labels as seen from the part; None if it does not fit the rules."""
        scale = np.array([w / width, h / height] * 2)
        corner = np.array([x / width, y / height] * 2)
        whole = areas(label[:, 1:5])
        boxes = np.clip((label[:, 1:5] - corner) / scale, 0, 1)
        large = whole * width * height > 2  # boxes of a pixel or two tell nothing
        with np.errstate(divide="ignore", invalid="ignore"):
            covered = np.where(large, areas(boxes) * scale[0] * scale[1] / whole, 0)
        touched = covered > 0
        if not touched.any() or covered[touched].min() <= self.min_object_covered:
            return None
        kept = covered > self.min_eject_coverage
        if not kept.any():
            return None
        out = label[kept].copy()
        out[:, 1:5] = boxes[kept]
        return out


def _draw_size(width, height, area_range, ratio_range):
    """Width and height of a random share of the image."""
    area = random.uniform(*area_range) * width * height
    ratio = math.exp(random.uniform(math.log(ratio_range[0]), math.log(ratio_range[1])))
    w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
    return (w, h) if w > 0 and h > 0 else None


class DetRandomPadAug(DetAugmenter):
    """The image at a random place on a larger one of constant colour.

    Parameters
    ----------
    aspect_ratio_range, area_range : (float, float)
        Width by height of the larger image, and its area in units of the smaller; >= 1.
    max_attempts : int
        Draws before the image is left as it is.
    pad_val : number or sequence of numbers
        The colour.
    """

    def __init__(
        self,
        aspect_ratio_range=(0.75, 1.33),
        area_range=(1.0, 3.0),
        max_attempts=50,
        pad_val=(128, 128, 128),
    ):
        aspect_ratio_range = _pair("DetRandomPadAug: aspect_ratio_range", aspect_ratio_range)
        area_range = _pair("DetRandomPadAug: area_range", area_range)
        super().__init__(
            aspect_ratio_range=aspect_ratio_range,
            area_range=area_range,
            max_attempts=max_attempts,
            pad_val=pad_val,
        )
        self.aspect_ratio_range, self.area_range = aspect_ratio_range, area_range
        self.max_attempts, self.pad_val = max_attempts, pad_val

    def __call__(self, src, label):
        height, width, channels = src.shape
        for _ in range(self.max_attempts):
            size = _draw_size(width, height, self.area_range, self.aspect_ratio_range)
            if size is None or size[0] < width or size[1] < height:
                continue
            w, h = size
            if w - width < 2 and h - height < 2:
                continue
            x, y = random.randint(0, w - width), random.randint(0, h - height)
            values = self.pad_val
            if not isinstance(values, (int, float)):
                values = list(values)[:channels] if len(values) > 1 else values[0]
            out = copyMakeBorder(src, y, h - height - y, x, w - width - x, values=values)
            label = label.copy()
            label[:, [1, 3]] = (label[:, [1, 3]] * width + x) / w
            label[:, [2, 4]] = (label[:, [2, 4]] * height + y) / h
            return out, label
        return src, label


def CreateMultiRandCropAugmenter(  # noqa: N802
    min_object_covered=0.1,
    aspect_ratio_range=(0.75, 1.33),
    area_range=(0.05, 1.0),
    min_eject_coverage=0.3,
    max_attempts=50,
    skip_prob=0,
):
    """A choice of `DetRandomCropAug`; an argument may be a list with a value for each of them."""
    columns = [
        [value] if not isinstance(value, list) else value
        for value in (
            min_object_covered,
            aspect_ratio_range,
            area_range,
            min_eject_coverage,
            max_attempts,
        )
    ]
    n = max(len(column) for column in columns)
    for column in columns:
        if len(column) not in (1, n):
            raise ValueError(
                f"CreateMultiRandCropAugmenter: a list has {len(column)} values, must have 1 or {n}"
            )
    rows = zip(*(column * n if len(column) == 1 else column for column in columns), strict=True)
    return DetRandomSelectAug([DetRandomCropAug(*row) for row in rows], skip_prob=skip_prob)


def CreateDetAugmenter(  # noqa: N802
    data_shape,
    resize=0,
    rand_crop=0,
    rand_pad=0,
    rand_gray=0,
    rand_mirror=False,
    mean=None,
    std=None,
    brightness=0,
    contrast=0,
    saturation=0,
    pca_noise=0,
    hue=0,
    inter_method=2,
    min_object_covered=0.1,
    aspect_ratio_range=(0.75, 1.33),
    area_range=(0.05, 3.0),
    min_eject_coverage=0.3,
    max_attempts=50,
    pad_val=(127, 127, 127),
):
    """A list of augmenters for detection; at the end images have the size of `data_shape`.

    Parameters
    ----------
    rand_crop, rand_pad : float
        Probabilities of cropping and of padding.
    area_range : (float, float)
        For cropping up to 1, for padding from 1 on.
    **others
        As in `CreateAugmenter`, `DetRandomCropAug` and `DetRandomPadAug`.
    """
    out = [DetBorrowAug(ResizeAug(resize, inter_method))] if resize > 0 else []
    if rand_crop > 0:
        low, high = area_range
        out.append(
            CreateMultiRandCropAugmenter(
                min_object_covered,
                aspect_ratio_range,
                (low, min(1.0, high)),
                min_eject_coverage,
                max_attempts,
                skip_prob=1 - rand_crop,
            )
        )
    if rand_mirror:
        out.append(DetHorizontalFlipAug(0.5))
    if rand_pad > 0:
        pad = DetRandomPadAug(
            aspect_ratio_range, (1.0, max(1.0, area_range[1])), max_attempts, pad_val
        )
        out.append(DetRandomSelectAug([pad], 1 - rand_pad))
    out.append(DetBorrowAug(ForceResizeAug((data_shape[2], data_shape[1]), inter_method)))
    out.append(DetBorrowAug(CastAug()))
    colors = color_augmenters(
        brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std
    )
    return out + [DetBorrowAug(augmenter) for augmenter in colors]
