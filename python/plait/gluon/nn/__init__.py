"""Layers."""

from ..block import Block
from ..hybrid_block import HybridBlock
from .basic_layers import *  # noqa: F403
from .conv_layers import *  # noqa: F403

__all__ = ["Block", "HybridBlock", *basic_layers.__all__, *conv_layers.__all__]  # noqa: F405
