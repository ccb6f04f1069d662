"""Transforms that cut, scale, turn and mirror images."""

import random

import numpy as np

from ..... import image
from ....block import Block
from ....hybrid_block import HybridBlock

__all__ = [
    "Resize",
    "CropResize",
    "CenterCrop",
    "RandomCrop",
    "RandomResizedCrop",
    "Rotate",
    "RandomRotation",
    "RandomFlipLeftRight",
    "RandomFlipTopBottom",
]


def _pair(size):
    """(width, height) from one number or two."""
    return (int(size), int(size)) if np.isscalar(size) else (int(size[0]), int(size[1]))


def _shape(size):
    """`size` as attributes of an operator."""
    width, height = _pair(size)
    return {"width": width, "height": height}


class Resize(HybridBlock):
    """Scales (h, w, c) or (n, h, w, c) to `size`: (width, height), or one number.

    Parameters
    ----------
    size : int or tuple of int
    keep_ratio : bool
        Whether one number is the shorter side, and the other side keeps the ratio.
    interpolation : int
        0: nearest pixel, 1: linear, 2: cubic, 3: area, 4: Lanczos.
    """

    def __init__(self, size, keep_ratio=False, interpolation=1):
        super().__init__()
        self._options = {"size": size, "keep_ratio": keep_ratio, "interp": interpolation}

    def hybrid_forward(self, F, x):
        return F.image.resize(x, **self._options)


class CropResize(HybridBlock):
    """The rectangle from (x, y) of `width` and `height`, scaled to `size` if given."""

    def __init__(self, x, y, width, height, size=None, interpolation=None):
        super().__init__()
        self._box = {"x": x, "y": y, "width": width, "height": height}
        self._size, self._interpolation = size, 1 if interpolation is None else interpolation

    def hybrid_forward(self, F, x):
        part = F.image.crop(x, **self._box)
        if not self._size:
            return part
        return F.image.resize(part, size=_pair(self._size), interp=self._interpolation)


class CenterCrop(HybridBlock):
    """The middle of the image, (width, height) or one number; scaled up where it is smaller."""

    def __init__(self, size, interpolation=1):
        super().__init__()
        self._options = {**_shape(size), "interp": interpolation}

    def hybrid_forward(self, F, x):
        middle = (0.5, 0.5)
        return F.image.random_crop(x, xrange=middle, yrange=middle, **self._options)


class RandomCrop(HybridBlock):
    """A random part of the image, after a border was put around it.

    Parameters
    ----------
    size : int or tuple of int
        (width, height).
    pad : int or tuple of int, optional
        Width of the border: on all sides, or (left and right, top and bottom).
    pad_value : int
    interpolation : int
        Used where the image is smaller than `size`.
    """

    def __init__(self, size, pad=None, pad_value=0, interpolation=1):
        super().__init__()
        self._options = {**_shape(size), "interp": interpolation, "pad_value": pad_value}
        if pad is not None:
            self._options["pad"] = _pair(pad)

    def hybrid_forward(self, F, x):
        return F.image.random_crop(x, **self._options)


class RandomResizedCrop(HybridBlock):
    """A random part of random area and ratio, scaled to `size`.

    Szegedy and others: Going deeper with convolutions (2014).

    Parameters
    ----------
    size : int or tuple of int
        (width, height).
    scale : float or tuple of float
        Bounds of the share of the area.
    ratio : tuple of float
        Bounds of width over height.
    interpolation : int
    """

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3.0 / 4.0, 4.0 / 3.0), interpolation=1):
        super().__init__()
        area = (scale, 1.0) if np.isscalar(scale) else scale
        self._options = {**_shape(size), "area": area, "ratio": ratio, "interp": interpolation}

    def hybrid_forward(self, F, x):
        return F.image.random_resized_crop(x, **self._options)


class Rotate(Block):
    """Turns (c, h, w) or (n, c, h, w), float32, by an angle in degrees, counter-clockwise.

    Parameters
    ----------
    rotation_degrees : float
    zoom_in, zoom_out : bool
        Whether to scale so that no empty corners are seen, or that nothing is cut off.
    """

    def __init__(self, rotation_degrees, zoom_in=False, zoom_out=False):
        super().__init__()
        if zoom_in and zoom_out:
            raise ValueError("Rotate: zoom_in and zoom_out are both True, must not be")
        self._degrees, self._zoom = rotation_degrees, (zoom_in, zoom_out)

    def forward(self, x):
        """Change one image or a batch."""
        return image.imrotate(x, self._degrees, *self._zoom)


class RandomRotation(Block):
    """`Rotate` by an angle between two limits, with a probability.

    Parameters
    ----------
    angle_limits : tuple of float
        In degrees; the first is smaller.
    zoom_in, zoom_out : bool
    rotate_with_proba : float
    """

    def __init__(self, angle_limits, zoom_in=False, zoom_out=False, rotate_with_proba=1.0):
        super().__init__()
        low, high = angle_limits
        if low >= high:
            raise ValueError(f"RandomRotation: angle_limits is {angle_limits}, must rise")
        if not 0 <= rotate_with_proba <= 1:
            raise ValueError(
                f"RandomRotation: rotate_with_proba is {rotate_with_proba}, must be in [0, 1]"
            )
        self._limits, self._zoom = (low, high), (zoom_in, zoom_out)
        self._probability = rotate_with_proba

    def forward(self, x):
        """Change one image or a batch, or give it back."""
        if random.random() >= self._probability:
            return x
        return image.random_rotate(x, self._limits, *self._zoom)


class RandomFlipLeftRight(HybridBlock):
    """Swaps left and right with probability `p`."""

    def __init__(self, p=0.5):
        super().__init__()
        self._p = p

    def hybrid_forward(self, F, x):
        return F.image.random_flip_left_right(x, p=self._p)


class RandomFlipTopBottom(HybridBlock):
    """Swaps top and bottom with probability `p`."""

    def __init__(self, p=0.5):
        super().__init__()
        self._p = p

    def hybrid_forward(self, F, x):
        return F.image.random_flip_top_bottom(x, p=self._p)
