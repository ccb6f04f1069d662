"""`mx.onnx` where MXNet 1.x keeps it."""

from ...onnx import export_model, get_model_metadata, import_model, import_to_gluon
from . import mx2onnx, onnx2mx

__all__ = [
    "export_model",
    "get_model_metadata",
    "import_model",
    "import_to_gluon",
    "mx2onnx",
    "onnx2mx",
]
