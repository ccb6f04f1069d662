"""What MXNet 1.9 keeps in ``gluon.contrib``."""

from . import cnn, estimator, nn, rnn

__all__ = ["cnn", "estimator", "nn", "rnn"]
