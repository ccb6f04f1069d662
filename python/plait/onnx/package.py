"""The package `onnx`, loaded when it is first needed."""

__all__ = ["load_onnx"]


def load_onnx():
    """The module `onnx`.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import onnx
        import onnx.reference
        import onnx.shape_inference
    except ImportError as error:
        raise ImportError(
            "onnx: the package onnx is missing\n  hint: pip install plait[onnx]"
        ) from error
    return onnx
