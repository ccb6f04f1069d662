"""Changes of images: rows of the data pipeline, as blocks.

Images are arrays (h, w, c), uint8 or floating; `ToTensor` makes (c, h, w) of them.
"""

import math
import random

import numpy as np

from .... import ndarray
from ....symbol import Symbol
from ...block import Block
from ...hybrid_block import HybridBlock
from ...nn import HybridSequential, Sequential
from . import pixels

__all__ = [
    "Compose",
    "HybridCompose",
    "Cast",
    "ToTensor",
    "Normalize",
    "Resize",
    "CropResize",
    "CenterCrop",
    "RandomCrop",
    "RandomResizedCrop",
    "Rotate",
    "RandomRotation",
    "RandomFlipLeftRight",
    "RandomFlipTopBottom",
    "RandomBrightness",
    "RandomContrast",
    "RandomSaturation",
    "RandomHue",
    "RandomColorJitter",
    "RandomLighting",
    "RandomGray",
    "RandomApply",
    "HybridRandomApply",
]


class Compose(Sequential):
    """Transforms applied one after the other.

    Examples
    --------
    >>> change = Compose([Resize(64), CenterCrop(56), ToTensor()])
    """

    def __init__(self, transforms):
        super().__init__()
        self.add(*transforms)


class HybridCompose(HybridSequential):
    """Hybrid transforms applied one after the other; compiled as a whole."""

    def __init__(self, transforms):
        super().__init__()
        self.add(*transforms)
        self.hybridize()


class Cast(HybridBlock):
    """Changes the type of the elements."""

    def __init__(self, dtype="float32"):
        super().__init__()
        self._dtype = dtype

    def hybrid_forward(self, F, x):
        return F.cast(x, dtype=self._dtype)


class ToTensor(HybridBlock):
    """(h, w, c) in [0, 255] to float32 (c, h, w) in [0, 1]; batches (n, h, w, c) likewise.

    As a symbol, the input is taken for one image.
    """

    def hybrid_forward(self, F, x):
        batch = not isinstance(x, Symbol) and x.ndim == 4
        axes = (0, 3, 1, 2) if batch else (2, 0, 1)
        return F.transpose(F.cast(x, dtype="float32"), axes=axes) * (1.0 / 255.0)


class Normalize(HybridBlock):
    """``(x - mean) / std`` of each channel of (c, h, w) or (n, c, h, w).

    Parameters
    ----------
    mean, std : float or tuple of float
        One for all channels, or one for each.
    """

    def __init__(self, mean=0.0, std=1.0):
        super().__init__()
        self._mean = np.asarray(mean, "float32").reshape(-1, 1, 1)
        self._std = np.asarray(std, "float32").reshape(-1, 1, 1)
        if (self._std == 0).any():
            raise ValueError(f"Normalize: std is {std}, must not be 0")
        self.scale = self.params.get_constant("scale", ndarray.array(1 / self._std))
        self.shift = self.params.get_constant("shift", ndarray.array(self._mean / self._std))
        self.scale.initialize()
        self.shift.initialize()

    def hybrid_forward(self, F, x, scale, shift):
        return F.broadcast_sub(F.broadcast_mul(x, scale), shift)


def _pair(size):
    """(width, height) from one number or two."""
    return (int(size), int(size)) if np.isscalar(size) else (int(size[0]), int(size[1]))


class _Pixels(Block):
    """Transforms that compute in NumPy; subclasses define ``_change(array)``."""

    def forward(self, x):
        """Change one image."""
        changed = self._change(x.asnumpy())
        return ndarray.array(np.ascontiguousarray(changed), dtype=changed.dtype)


class Resize(_Pixels):
    """Scales to `size`: (width, height), or one number.

    Parameters
    ----------
    size : int or tuple of int
    keep_ratio : bool
        Whether one number is the shorter side, and the other side keeps the ratio.
    interpolation : int
        0: nearest pixel, 1: linear.
    """

    def __init__(self, size, keep_ratio=False, interpolation=1):
        super().__init__()
        self._size, self._keep, self._interpolation = size, keep_ratio, interpolation

    def _change(self, image):
        height, width = image.shape[:2]
        if np.isscalar(self._size) and self._keep:
            share = self._size / min(height, width)
            target = round(width * share), round(height * share)
        else:
            target = _pair(self._size)
        return pixels.resize(image, *target, self._interpolation)


class CropResize(_Pixels):
    """The rectangle from (x, y) of `width` and `height`, scaled to `size` if given."""

    def __init__(self, x, y, width, height, size=None, interpolation=None):
        super().__init__()
        self._box, self._size = (x, y, width, height), size
        self._interpolation = 1 if interpolation is None else interpolation

    def _change(self, image):
        image = pixels.crop(image, *self._box)
        if self._size:
            image = pixels.resize(image, *_pair(self._size), self._interpolation)
        return image


class CenterCrop(_Pixels):
    """The middle of the image, (width, height) or one number; scaled up where it is smaller."""

    def __init__(self, size, interpolation=1):
        super().__init__()
        self._size, self._interpolation = _pair(size), interpolation

    def _change(self, image):
        return pixels.centre_crop(image, self._size, self._interpolation)


class RandomCrop(_Pixels):
    """A random part of the image, after `pad` zeros were put around it.

    Parameters
    ----------
    size : int or tuple of int
        (width, height).
    pad : int or tuple of int, optional
        On all sides, or (left and right, top and bottom).
    pad_value : int
    interpolation : int
        Used where the image is smaller than `size`.
    """

    def __init__(self, size, pad=None, pad_value=0, interpolation=1):
        super().__init__()
        self._size, self._interpolation = _pair(size), interpolation
        self._pad, self._pad_value = _pair(pad) if pad is not None else None, pad_value

    def _change(self, image):
        if self._pad is not None:
            across, down = self._pad
            image = np.pad(
                image, ((down, down), (across, across), (0, 0)), constant_values=self._pad_value
            )
        width, height = self._size
        image = pixels.at_least(image, width, height, self._interpolation)
        x = random.randint(0, image.shape[1] - width)
        y = random.randint(0, image.shape[0] - height)
        return pixels.crop(image, x, y, width, height)


class RandomResizedCrop(_Pixels):
    """A random part of random area and ratio, scaled to `size`.

    Szegedy and others: Going deeper with convolutions (2014).

    Parameters
    ----------
    size : int or tuple of int
        (width, height).
    scale : tuple of float
        Bounds of the share of the area.
    ratio : tuple of float
        Bounds of width over height.
    interpolation : int
    """

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3.0 / 4.0, 4.0 / 3.0), interpolation=1):
        super().__init__()
        self._size, self._interpolation = _pair(size), interpolation
        self._scale = (scale, 1.0) if np.isscalar(scale) else scale
        self._ratio = ratio

    def _change(self, image):
        height, width = image.shape[:2]
        for _ in range(10):
            area = random.uniform(*self._scale) * height * width
            ratio = math.exp(random.uniform(*(math.log(r) for r in self._ratio)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                x, y = random.randint(0, width - w), random.randint(0, height - h)
                image = pixels.crop(image, x, y, w, h)
                return pixels.resize(image, *self._size, self._interpolation)
        return pixels.centre_crop(image, self._size, self._interpolation)


class Rotate(_Pixels):
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
        self._degrees, self._zoom_in, self._zoom_out = rotation_degrees, zoom_in, zoom_out

    def _change(self, image):
        if image.dtype != np.float32:
            raise TypeError(
                f"{type(self).__name__}: image has dtype {image.dtype}, must be float32\n"
                "  hint: put it after ToTensor"
            )
        return pixels.rotate(image, self._angle(), self._zoom_in, self._zoom_out)

    def _angle(self):
        return self._degrees


class RandomRotation(Rotate):
    """`Rotate` by an angle between two limits, with a probability.

    Parameters
    ----------
    angle_limits : tuple of float
        In degrees; the first is smaller.
    zoom_in, zoom_out : bool
    rotate_with_proba : float
    """

    def __init__(self, angle_limits, zoom_in=False, zoom_out=False, rotate_with_proba=1.0):
        low, high = angle_limits
        if low >= high:
            raise ValueError(f"RandomRotation: angle_limits is {angle_limits}, must rise")
        if not 0 <= rotate_with_proba <= 1:
            raise ValueError(
                f"RandomRotation: rotate_with_proba is {rotate_with_proba}, must be in [0, 1]"
            )
        super().__init__(0.0, zoom_in, zoom_out)
        self._limits, self._probability = (low, high), rotate_with_proba

    def _angle(self):
        return random.uniform(*self._limits)

    def forward(self, x):
        """Change one image, or give it back."""
        return x if random.random() > self._probability else super().forward(x)


class _RandomFlip(Block):
    """Mirrors along `_axis` of (h, w, c) with probability `p`."""

    def __init__(self, p=0.5):
        super().__init__()
        self._p = p

    def forward(self, x):
        """Change one image, or give it back."""
        return x if random.random() >= self._p else ndarray.flip(x, axis=x.ndim + self._axis)


class RandomFlipLeftRight(_RandomFlip):
    """Swaps left and right with probability `p`."""

    _axis = -2


class RandomFlipTopBottom(_RandomFlip):
    """Swaps top and bottom with probability `p`."""

    _axis = -3


class _Colour(_Pixels):
    """Changes by a random factor in ``[max(0, 1 - strength), 1 + strength]``."""

    def __init__(self, strength):
        super().__init__()
        if strength < 0:
            raise ValueError(f"{type(self).__name__}: the strength is {strength}, must be >= 0")
        self._strength = strength

    def _factor(self):
        return random.uniform(max(0.0, 1.0 - self._strength), 1.0 + self._strength)

    def _change(self, image):
        return pixels.keep_dtype(self._colour, image, self._factor())


class RandomBrightness(_Colour):
    """Multiplies all values by a random factor around 1."""

    _colour = staticmethod(pixels.brightness)


class RandomContrast(_Colour):
    """Moves values away from the mean grey, or towards it."""

    _colour = staticmethod(pixels.contrast)


class RandomSaturation(_Colour):
    """Moves values away from the grey of each pixel, or towards it."""

    _colour = staticmethod(pixels.saturation)


class RandomHue(_Colour):
    """Turns colours around the grey axis by a random angle of up to `strength` half turns."""

    _colour = staticmethod(pixels.hue)

    def _factor(self):
        return random.uniform(-self._strength, self._strength)


class RandomColorJitter(Block):
    """Brightness, contrast, saturation and hue in random order; 0 leaves one out."""

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        kinds = (RandomBrightness, RandomContrast, RandomSaturation, RandomHue)
        strengths = (brightness, contrast, saturation, hue)
        for kind, strength in zip(kinds, strengths, strict=True):
            if strength:
                self.register_child(kind(strength))

    def forward(self, x):
        """Change one image."""
        parts = list(self._children.values())
        random.shuffle(parts)
        for part in parts:
            x = part(x)
        return x


class RandomLighting(_Pixels):
    """Adds noise along the main directions of the colours of ImageNet.

    Krizhevsky, Sutskever, Hinton: ImageNet classification (2012).

    Parameters
    ----------
    alpha : float
        Standard deviation of the noise.
    """

    def __init__(self, alpha):
        super().__init__()
        self._alpha = alpha

    def _change(self, image):
        noise = np.array([random.gauss(0, self._alpha) for _ in range(3)])
        return pixels.keep_dtype(pixels.lighting, image, noise)


class RandomGray(_Pixels):
    """Takes the colour away with probability `p`; there are three channels still."""

    def __init__(self, p=0.5):
        super().__init__()
        self._p = p

    def _change(self, image):
        if random.random() >= self._p:
            return image
        return pixels.keep_dtype(pixels.saturation, image, 0.0)


class RandomApply(Sequential):
    """A transform that is applied with probability `p`."""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms, self._p = transforms, p

    def forward(self, x, *args):
        """Change one image, or give it back."""
        return x if random.random() >= self._p else self.transforms(x)


class HybridRandomApply(RandomApply):
    """`RandomApply` of a hybrid transform, which is compiled."""

    def __init__(self, transforms, p=0.5):
        if not isinstance(transforms, HybridBlock):
            raise TypeError(
                f"HybridRandomApply: transforms is {type(transforms).__name__}, "
                "must be a HybridBlock"
            )
        super().__init__(transforms, p)
        transforms.hybridize()
