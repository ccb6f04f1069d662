"""Changes of images: rows of the data pipeline, as blocks.

Images are arrays (h, w, c), uint8 or floating; `ToTensor` makes (c, h, w) of them.
"""

from .basic import *  # noqa: F403
from .basic import __all__ as _basic
from .colour import *  # noqa: F403
from .colour import __all__ as _colour
from .geometry import *  # noqa: F403
from .geometry import __all__ as _geometry

__all__ = _basic + _geometry + _colour
