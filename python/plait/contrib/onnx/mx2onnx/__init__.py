"""Models to ONNX files, in the module that MXNet 1.x has."""

from . import export_model

__all__ = ["export_model"]
