"""Operators and tools beside the core vocabulary, where MXNet 1.9 keeps them."""

from . import (
    amp,
    autograd,
    io,
    ndarray,
    onnx,
    quantization,
    svrg_optimization,
    symbol,
    tensorboard,
    text,
)
from . import ndarray as nd
from . import symbol as sym

__all__ = [
    "amp", "autograd", "io", "nd", "ndarray", "onnx", "quantization", "svrg_optimization", "sym",
    "symbol", "tensorboard", "text",
]  # fmt: skip
