"""Sizes and crops of images: arrays of shape (height, width, channels)."""

import math
import random

import numpy as np

from .. import _data
from ..ndarray import array

__all__ = [
    "imresize",
    "scale_down",
    "resize_short",
    "fixed_crop",
    "center_crop",
    "random_crop",
    "random_size_crop",
    "copyMakeBorder",
]


def get_interp_method(interp, sizes=()):
    """Number of an interpolation, with 9 and 10 resolved.

    Parameters
    ----------
    interp : int
        0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos; 9: cubic to enlarge, area to shrink, linear
        otherwise; 10: drawn at random.
    sizes : tuple of int
        Old height and width, new height and width: for 9.
    """
    if interp == 9:
        if not sizes:
            return 2
        if len(sizes) != 4:
            raise ValueError(f"interp: sizes has {len(sizes)} numbers, must have 4")
        old_h, old_w, new_h, new_w = sizes
        if new_h > old_h and new_w > old_w:
            return 2
        return 3 if new_h < old_h and new_w < old_w else 1
    if interp == 10:
        return random.randint(0, 4)
    if interp not in range(5):
        raise ValueError(f"interp is {interp}, must be in [0, 4], 9 or 10")
    return interp


def imresize(src, w, h, interp=1):
    """The image in the size (h, w).

    Parameters
    ----------
    src : NDArray
        uint8 or float32, shape (height, width, channels).
    w, h : int
        New width and height, in pixels.
    interp : int
        As in `get_interp_method`.
    """
    method = get_interp_method(interp, (src.shape[0], src.shape[1], h, w))
    return _data.resize(src, h, w, method)


def scale_down(src_size, size):
    """(int, int): width and height `size`, shrunk to fit into `src_size` in the same ratio."""
    w, h = size
    src_w, src_h = src_size
    if src_h < h:
        w, h = w * src_h / h, src_h
    if src_w < w:
        w, h = src_w, h * src_w / w
    return int(w), int(h)


def resize_short(src, size, interp=2):
    """The image with its shorter side `size` pixels long, in the same ratio."""
    h, w = src.shape[:2]
    new_h, new_w = (size * h // w, size) if h > w else (size, size * w // h)
    return imresize(src, new_w, new_h, interp)


def fixed_crop(src, x0, y0, w, h, size=None, interp=2):
    """The part of `w` by `h` pixels whose corner is (x0, y0), resized to `size` (width, height)."""
    out = src[y0 : y0 + h, x0 : x0 + w]
    if size is not None and (w, h) != tuple(size):
        out = imresize(out, size[0], size[1], interp)
    return out


def random_crop(src, size, interp=2):
    """A part of the size (width, height) at a random place, and that place.

    Returns
    -------
    (NDArray, tuple of int)
        The part, shrunk parts of smaller images enlarged to `size`; x0, y0, width, height.
    """
    h, w = src.shape[:2]
    new_w, new_h = scale_down((w, h), size)
    x0 = random.randint(0, w - new_w)
    y0 = random.randint(0, h - new_h)
    return fixed_crop(src, x0, y0, new_w, new_h, size, interp), (x0, y0, new_w, new_h)


def center_crop(src, size, interp=2):
    """The part of the size (width, height) in the middle, and its place; as `random_crop`."""
    h, w = src.shape[:2]
    new_w, new_h = scale_down((w, h), size)
    x0, y0 = (w - new_w) // 2, (h - new_h) // 2
    return fixed_crop(src, x0, y0, new_w, new_h, size, interp), (x0, y0, new_w, new_h)


def random_size_crop(src, size, area, ratio, interp=2, **kwargs):
    """A part of random size, ratio and place, resized to `size` (width, height), and its place.

    Parameters
    ----------
    area : float or (float, float)
        Least and largest share of the area of the image; one number: the least.
    ratio : (float, float)
        Least and largest width divided by height.

    Notes
    -----
    Szegedy and others, "Going deeper with convolutions" (2014). After ten draws that do not fit
    into the image, the part in the middle.
    """
    if "min_area" in kwargs:
        area = kwargs.pop("min_area")
    if kwargs:
        raise TypeError(f"random_size_crop: unknown arguments {', '.join(kwargs)}")
    h, w = src.shape[:2]
    low, high = (area, 1.0) if isinstance(area, (int, float)) else area
    for _ in range(10):
        target = random.uniform(low, high) * h * w
        shape = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
        new_w = round(math.sqrt(target * shape))
        new_h = round(math.sqrt(target / shape))
        if 0 < new_w <= w and 0 < new_h <= h:
            x0 = random.randint(0, w - new_w)
            y0 = random.randint(0, h - new_h)
            return fixed_crop(src, x0, y0, new_w, new_h, size, interp), (x0, y0, new_w, new_h)
    return center_crop(src, size, interp)


# How NumPy calls OpenCV's kinds of borders.
_BORDERS = {0: "constant", 1: "edge", 2: "symmetric", 3: "wrap", 4: "reflect"}


def copyMakeBorder(src, top, bot, left, right, type=0, value=0, values=None):  # noqa: N802
    """The image with a border of `top`, `bot`, `left` and `right` pixels.

    Parameters
    ----------
    type : int
        0: of one value; 1: the last pixels repeated; 2: mirrored at the edge; 3: from the other
        side; 4: mirrored at the last pixels.
    value : float
        For all channels.
    values : float or sequence of float, optional
        For each channel.
    """
    if type not in _BORDERS:
        raise ValueError(f"copyMakeBorder: type is {type}, must be in [0, 4]")
    image, channels = src.asnumpy(), src.shape[2]
    sides = ((top, bot), (left, right), (0, 0))
    if type:
        return array(np.pad(image, sides, _BORDERS[type]), dtype=src.dtype)
    fill = np.ravel(value if values is None else values)
    if fill.size not in (1, channels):
        raise ValueError(f"copyMakeBorder: values has {fill.size} numbers, must have {channels}")
    h, w = image.shape[:2]
    out = np.empty((h + top + bot, w + left + right, channels), image.dtype)
    out[...] = fill
    out[top : top + h, left : left + w] = image
    return array(out, dtype=src.dtype)
