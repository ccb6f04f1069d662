"""The interface that ONNX's own tests run: `prepare` a model, `run` it on numpy arrays."""

import numpy as np

from .. import cpu
from ..ndarray import NDArray
from .importers import numbers_of
from .model import Model

__all__ = ["BackendRep", "is_compatible", "prepare", "run_model", "run_node", "supports_device"]


class BackendRep:
    """A prepared model.

    Parameters
    ----------
    model : onnx.ModelProto
    """

    def __init__(self, model):
        self.model = Model(model, cpu())

    def run(self, inputs, **kwargs):
        """List of outputs as numpy arrays, for a list of inputs, a dict, or one array."""
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if not isinstance(inputs, dict):
            inputs = dict(zip(self.model.inputs, inputs, strict=True))
        return [_numpy(value) for value in self.model.run(inputs)]


def _numpy(value):
    if isinstance(value, (list, tuple)):
        return [_numpy(x) for x in value]
    return numbers_of(value) if isinstance(value, NDArray) else value


def is_compatible(model, device="CPU", **kwargs):
    """bool: True; what has no counterpart is refused at the run."""
    return supports_device(device)


def supports_device(device):
    """bool: whether models run on a device that ONNX calls so."""
    return device.split(":")[0] == "CPU"


def prepare(model, device="CPU", **kwargs):
    """A `BackendRep` of an onnx.ModelProto."""
    return BackendRep(model)


def run_model(model, inputs, device="CPU", **kwargs):
    """Outputs of a model for numpy arrays."""
    return prepare(model, device).run(inputs)


def run_node(node, inputs, device="CPU", outputs_info=None, **kwargs):
    """Outputs of one node for numpy arrays; `opset_version` says its version."""
    from .package import load_onnx

    helper = load_onnx().helper
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in zip(filter(None, node.input), map(np.asarray, inputs), strict=True)
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    version = kwargs.get("opset_version", load_onnx().defs.onnx_opset_version())
    opsets = [helper.make_opsetid(node.domain, version)]
    graph = helper.make_graph([node], "node", infos, outputs)
    return run_model(helper.make_model(graph, opset_imports=opsets), inputs)
