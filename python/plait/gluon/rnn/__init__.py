"""Recurrent layers and cells."""

from . import basic_cells, cell, conv_cells, layer, modifier_cells, rnn_cell, rnn_layer  # noqa: F401
from .basic_cells import *  # noqa: F403
from .cell import *  # noqa: F403
from .conv_cells import *  # noqa: F403
from .layer import *  # noqa: F403
from .modifier_cells import *  # noqa: F403

__all__ = [
    *basic_cells.__all__,
    *cell.__all__,
    *conv_cells.__all__,
    *layer.__all__,
    *modifier_cells.__all__,
]
