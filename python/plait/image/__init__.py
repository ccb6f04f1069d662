"""Decoding, resizing and changing images: arrays of shape (height, width, channels)."""

from .augment import *  # noqa: F403
from .augment import __all__ as _augment
from .codec import imdecode, imencode, imread
from .det_iterator import ImageDetIter
from .detection import *  # noqa: F403
from .detection import __all__ as _detection
from .geometry import *  # noqa: F403
from .geometry import __all__ as _geometry
from .geometry import get_interp_method as _get_interp_method  # noqa: F401 - MXNet's name
from .iterator import ImageIter
from .rotate import imrotate, random_rotate

__all__ = ["ImageDetIter", "ImageIter", "imdecode", "imencode", "imread", "imrotate"]
__all__ += ["random_rotate"]
__all__ += _augment + _detection + _geometry
