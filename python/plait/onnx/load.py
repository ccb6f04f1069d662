"""ONNX files to symbols and parameters."""

import numpy as np

from .. import ndarray, symbol
from ..context import current_context
from ..gluon.symbol_block import SymbolBlock
from ..symbol.compose import compose
from . import tables  # noqa: F401 - fill the table of importers
from .importers import ComputedValue, known_dtype
from .package import load_onnx
from .patterns import joined
from .reader import Reader

__all__ = ["Importer", "get_model_metadata", "import_model", "import_to_gluon", "load_file"]


class Importer(Reader):
    """Makes symbols from the nodes of a file.

    Parameters
    ----------
    model : onnx.ModelProto
    shapes : dict of str to tuple, optional
        Shapes of inputs, in place of what the file says.
    arrays : dict of str to NDArray, optional
        Parameters that are made already, by the names of the file.

    Attributes
    ----------
    parameters, states : dict of str to NDArray
    inputs : list of str
        Names of the inputs, in order.
    symbols : list of Symbol
        The outputs.
    """

    traces = True

    def __init__(self, model, shapes=None, arrays=None):
        super().__init__(model)
        graph = model.graph
        self._shared = {} if arrays is None else arrays
        self._variables, self._inputs, self._taken = {}, {}, set()
        self.parameters, self.states, self.inputs = {}, {}, []
        initial = {i.name for i in graph.initializer}
        for value in graph.input:
            if value.name not in initial:
                self._input(value, (shapes or {}).get(value.name))
        self._info = self._inferred(model)
        self.load(graph)
        for node in joined(self.onnx, graph, self.known):
            self.node(node)
        self.symbols = [self.value(value.name) for value in graph.output]
        for value, made in zip(graph.output, self.symbols, strict=True):
            if not isinstance(made, symbol.Symbol):
                raise ComputedValue(f"onnx: output {value.name!r} is no array")

    def _input(self, value, shape):
        if not value.type.HasField("tensor_type"):
            raise ComputedValue(f"onnx: input {value.name!r} is no tensor")
        tensor = value.type.tensor_type
        if shape is None:
            shape = tuple(max(d.dim_value, 0) for d in tensor.shape.dim)  # 0: any size
        dtype = known_dtype(self.onnx, tensor.elem_type, f"input {value.name!r}")
        self.inputs.append(value.name)
        self._inputs[value.name] = tuple(shape), dtype
        self._taken.add(value.name)
        self.values[value.name] = symbol.var(value.name, dtype=dtype)

    def _inferred(self, model):
        """dict of name to (shape, type) of values whose sizes `onnx` can tell."""
        if any(0 in shape for shape, _ in self._inputs.values()):
            return dict(self._inputs)
        bare = self.onnx.ModelProto()
        bare.CopyFrom(model)
        for value in bare.graph.input:
            if value.name in self._inputs:
                shape, dtype = self._inputs[value.name]
                code = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
                value.CopyFrom(self.onnx.helper.make_tensor_value_info(value.name, code, shape))
        del bare.graph.value_info[:]
        for value in bare.graph.output:
            value.type.tensor_type.ClearField("shape")
        try:
            bare = self.onnx.shape_inference.infer_shapes(bare, data_prop=True)
        except self.onnx.shape_inference.InferenceError:
            return dict(self._inputs)
        found = dict(self._inputs)
        for value in bare.graph.value_info:
            tensor = value.type.tensor_type
            if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
                shape = tuple(d.dim_value for d in tensor.shape.dim)
                try:
                    found[value.name] = shape, known_dtype(self.onnx, tensor.elem_type, "")
                except NotImplementedError:
                    continue
        return found

    # --- values ---------------------------------------------------------------------------------

    def value(self, name):
        """The symbol of a value; known arrays become parameters."""
        found = self.get(name)
        return self.kept(found, name) if isinstance(found, np.ndarray) else found

    def array(self, name):
        """A known value; ComputedValue if it is none."""
        found = self.get(name)
        if not isinstance(found, np.ndarray):
            raise ComputedValue(f"onnx: value {name!r} is computed")
        return found

    def kept(self, array, hint):
        """The parameter that holds an array."""
        key = id(array)
        if key not in self._variables:
            name = hint
            while name in self._taken:
                name = f"{hint}_{len(self._taken)}"
            self._taken.add(name)
            known_dtype(
                self.onnx, self.onnx.helper.np_dtype_to_tensor_dtype(array.dtype), repr(name)
            )
            made = self._shared.get(name)
            if made is None or made.shape != array.shape:
                made = ndarray.array(array, dtype=array.dtype)
            self.parameters[name] = made
            var = symbol.var(name, shape=array.shape or None, dtype=array.dtype)
            self._variables[key] = array, var
        return self._variables[key][1]

    def state(self, name):
        """The symbol of a known array that is no parameter to be trained."""
        found = self.value(name)
        name = found.name
        self.states[name] = self.parameters.pop(name, self.states.get(name))
        return found

    def constant(self, value):
        """The symbol of a new parameter."""
        return self.kept(np.asarray(value), "constant")

    def make(self, op, **attrs):
        """The symbol of an operator without inputs."""
        return compose(op, None, (), attrs)

    def inner(self, known, values, isolated=False):
        made = super().inner(known, values, isolated)
        made._info = {} if isolated else self._info
        return made

    # --- shapes and types -------------------------------------------------------------------------

    def sizes(self, name):
        """Shape of a value; sizes that the inputs of the file leave open are None."""
        found = self.get(name)
        if isinstance(found, np.ndarray):
            return found.shape
        if name in self._info:
            return tuple(size or None for size in self._info[name][0])
        return self.shape_of(found)

    def shape_of(self, made):
        """Shape of a symbol; sizes that the inputs of the file leave open are None."""
        one = self._infer(made)[0]
        if all(0 not in self._inputs.get(name, ((),))[0] for name in made.list_inputs()):
            return one
        other = self._infer(made, 3)[0]
        return tuple(a if a == b else None for a, b in zip(one, other, strict=True))

    def dtype(self, name):
        """numpy.dtype of a value."""
        found = self.get(name)
        if isinstance(found, np.ndarray):
            return found.dtype
        if name in self._info:
            return np.dtype(self._info[name][1])
        return np.dtype(self._infer(found)[1])

    def _infer(self, made, stand_in=2):
        """(shape, name of the type) of a symbol; `stand_in` takes the place of open sizes."""
        shapes, dtypes = {}, {}
        for name in made.list_inputs():
            array = self.parameters.get(name, self.states.get(name))
            if array is not None:
                shapes[name], dtypes[name] = array.shape, array.dtype_name
            else:
                shape, dtype = self._inputs[name]
                shapes[name], dtypes[name] = [size or stand_in for size in shape], dtype.name
        found = made._infer(shapes, dtypes)
        if found["out_shapes"][0] is None:
            raise ComputedValue("onnx: a shape is not known, or has a size of 0")
        return tuple(found["out_shapes"][0]), found["out_dtypes"][0]


def load_file(model):
    """onnx.ModelProto of a file, or as it is."""
    onnx = load_onnx()
    return model if isinstance(model, onnx.ModelProto) else onnx.load(model)


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
    made = Importer(load_file(model_file))
    outputs = made.symbols
    found = outputs[0] if len(outputs) == 1 else symbol.Group(outputs)
    used = set(found.list_inputs())
    arguments = {n: a for n, a in made.parameters.items() if n in used}
    states = {n: a for n, a in made.states.items() if n in used}
    return found, arguments, states


def get_model_metadata(model_file):
    """dict of 'input_tensor_data' and 'output_tensor_data': lists of (name, shape)."""
    graph = load_file(model_file).graph
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
    model = load_file(model_file)
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
