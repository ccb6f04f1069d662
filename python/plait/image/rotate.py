"""Turned images: arrays of shape (channels, height, width), or batches of them."""

import random

import numpy as np

from ..ndarray import BilinearSampler, NDArray, array

__all__ = ["imrotate", "random_rotate"]


def _grid(height, width, degrees, zoom_in, zoom_out):
    """Places (x, y) of the source in [-1, 1] for each pixel, shape (2, height, width)."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    y, x = np.mgrid[:height, :width].astype("float64")
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    scale = 1.0
    if zoom_in or zoom_out:
        # Sides of the box around the turned image, in those of the image.
        wide = (abs(width * cos) + abs(height * sin)) / width
        high = (abs(width * sin) + abs(height * cos)) / height
        scale = max(wide, high) if zoom_out else 1 / max(wide, high)
    source_x = (cos * x - sin * y) * scale / max((width - 1) / 2, 0.5)
    source_y = (sin * x + cos * y) * scale / max((height - 1) / 2, 0.5)
    return np.stack([source_x, source_y])


def imrotate(src, rotation_degrees, zoom_in=False, zoom_out=False):
    """Images turned counter-clockwise about their middle, with linear interpolation.

    Parameters
    ----------
    src : NDArray
        float32, shape (channels, height, width) or (n, channels, height, width).
    rotation_degrees : float or array
        One angle, or n of them for a batch.
    zoom_in, zoom_out : bool
        Whether to scale so that no empty corners are seen, or that nothing is cut off.

    Raises
    ------
    TypeError
        If `src` is not float32.
    ValueError
        If both `zoom_in` and `zoom_out` are True, or shapes do not fit.
    """
    if zoom_in and zoom_out:
        raise ValueError("imrotate: zoom_in and zoom_out are both True, must not be")
    if src.dtype != np.float32:
        raise TypeError(
            f"imrotate: src has dtype {np.dtype(src.dtype).name}, must be float32\n"
            "  hint: put it after ToTensor"
        )
    if src.ndim not in (3, 4):
        raise ValueError(
            f"imrotate: src has shape {src.shape}, must be (channels, height, width), maybe with a "
            "batch axis in front"
        )
    images = src if src.ndim == 4 else src.expand_dims(0)
    angles = rotation_degrees
    angles = angles.asnumpy() if isinstance(angles, NDArray) else np.asarray(angles, "float64")
    if angles.size not in (1, len(images)) or (src.ndim == 3 and angles.ndim):
        raise ValueError(
            f"imrotate: rotation_degrees has shape {angles.shape}, must be one number or one for "
            f"each image of a batch"
        )
    grids = [_grid(*images.shape[2:], a, zoom_in, zoom_out) for a in angles.ravel()]
    grid = np.broadcast_to(np.stack(grids), (len(images), *grids[0].shape))
    turned = BilinearSampler(images, array(grid.astype("float32")))
    return turned if src.ndim == 4 else turned[0]


def random_rotate(src, angle_limits, zoom_in=False, zoom_out=False):
    """`imrotate` by an angle drawn between two limits, for each image of a batch anew."""
    low, high = angle_limits
    if src.ndim == 3:
        return imrotate(src, random.uniform(low, high), zoom_in, zoom_out)
    angles = np.array([random.uniform(low, high) for _ in range(len(src))])
    return imrotate(src, angles, zoom_in, zoom_out)
