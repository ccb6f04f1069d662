"""Measures of how well predictions fit labels."""

from .. import ndarray  # noqa: F401 - where programs written for MXNet find it too
from . import base, classification, regression
from .base import *  # noqa: F403
from .base import np_metric as np  # noqa: F401 - MXNet's name
from .classification import *  # noqa: F403
from .regression import *  # noqa: F403

__all__ = [*base.__all__, *classification.__all__, *regression.__all__, "np"]
