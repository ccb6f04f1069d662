"""Layers."""

from ..block import Block
from ..hybrid_block import HybridBlock
from ..symbol_block import SymbolBlock
from . import (
    activations,
    attention,
    basic_layers,
    containers,
    conv_layers,
    deformable_layers,
    lora,
    norm_layers,
    pool_layers,
    transformer_layers,
)
from .activations import *  # noqa: F403
from .attention import *  # noqa: F403
from .basic_layers import *  # noqa: F403
from .containers import *  # noqa: F403
from .conv_layers import *  # noqa: F403
from .deformable_layers import *  # noqa: F403
from .lora import *  # noqa: F403
from .norm_layers import *  # noqa: F403
from .pool_layers import *  # noqa: F403
from .transformer_layers import *  # noqa: F403

__all__ = [
    "Block",
    "HybridBlock",
    "SymbolBlock",
    *activations.__all__,
    *attention.__all__,
    *basic_layers.__all__,
    *containers.__all__,
    *conv_layers.__all__,
    *deformable_layers.__all__,
    *lora.__all__,
    *norm_layers.__all__,
    *pool_layers.__all__,
    *transformer_layers.__all__,
]
