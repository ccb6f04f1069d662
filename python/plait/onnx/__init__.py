"""Models in the exchange format ONNX; needs the package `onnx` (``pip install plait[onnx]``).

>>> mx.onnx.export_model("net-symbol.json", "net-0000.params", [(1, 3, 224, 224)],
...                      onnx_file_path="net.onnx")
>>> symbol, arguments, states = mx.onnx.import_model("net.onnx")
>>> scores = mx.onnx.Model("net.onnx")(images)
"""

from .export import export_model, get_operator_support
from .load import get_model_metadata, import_model, import_to_gluon
from .model import Model

__all__ = [
    "Model",
    "export_model",
    "get_model_metadata",
    "get_operator_support",
    "import_model",
    "import_to_gluon",
]
