"""Well-known models with the parameter names of MXNet, so that its weights load."""

from . import vision

__all__ = ["vision"]
