"""Optimizers beside the core ones, where MXNet's programs look for them."""

from .adaptive import GroupAdaGrad

__all__ = ["GroupAdaGrad"]
