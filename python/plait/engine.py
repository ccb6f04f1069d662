"""The scheduler seen from Python."""

from contextlib import contextmanager

from ._engine import memory_stats, stats

__all__ = ["bulk", "set_bulk_size", "stats", "memory_stats"]

_bulk_size = 15


def set_bulk_size(size):
    """Set how many operations form one task, for MXNet's programs: small work runs at once here, so
    nothing changes. Returns the value before."""
    global _bulk_size
    before, _bulk_size = _bulk_size, int(size)
    return before


@contextmanager
def bulk(size):
    """`set_bulk_size` inside a `with`."""
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)
