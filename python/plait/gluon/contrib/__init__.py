"""What MXNet 1.9 keeps in ``gluon.contrib``."""

from . import cnn, nn, rnn

__all__ = ["cnn", "nn", "rnn"]
