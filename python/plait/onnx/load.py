"""ONNX files to symbols and parameters."""

import numpy as np

from .. import ndarray, symbol
from ..context import current_context
from ..gluon.symbol_block import SymbolBlock
from . import import_layers, import_shapes, import_simple  # noqa: F401 - fill the table
from .importers import IMPORTERS, Step, known_dtype
from .package import load_onnx

__all__ = ["Importer", "get_model_metadata", "import_model", "import_to_gluon"]


class Importer:
    """Makes symbols from the nodes of a file.

    Values are symbols, or arrays where they are known: those are computed at once by the
    reference evaluator of `onnx`.

    Attributes
    ----------
    parameters, states : dict of str to NDArray
    inputs : list of str
        Names of the inputs, in order.
    symbols : list of Symbol
        The outputs.
    """

    def __init__(self, model):
        self.onnx = load_onnx()
        graph = model.graph
        versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
        self.opset = max(versions, default=1)
        self.known = {i.name: self.onnx.numpy_helper.to_array(i) for i in graph.initializer}
        self.values, self.shapes, self.dtypes = {}, {}, {}
        self.parameters, self.states, self.inputs = {}, {}, []
        for value in graph.input:
            if value.name not in self.known:
                self._input(value)
        for node in graph.node:
            self._node(node)
        self.symbols = [self.symbol(value.name) for value in graph.output]

    def _input(self, value):
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type"):
            raise NotImplementedError(f"onnx: input {value.name!r} is no tensor")
        shape = tuple(d.dim_value for d in tensor.shape.dim)  # 0: any size
        dtype = known_dtype(self.onnx, tensor.elem_type, f"input {value.name!r}")
        self.inputs.append(value.name)
        self.shapes[value.name], self.dtypes[value.name] = shape, dtype
        self.values[value.name] = symbol.var(value.name, dtype=dtype)

    def _node(self, node):
        attrs = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        attrs = {k: v.decode() if isinstance(v, bytes) else v for k, v in attrs.items()}
        if any(a.HasField("g") or a.graphs for a in node.attribute):
            raise NotImplementedError(
                f"onnx: operator {node.op_type!r} of node {node.name!r} has no import"
            )
        step = Step(self, node, attrs)
        if node.op_type not in ("Shape", "Size") and all(n in self.known for n in node.input if n):
            self._fold(node)
            return
        convert = IMPORTERS.get(node.op_type)
        if convert is None or node.domain not in ("", "ai.onnx"):
            raise NotImplementedError(
                f"onnx: operator {node.op_type!r} of node {node.name!r} has no import"
            )
        found = convert(step)
        found = found if isinstance(found, (list, tuple)) else [found]
        for name, value in zip(node.output, found, strict=False):
            (self.known if isinstance(value, np.ndarray) else self.values)[name] = value

    def _fold(self, node):
        """Compute a node whose inputs are known."""
        onnx = self.onnx
        infos = [onnx.helper.make_empty_tensor_value_info(n) for n in node.input if n]
        outputs = [onnx.helper.make_empty_tensor_value_info(n) for n in node.output if n]
        graph = onnx.helper.make_graph([node], "one", infos, outputs)
        run = onnx.reference.ReferenceEvaluator(
            onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", self.opset)])
        )
        found = run.run(None, {n: self.known[n] for n in node.input if n})
        self.known.update(zip([n for n in node.output if n], map(np.asarray, found), strict=True))

    # --- values ---------------------------------------------------------------------------------

    def symbol(self, name):
        """The symbol of a value; known arrays become parameters."""
        if name not in self.values:
            if name not in self.known:
                raise ValueError(f"onnx: value {name!r} is used before it is made")
            array = self.known[name]
            self.parameters[name] = ndarray.array(array, dtype=array.dtype)
            self.values[name] = symbol.var(name, shape=array.shape or None, dtype=array.dtype)
        return self.values[name]

    def state(self, name):
        """The symbol of a known array that is no parameter to be trained."""
        found = self.symbol(name)
        self.states[name] = self.parameters.pop(name, self.states.get(name))
        return found

    def infer(self, made, stand_in=2):
        """(shape, name of the type) of a symbol; `stand_in` takes the place of open sizes."""
        shapes, dtypes = {}, {}
        for name in made.list_inputs():
            array = self.parameters.get(name, self.states.get(name))
            if array is not None:
                shapes[name], dtypes[name] = array.shape, array.dtype_name
            else:
                shapes[name] = [size or stand_in for size in self.shapes[name]]
                dtypes[name] = self.dtypes[name].name
        found = made._infer(shapes, dtypes)
        return tuple(found["out_shapes"][0]), found["out_dtypes"][0]

    def sizes(self, made):
        """Shape of a symbol; sizes that the inputs of the file leave open are None."""
        one = self.infer(made)[0]
        if all(0 not in self.shapes.get(name, ()) for name in made.list_inputs()):
            return one
        other = self.infer(made, 3)[0]
        return tuple(a if a == b else None for a, b in zip(one, other, strict=True))

    def constant(self, value, hint="constant"):
        """The symbol of a new parameter."""
        name = f"{hint}_{len(self.known)}"
        self.known[name] = np.asarray(value)
        return self.symbol(name)


def _load(model):
    onnx = load_onnx()
    return onnx.load(model) if isinstance(model, str) else model


def import_model(model_file):
    """(symbol, arguments, auxiliary states) of an ONNX file.

    Parameters
    ----------
    model_file : str or onnx.ModelProto

    Returns
    -------
    sym : Symbol
    arg_params, aux_params : dict of str to NDArray

    Raises
    ------
    ImportError
        Without the package `onnx`.
    NotImplementedError
        If an operator has no counterpart; the message names it.
    """
    made = Importer(_load(model_file))
    outputs = made.symbols
    found = outputs[0] if len(outputs) == 1 else symbol.Group(outputs)
    used = set(found.list_inputs())
    arguments = {n: a for n, a in made.parameters.items() if n in used}
    states = {n: a for n, a in made.states.items() if n in used}
    return found, arguments, states


def get_model_metadata(model_file):
    """dict of 'input_tensor_data' and 'output_tensor_data': lists of (name, shape)."""
    graph = _load(model_file).graph
    known = {i.name for i in graph.initializer}

    def described(values):
        return [
            (v.name, tuple(d.dim_value for d in v.type.tensor_type.shape.dim))
            for v in values
            if v.name not in known
        ]

    return {
        "input_tensor_data": described(graph.input),
        "output_tensor_data": described(graph.output),
    }


def import_to_gluon(model_file, ctx=None):
    """A `SymbolBlock` of an ONNX file, on device `ctx`."""
    model = _load(model_file)
    found, arguments, states = import_model(model)
    names = [name for name, _ in get_model_metadata(model)["input_tensor_data"]]
    used = set(found.list_inputs())
    block = SymbolBlock(found, [symbol.var(name) for name in names if name in used])
    block.params.load_dict(
        {**arguments, **states},
        ctx or current_context(),
        filename="import_to_gluon",
        cast_dtype=True,
        dtype_source="saved",
    )
    return block
