"""Symbols and their parameters to ONNX files."""

import logging

import numpy as np

from .. import ndarray, symbol
from ..files import replacing
from . import (  # noqa: F401 - fill the table
    export_attention,
    export_control,
    export_layers,
    export_order,
    export_recurrent,
    export_shapes,
    export_simple,
)
from .converters import CONVERTERS, Writer
from .graph import read_graph
from .package import load_onnx

__all__ = ["export_model", "get_operator_support"]

OPSET, IR_VERSION = 17, 8
# Outputs that know their gradient: the labels are no inputs of the exported model.
_LABELLED = {
    "softmax_output", "linear_regression_output", "logistic_regression_output",
    "mae_regression_output", "svm_output",
}  # fmt: skip


def export_model(
    sym,
    params,
    in_shapes=None,
    in_types=np.float32,
    onnx_file_path="model.onnx",
    verbose=False,
    dynamic=False,
    dynamic_input_shapes=None,
    run_shape_inference=False,
    input_type=None,
    input_shape=None,
    large_model=False,
):
    """Write a model to an ONNX file (opset 17).

    Parameters
    ----------
    sym : Symbol or str
        The graph, or its JSON file.
    params : dict of str to NDArray, list of two dicts, or str
        Parameters (with ``arg:`` and ``aux:`` before the names or without), or their file.
    in_shapes : list of tuple
        Shapes of the inputs in the order of the graph.
    in_types : type, or list of types
    onnx_file_path : str
        Written whole or not at all.
    verbose : bool
        Whether the file is logged.
    dynamic : bool
        Whether the first size of the inputs may change.
    dynamic_input_shapes : list of tuple, optional
        Names (or None) where sizes may change; only the first size of each can.
    run_shape_inference : bool
        Whether `onnx` adds the shapes of all values.
    input_type, input_shape
        Older names of `in_types` and `in_shapes`.
    large_model : bool
        Whether parameters go to a second file, ``<path>.data``, as models above 2 GB need.

    Returns
    -------
    str
        The path.

    Raises
    ------
    ImportError
        Without the package `onnx`.
    NotImplementedError
        If an operator, or one of its options, has no counterpart; the message names the node.
    """
    onnx = load_onnx()
    graph = symbol.load(sym) if isinstance(sym, str) else sym
    arrays = _parameters(params)
    shapes = in_shapes if in_shapes is not None else input_shape
    types = input_type if input_type is not None else in_types
    nodes, variables, outputs = _read(graph, arrays, shapes, types, dynamic)
    writer = Writer(onnx, {n: a.asnumpy() for n, a in arrays.items()}, graph)
    for node in nodes:
        writer.convert(node)
    writer.nodes = _needed(writer.nodes, {v.name for v in outputs})
    used = set().union(*map(_read_by, writer.nodes))
    labels = {v.name for node in nodes if node.op in _LABELLED for v in node.inputs[1:]}
    inputs = [v for n, v in variables.items() if n not in arrays and (n in used or n not in labels)]
    names = _dynamic_names(dynamic, dynamic_input_shapes, inputs)
    made = onnx.helper.make_graph(
        writer.nodes,
        "plait",
        [_info(onnx, v, names.get(v.name)) for v in inputs],
        [_info(onnx, v, [None if s is None else s for s in v.shape]) for v in outputs],
        [a for a in writer.initializers if a.name in used or a.name in {v.name for v in outputs}],
    )
    model = onnx.helper.make_model(
        made,
        producer_name="plait",
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    if run_shape_inference:
        model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    _save(onnx, model, onnx_file_path, large_model)
    if verbose:
        logging.info("wrote %s: %d nodes", onnx_file_path, len(writer.nodes))
    return onnx_file_path


def get_operator_support(opset_version=None):
    """Names of the operators that `export_model` writes, in alphabetical order.

    Parameters
    ----------
    opset_version : int, optional
        As in MXNet; files have opset 17 whatever it is.
    """
    return sorted(CONVERTERS)


def _read_by(node):
    """Names of the values that a node reads, also in graphs inside it."""
    found = set(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            found |= _read_by(inner)
    return found


def _needed(nodes, outputs):
    """The nodes that the outputs follow from, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= _read_by(node)
    return kept[::-1]


def _parameters(params):
    """dict of name to array, without ``arg:`` and ``aux:``."""
    if isinstance(params, str):
        params = ndarray.load(params)
    if isinstance(params, (list, tuple)):
        params = {k: v for part in params for k, v in part.items()}
    return {k.removeprefix("arg:").removeprefix("aux:"): v for k, v in params.items()}


def _read(graph, arrays, shapes, types, dynamic):
    """What `read_graph` gives; labels get the shape that follows from the rest."""
    data = [n for n in graph.list_inputs() if n not in arrays]
    if not isinstance(types, (list, tuple)):
        types = [types] * len(shapes or ())
    if shapes is None or len(shapes) > len(data) or len(types) != len(shapes):
        raise ValueError(
            f"onnx: in_shapes is {shapes} and in_types {types}, must have one for each of {data}"
        )
    known = dict(zip(data, (tuple(s) for s in shapes), strict=False))
    kinds = dict(zip(data, types, strict=False))
    given = {n: a.shape for n, a in arrays.items() if n in set(graph.list_inputs())}
    kinds.update({n: arrays[n].dtype for n in given})
    return read_graph(graph, {**known, **given}, kinds, set(known) if dynamic else False)


def _dynamic_names(dynamic, names, inputs):
    """dict of input to list of sizes, in which texts and None may change."""
    if not dynamic:
        return {}
    found = {}
    for i, value in enumerate(inputs):
        sizes = list(names[i]) if names and i < len(names) else ["batch", *value.shape[1:]]
        for given, size in zip(sizes[1:], value.shape[1:], strict=False):
            if given != size:
                raise NotImplementedError(
                    f"onnx: dynamic_input_shapes of {value.name!r} is {tuple(sizes)}, "
                    "only the first size may change"
                )
        found[value.name] = sizes
    return found


def _info(onnx, value, sizes=None):
    dtype = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(value.name, dtype, sizes or list(value.shape))


def _save(onnx, model, path, large):
    if large:
        onnx.save(model, path, save_as_external_data=True, location=_data_name(path))
        return
    with replacing(path) as partial:
        onnx.save(model, partial)


def _data_name(path):
    import os

    return os.path.basename(path) + ".data"
