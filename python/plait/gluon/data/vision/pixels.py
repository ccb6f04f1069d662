"""Arithmetic on images as NumPy arrays (h, w, c)."""

import numpy as np

__all__ = [
    "at_least",
    "brightness",
    "centre_crop",
    "contrast",
    "crop",
    "hue",
    "keep_dtype",
    "lighting",
    "resize",
    "rotate",
    "saturation",
]

# Luminance of red, green and blue: ITU-R BT.601.
_GREY = np.array([0.299, 0.587, 0.114], "float32")
# RGB to luminance and two colour axes (YIQ), and back.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
_FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])
# Eigenvalues and eigenvectors of the colours of ImageNet, for values in [0, 255].
_EIGENVALUES = np.array([55.46, 4.794, 1.148])
_EIGENVECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def keep_dtype(change, image, *args):
    """``change(image as float32, *args)``, rounded and limited for integers."""
    result = change(image.astype("float32"), *args)
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        result = np.clip(np.rint(result), limits.min, limits.max)
    return result.astype(image.dtype)


def crop(image, x, y, width, height):
    """The rectangle from (x, y).

    Raises
    ------
    ValueError
        If it is not inside.
    """
    h, w = image.shape[:2]
    if not (0 <= x and 0 <= y and 0 < width and 0 < height and x + width <= w and y + height <= h):
        raise ValueError(
            f"crop: the rectangle from ({x}, {y}) of {width} x {height} must be in {w} x {h}"
        )
    return image[y : y + height, x : x + width]


def _weights(size, target):
    """(first pixel, second pixel, share of the second) for each pixel of the target."""
    centre = np.clip((np.arange(target) + 0.5) * (size / target) - 0.5, 0, size - 1)
    first = np.minimum(np.floor(centre).astype("int64"), max(size - 2, 0))
    return first, np.minimum(first + 1, size - 1), (centre - first).astype("float32")


def resize(image, width, height, interpolation=1):
    """The image scaled to `width` and `height`; 0: nearest pixel, 1: linear in both axes.

    Raises
    ------
    ValueError
        If a size is not positive or there is no such interpolation.
    """
    if width < 1 or height < 1:
        raise ValueError(f"resize: size is {width} x {height}, must be >= 1")
    if interpolation not in (0, 1):
        raise ValueError(f"resize: interpolation is {interpolation}, must be 0 or 1")
    h, w = image.shape[:2]
    if (w, h) == (width, height):
        return image
    if interpolation == 0:
        rows = np.minimum((np.arange(height) * (h / height)).astype("int64"), h - 1)
        columns = np.minimum((np.arange(width) * (w / width)).astype("int64"), w - 1)
        return image[rows][:, columns]
    return keep_dtype(_linear, image, width, height)


def _linear(image, width, height):
    top, bottom, share = _weights(image.shape[0], height)
    share = share[:, None, None]
    image = image[top] * (1 - share) + image[bottom] * share
    left, right, share = _weights(image.shape[1], width)
    share = share[None, :, None]
    return image[:, left] * (1 - share) + image[:, right] * share


def at_least(image, width, height, interpolation=1):
    """The image, scaled up to cover `width` and `height` where it does not."""
    h, w = image.shape[:2]
    share = max(width / w, height / h)
    if share <= 1:
        return image
    return resize(image, max(width, round(w * share)), max(height, round(h * share)), interpolation)


def centre_crop(image, size, interpolation=1):
    """The middle of `size` (width, height); scaled up where the image is smaller."""
    width, height = size
    image = at_least(image, width, height, interpolation)
    y, x = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return crop(image, x, y, width, height)


def brightness(image, factor):
    """All values times `factor`."""
    return image * np.float32(factor)


def contrast(image, factor):
    """Distance from the mean luminance of the image times `factor`."""
    mean = (image @ _GREY).mean() if image.shape[2] == 3 else image.mean()
    return image * np.float32(factor) + np.float32((1 - factor) * mean)


def saturation(image, factor):
    """Distance from the luminance of each pixel times `factor`; grey images stay as they are."""
    if image.shape[2] != 3:
        return image
    grey = (image @ _GREY)[..., None]
    return image * np.float32(factor) + np.float32(1 - factor) * grey


def hue(image, turn):
    """Colours turned around the grey axis by ``turn * pi``; grey images stay as they are."""
    if image.shape[2] != 3:
        return image
    u, w = np.cos(turn * np.pi), np.sin(turn * np.pi)
    matrix = _FROM_YIQ @ np.array([[1, 0, 0], [0, u, -w], [0, w, u]]) @ _TO_YIQ
    return image @ matrix.T.astype("float32")


def lighting(image, noise):
    """`noise` (3,) added along the main directions of colour."""
    return image + (_EIGENVECTORS @ (noise * _EIGENVALUES)).astype("float32")


def rotate(image, degrees, zoom_in=False, zoom_out=False):
    """(c, h, w) or (n, c, h, w) turned counter-clockwise about the middle, with linear weights."""
    h, w = image.shape[-2:]
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    scale = 1.0
    if zoom_in or zoom_out:
        # Sides of the box around the turned image, in those of the image.
        wide = (abs(w * cos) + abs(h * sin)) / w
        high = (abs(w * sin) + abs(h * cos)) / h
        scale = max(wide, high) if zoom_out else 1 / max(wide, high)
    y, x = np.mgrid[:h, :w]
    y, x = (y - (h - 1) / 2) * scale, (x - (w - 1) / 2) * scale
    source_x = cos * x - sin * y + (w - 1) / 2
    source_y = sin * x + cos * y + (h - 1) / 2
    left, top = np.floor(source_x).astype("int64"), np.floor(source_y).astype("int64")
    out = np.zeros_like(image)
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = top + dy, left + dx
            inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
            share = (1 - abs(source_y - row)) * (1 - abs(source_x - column)) * inside
            picked = image[..., np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)]
            out += picked * share.astype(image.dtype)
    return out
