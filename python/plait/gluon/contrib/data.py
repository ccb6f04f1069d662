"""Samplers under the name of MXNet's module: `gluon.contrib.data`."""

from ..data import IntervalSampler

__all__ = ["IntervalSampler"]
