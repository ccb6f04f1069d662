"""The functions of `plait.files`, where other packages look for them."""

from ..files import replacing, sync

__all__ = ["replacing", "sync"]
