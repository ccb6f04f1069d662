"""Random numbers: `mx.random`."""

from . import _engine

__all__ = ["seed"]


def seed(seed_state, ctx="all"):
    """Restart the random stream; the same seed and calls give the same numbers on any thread count."""
    _engine.seed(seed_state)


def __getattr__(name):
    """Distributions are those of `mx.nd.random`, which is generated."""
    from . import ndarray
    if name.startswith("__") or not hasattr(ndarray.random, name):
        raise AttributeError(f"module 'plait.random' has no attribute {name!r}")
    return getattr(ndarray.random, name)
