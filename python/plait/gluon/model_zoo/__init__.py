"""Well-known models; those of `vision` have the parameter names of MXNet, so its weights load."""

from . import detection, model_store, recommendation, segmentation, speech, text, vision

__all__ = [
    "detection",
    "model_store",
    "recommendation",
    "segmentation",
    "speech",
    "text",
    "vision",
]
