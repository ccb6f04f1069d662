"""The layers under the name of MXNet's module: `from mxnet.gluon.rnn.rnn_layer import LSTM`."""

from . import layer
from .layer import *  # noqa: F403

__all__ = layer.__all__
