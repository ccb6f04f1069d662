"""Operators and tools beside the core vocabulary, where MXNet 1.9 keeps them."""

from . import amp, io, ndarray, onnx, symbol, tensorboard
from . import ndarray as nd
from . import symbol as sym

__all__ = ["amp", "io", "nd", "ndarray", "onnx", "sym", "symbol", "tensorboard"]
