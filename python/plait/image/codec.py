"""Images from and to bytes."""

import os

import numpy as np

from .. import _data
from ..base import MXNetError
from ..ndarray import NDArray, array

__all__ = ["imdecode", "imread", "imencode"]

_NATIVE = (b"\xff\xd8", b"\x89PNG\r\n\x1a\n")  # how JPEG and PNG begin
_MODES = {0: "L", 1: "RGB"}


def _bytes_of(buf):
    if isinstance(buf, NDArray):
        buf = buf.asnumpy()
    if isinstance(buf, np.ndarray):
        if buf.dtype != np.uint8:
            raise TypeError(f"imdecode: buf has dtype {buf.dtype}, must have uint8")
        return buf.tobytes()
    return buf


def _decode_with_pillow(data, flag, name):
    """For formats that the core does not read, and for builds without codecs."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise NotImplementedError(
            f"imdecode: {name or 'the image'} needs a decoder that is not there\n"
            "  hint: install pillow"
        ) from None
    import io

    try:
        with Image.open(io.BytesIO(data)) as image:
            mode = _MODES.get(flag)
            if mode is None:
                gray = image.mode in ("1", "L", "I", "I;16", "F")
                mode = "L" if gray else "RGBA" if "A" in image.getbands() else "RGB"
            pixels = np.asarray(image.convert(mode))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise OSError(f"imdecode: {name or 'the image'} is broken: {error}") from error
    return array(pixels if pixels.ndim == 3 else pixels[:, :, None], dtype="uint8")


def imdecode(buf, flag=1, to_rgb=True, out=None, *, name=None):
    """An image from the bytes of its file.

    Parameters
    ----------
    buf : bytes-like or uint8 array
        JPEG or PNG; also what Pillow reads, if it is installed.
    flag : int
        1: three channels; 0: gray; -1: as stored.
    to_rgb : bool
        Order of the channels: red, green, blue or the reverse.
    out : NDArray, optional
        Is overwritten with the image.
    name : str, optional
        Stands in error messages.

    Returns
    -------
    NDArray
        uint8, shape (height, width, channels).

    Raises
    ------
    OSError
        If the image is broken or of an unknown format.
    """
    if flag not in (-1, 0, 1):
        raise ValueError(f"imdecode: flag is {flag}, must be -1, 0 or 1")
    data = _bytes_of(buf)
    if not len(data):
        raise OSError(f"imdecode: {name or 'the image'} has no bytes")
    if _data.has_codecs() and bytes(data[:8]).startswith(_NATIVE):
        image = _data.decode(data, flag, name, NDArray)
    else:
        image = _decode_with_pillow(data, flag, name)
    if not to_rgb and image.shape[2] >= 3:
        pixels = image.asnumpy()
        image = array(pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]], dtype="uint8")
    if out is None:
        return image
    out[:] = image
    return out


def imread(filename, flag=1, to_rgb=True, out=None):
    """An image from a file; the arguments are those of `imdecode`."""
    with open(filename, "rb") as file:
        return imdecode(file.read(), flag, to_rgb, out, name=os.fspath(filename))


def imencode(image, img_fmt=".jpg", quality=None):
    """bytes: an image as a file.

    Parameters
    ----------
    image : array
        uint8, shape (height, width) or (height, width, channels) with red, green, blue.
    img_fmt : str
        ".jpg", ".jpeg" or ".png".
    quality : int, optional
        1 to 100 for JPEG, default 95; level of compression 0 to 9 for PNG, default 3. A larger
        one, meant for JPEG, counts as 9.
    """
    kind = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}.get(img_fmt.lower())
    if kind is None:
        raise ValueError(f"imencode: img_fmt is {img_fmt!r}, must be '.jpg', '.jpeg' or '.png'")
    pixels = np.asarray(image.asnumpy() if isinstance(image, NDArray) else image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ValueError(
            f"imencode: image has dtype {pixels.dtype} and shape {pixels.shape}, must be uint8 "
            "of shape (height, width) or (height, width, channels)"
        )
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if quality is None:
        quality = 95 if kind == "jpeg" else 3
    if kind == "png":
        quality = min(quality, 9)
    if _data.has_codecs():
        return _data.encode(array(pixels, dtype="uint8"), kind, quality)
    return _encode_with_pillow(pixels, kind, quality)


def _encode_with_pillow(pixels, kind, quality):
    try:
        from PIL import Image
    except ImportError:
        raise MXNetError(
            "imencode: this build has no codecs and Pillow is not there\n  hint: install pillow"
        ) from None
    import io

    file = io.BytesIO()
    options = {"quality": quality} if kind == "jpeg" else {"compress_level": quality}
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.save(file, format=kind, **options)
    return file.getvalue()
