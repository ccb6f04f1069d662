"""Well-known models; those of `vision` have the parameter names of MXNet, so its weights load."""

from . import model_store, recommendation, segmentation, text, vision

__all__ = ["model_store", "recommendation", "segmentation", "text", "vision"]
