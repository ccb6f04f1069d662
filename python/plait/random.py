"""Random numbers: `mx.random`."""

from . import _engine
from .ndarray import random as _drawn
from .ndarray.random import *  # noqa: F403

__all__ = ["seed", *_drawn.__all__]


def seed(seed_state, ctx="all"):
    """Restart the random stream: the same seed and calls give the same numbers on any threads."""
    _engine.seed(seed_state)
