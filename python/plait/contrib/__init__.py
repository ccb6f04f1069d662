"""Operators and tools beside the core vocabulary, where MXNet 1.9 keeps them."""

from . import amp, ndarray, onnx, symbol
from . import ndarray as nd
from . import symbol as sym

__all__ = ["amp", "nd", "ndarray", "onnx", "sym", "symbol"]
