"""ONNX files to symbols and parameters."""

from ....onnx import get_model_metadata, import_model

__all__ = ["get_model_metadata", "import_model"]
