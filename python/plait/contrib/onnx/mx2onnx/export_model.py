"""Models to ONNX files."""

from ....onnx import export_model

__all__ = ["export_model"]
