"""What MXNet 1.9 keeps in ``gluon.contrib``."""

from . import cnn, data, estimator, nn, rnn

__all__ = ["cnn", "data", "estimator", "nn", "rnn"]
