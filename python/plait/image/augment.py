"""Random changes of images, as objects that are called with an image of shape (h, w, c)."""

import json
import math
import random

import numpy as np

from ..ndarray import NDArray, array, dot
from .geometry import (
    center_crop,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
)

__all__ = [
    "Augmenter",
    "SequentialAug",
    "RandomOrderAug",
    "ResizeAug",
    "ForceResizeAug",
    "RandomCropAug",
    "RandomSizedCropAug",
    "CenterCropAug",
    "BrightnessJitterAug",
    "ContrastJitterAug",
    "SaturationJitterAug",
    "HueJitterAug",
    "ColorJitterAug",
    "LightingAug",
    "ColorNormalizeAug",
    "RandomGrayAug",
    "HorizontalFlipAug",
    "CastAug",
    "CreateAugmenter",
    "color_normalize",
]

# Share of red, green and blue in brightness: ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], "float32")
# From red, green, blue to the luminance and colour differences of NTSC, and back.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
_FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])
# Means, deviations and principal components of the colours of ImageNet.
_MEAN, _STD = (123.68, 116.28, 103.53), (58.395, 57.12, 57.375)
_EIGVAL = np.array([55.46, 4.794, 1.148])
_EIGVEC = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def color_normalize(src, mean, std=None):
    """(src - mean) / std for each channel; `std` may be None."""
    out = src if mean is None else src - _color(mean)
    return out if std is None else out / _color(std)


def _color(value):
    if value is None or isinstance(value, (NDArray, int, float)):
        return value
    return array(np.asarray(value, "float32"))


def _jitter(limit):
    return 1.0 + random.uniform(-limit, limit)


class Augmenter:
    """Base of the changes; its keyword arguments are what `dumps` writes."""

    def __init__(self, **kwargs):
        self._kwargs = {k: _plain(v) for k, v in kwargs.items()}

    def dumps(self):
        """str: class and arguments as JSON."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src):
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


def _plain(value):
    if isinstance(value, NDArray):
        value = value.asnumpy()
    return value.tolist() if isinstance(value, np.ndarray) else value


class SequentialAug(Augmenter):
    """Augmenters one after another."""

    def __init__(self, ts):
        super().__init__()
        self.ts = ts

    def dumps(self):
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src):
        for t in self.ts:
            src = t(src)
        return src


class RandomOrderAug(SequentialAug):
    """Augmenters in an order drawn anew for each image."""

    def __call__(self, src):
        random.shuffle(self.ts)
        return super().__call__(src)


class ResizeAug(Augmenter):
    """Shorter side to `size` pixels."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return resize_short(src, self.size, self.interp)


class ForceResizeAug(Augmenter):
    """To `size` (width, height), whatever the ratio was."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return imresize(src, self.size[0], self.size[1], self.interp)


class RandomCropAug(Augmenter):
    """A part of `size` (width, height) at a random place."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return random_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """A part of random size and ratio, resized to `size`: see `random_size_crop`."""

    def __init__(self, size, area, ratio, interp=2, **kwargs):
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size, self.ratio, self.interp = size, ratio, interp
        self.area = kwargs.pop("min_area", area)
        if kwargs:
            raise TypeError(f"RandomSizedCropAug: unknown arguments {', '.join(kwargs)}")

    def __call__(self, src):
        return random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


class CenterCropAug(Augmenter):
    """The part of `size` (width, height) in the middle."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return center_crop(src, self.size, self.interp)[0]


class BrightnessJitterAug(Augmenter):
    """Times a factor in [1 - brightness, 1 + brightness]."""

    def __init__(self, brightness):
        super().__init__(brightness=brightness)
        self.brightness = brightness

    def __call__(self, src):
        return src * _jitter(self.brightness)


class ContrastJitterAug(Augmenter):
    """Mixed with its mean brightness, by a factor in [1 - contrast, 1 + contrast]."""

    def __init__(self, contrast):
        super().__init__(contrast=contrast)
        self.contrast = contrast

    def __call__(self, src):
        alpha = _jitter(self.contrast)
        mean = dot(src, array(_LUMA)).mean()
        return src * alpha + mean * (1.0 - alpha)


class SaturationJitterAug(Augmenter):
    """Mixed with its gray image, by a factor in [1 - saturation, 1 + saturation]."""

    def __init__(self, saturation):
        super().__init__(saturation=saturation)
        self.saturation = saturation

    def __call__(self, src):
        alpha = _jitter(self.saturation)
        gray = dot(src, array(_LUMA)).expand_dims(2)
        return src * alpha + gray * (1.0 - alpha)


class HueJitterAug(Augmenter):
    """Colours turned by an angle in [-hue, hue] half turns, at the same luminance."""

    def __init__(self, hue):
        super().__init__(hue=hue)
        self.hue = hue

    def __call__(self, src):
        angle = random.uniform(-self.hue, self.hue) * math.pi
        u, w = math.cos(angle), math.sin(angle)
        turn = np.array([[1.0, 0.0, 0.0], [0.0, u, -w], [0.0, w, u]])
        matrix = (_FROM_YIQ @ turn @ _TO_YIQ).T
        return dot(src, array(matrix.astype("float32")))


class ColorJitterAug(RandomOrderAug):
    """Brightness, contrast and saturation in random order."""

    def __init__(self, brightness, contrast, saturation):
        ts = []
        if brightness > 0:
            ts.append(BrightnessJitterAug(brightness))
        if contrast > 0:
            ts.append(ContrastJitterAug(contrast))
        if saturation > 0:
            ts.append(SaturationJitterAug(saturation))
        super().__init__(ts)


class LightingAug(Augmenter):
    """Adds a colour along the principal components of a data set's colours.

    Notes
    -----
    Krizhevsky, Sutskever, Hinton, "ImageNet classification" (2012), section 4.1.
    """

    def __init__(self, alphastd, eigval, eigvec):
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd, self.eigval, self.eigvec = alphastd, eigval, eigvec

    def __call__(self, src):
        alpha = np.random.normal(0, self.alphastd, size=(3,))
        shift = np.dot(np.asarray(_plain(self.eigvec)) * alpha, np.asarray(_plain(self.eigval)))
        return src + array(shift.astype("float32"))


class ColorNormalizeAug(Augmenter):
    """(image - mean) / std for each channel."""

    def __init__(self, mean, std):
        super().__init__(mean=mean, std=std)
        self.mean, self.std = _color(mean), _color(std)

    def __call__(self, src):
        return color_normalize(src, self.mean, self.std)


class RandomGrayAug(Augmenter):
    """Gray with probability `p`."""

    _WEIGHTS = np.array([[0.21] * 3, [0.72] * 3, [0.07] * 3], "float32")

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def __call__(self, src):
        return dot(src, array(self._WEIGHTS)) if random.random() < self.p else src


class HorizontalFlipAug(Augmenter):
    """Left and right exchanged with probability `p`."""

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def __call__(self, src):
        return src[:, ::-1] if random.random() < self.p else src


class CastAug(Augmenter):
    """To another dtype."""

    def __init__(self, typ="float32"):
        super().__init__(type=typ)
        self.typ = typ

    def __call__(self, src):
        return src.astype(self.typ)


def default_colors(mean, std):
    """Mean and deviation, where True stands for those of ImageNet and None for none."""
    mean = np.array(_MEAN) if mean is True else mean
    std = np.array(_STD) if std is True else std
    for name, value in (("mean", mean), ("std", std)):
        if value is not None and np.asarray(_plain(value)).shape not in ((1,), (3,)):
            raise ValueError(f"CreateAugmenter: {name} is {value}, must have 1 or 3 numbers")
    return mean, std


def color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std):
    """The augmenters of colours that are asked for, in MXNet's order."""
    out = []
    if brightness or contrast or saturation:
        out.append(ColorJitterAug(brightness, contrast, saturation))
    if hue:
        out.append(HueJitterAug(hue))
    if pca_noise > 0:
        out.append(LightingAug(pca_noise, _EIGVAL, _EIGVEC))
    if rand_gray > 0:
        out.append(RandomGrayAug(rand_gray))
    mean, std = default_colors(mean, std)
    if mean is not None or std is not None:
        out.append(ColorNormalizeAug(mean, std))
    return out


def CreateAugmenter(  # noqa: N802
    data_shape,
    resize=0,
    rand_crop=False,
    rand_resize=False,
    rand_mirror=False,
    mean=None,
    std=None,
    brightness=0,
    contrast=0,
    saturation=0,
    hue=0,
    pca_noise=0,
    rand_gray=0,
    inter_method=2,
):
    """A list of augmenters for classification.

    Parameters
    ----------
    data_shape : (int, int, int)
        Channels, height and width of the result.
    resize : int
        Length of the shorter side before cropping; 0: as it is.
    rand_crop, rand_resize, rand_mirror : bool
        Crop at a random place; of a random size too; exchange left and right at random.
    mean, std : array or bool, optional
        For each channel; True: those of ImageNet.
    brightness, contrast, saturation, hue, pca_noise : float
        Limits of the changes; deviation of the noise. 0: none.
    rand_gray : float
        Probability of gray.
    inter_method : int
        As in `imresize`.
    """
    size = (data_shape[2], data_shape[1])
    out = [ResizeAug(resize, inter_method)] if resize > 0 else []
    if rand_resize:
        if not rand_crop:
            raise ValueError("CreateAugmenter: rand_crop is False, must be True with rand_resize")
        out.append(RandomSizedCropAug(size, 0.08, (3.0 / 4.0, 4.0 / 3.0), inter_method))
    else:
        out.append((RandomCropAug if rand_crop else CenterCropAug)(size, inter_method))
    if rand_mirror:
        out.append(HorizontalFlipAug(0.5))
    out.append(CastAug())
    return out + color_augmenters(
        brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std
    )
