"""Layers."""

from ..block import Block
from ..hybrid_block import HybridBlock
from ..symbol_block import SymbolBlock
from . import activations, basic_layers, containers, conv_layers, norm_layers, pool_layers
from .activations import *  # noqa: F403
from .basic_layers import *  # noqa: F403
from .containers import *  # noqa: F403
from .conv_layers import *  # noqa: F403
from .norm_layers import *  # noqa: F403
from .pool_layers import *  # noqa: F403

__all__ = [
    "Block",
    "HybridBlock",
    "SymbolBlock",
    *activations.__all__,
    *basic_layers.__all__,
    *containers.__all__,
    *conv_layers.__all__,
    *norm_layers.__all__,
    *pool_layers.__all__,
]
