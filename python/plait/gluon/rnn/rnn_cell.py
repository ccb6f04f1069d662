"""The cells under the name of MXNet's module: `from mxnet.gluon.rnn.rnn_cell import LSTMCell`."""

from . import basic_cells, cell, modifier_cells
from .basic_cells import *  # noqa: F403
from .cell import *  # noqa: F403
from .modifier_cells import *  # noqa: F403

__all__ = [*basic_cells.__all__, *cell.__all__, *modifier_cells.__all__]
