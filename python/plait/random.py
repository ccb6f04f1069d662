"""Random numbers: `mx.random`."""

from . import _engine
from .ndarray.random import (
    exponential,
    gamma,
    negative_binomial,
    normal,
    poisson,
    randint,
    randn,
    shuffle,
    uniform,
)

__all__ = [
    "seed",
    "uniform",
    "normal",
    "randn",
    "randint",
    "exponential",
    "gamma",
    "poisson",
    "negative_binomial",
    "shuffle",
]


def seed(seed_state, ctx="all"):
    """Restart the random stream; the same seed and calls give the same numbers on any thread count."""
    _engine.seed(seed_state)
