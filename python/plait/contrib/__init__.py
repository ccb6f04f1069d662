"""Operators and tools beside the core vocabulary, where MXNet 1.9 keeps them."""

from . import amp, ndarray, symbol
from . import ndarray as nd
from . import symbol as sym

__all__ = ["amp", "nd", "ndarray", "sym", "symbol"]
