"""ONNX files to models, in the modules that MXNet 1.x has."""

from . import import_model, import_to_gluon

__all__ = ["import_model", "import_to_gluon"]
