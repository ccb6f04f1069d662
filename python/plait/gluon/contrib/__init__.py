"""What MXNet 1.9 keeps in ``gluon.contrib``."""

from . import nn, rnn

__all__ = ["nn", "rnn"]
