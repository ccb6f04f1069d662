"""Operators beside the core vocabulary: `mx.contrib.nd` and `mx.contrib.sym`."""

from . import ndarray, symbol
from . import ndarray as nd
from . import symbol as sym

__all__ = ["nd", "ndarray", "sym", "symbol"]
