"""Walking through the nodes of an ONNX file."""

import copy
from collections import ChainMap

import numpy as np

from .._array import DTYPE_NAMES
from .importers import IMPORTERS, Step
from .package import load_onnx
from .patterns import JOINED

__all__ = ["Reader", "domain_of"]

# Versions of ONNX whose evaluator has these operators; they say the same as older ones.
_FIRST_EVALUATED = {"DequantizeLinear": 19, "QuantizeLinear": 19}

# Not computed ahead, although all inputs are known: shapes, lists, random numbers.
_NEVER_FOLDED = {
    "Shape", "Size", "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike",
    "RandomUniform", "RandomUniformLike", "Dropout", "SequenceEmpty", "SequenceConstruct",
    "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength", "SplitToSequence",
    "ConcatFromSequence", "Optional", "OptionalHasElement", "OptionalGetElement", "ImageDecoder",
}  # fmt: skip


def domain_of(name):
    """Name of a domain of operators; "" is ONNX's own."""
    return "" if name in ("ai.onnx", JOINED) else name


class Reader:
    """Applies the importers to nodes; what values are, subclasses say.

    Values are symbols or arrays; numpy.ndarray where they are known while the file is read: those
    are computed at once by the reference evaluator of `onnx`; lists, which are sequences; None,
    which is an optional value that is not there.

    Attributes
    ----------
    opset : int
        Version of ONNX's own operators.
    traces : bool
        Whether values are symbols.
    """

    traces = False

    def __init__(self, model):
        self.onnx = load_onnx()
        self.opsets = {domain_of(o.domain): o.version for o in model.opset_import}
        self.functions = {(domain_of(f.domain), f.name): f for f in model.functions}
        self.known, self.values = ChainMap(), ChainMap()
        self.references, self._evaluators, self._derived = {}, {}, {}
        self.channels_last = {}  # of some values by name: the same with axis 1 behind all others

    @property
    def opset(self):
        return self.opsets.get("", 1)

    def load(self, graph):
        """Take the initializers of a graph."""
        if graph.sparse_initializer:
            raise NotImplementedError(f"onnx: graph {graph.name!r} has sparse initializers")
        read = self.onnx.numpy_helper.to_array
        self.known.update({i.name: read(i) for i in graph.initializer})

    # --- values by name ---------------------------------------------------------------------------

    def get(self, name):
        """A value as it is kept."""
        if name in self.values:
            return self.values[name]
        if name not in self.known:
            raise ValueError(f"onnx: value {name!r} is used before it is made")
        return self.known[name]

    def put(self, name, value):
        """Keep a value; numpy arrays of types that arrays do not have stay on the host."""
        known = isinstance(value, np.ndarray) and value.dtype.name in DTYPE_NAMES
        (self.known if known else self.values)[name] = value

    def is_known(self, name):
        return name in self.known

    def derived(self, name, hint, function):
        """The value that a function makes of a known one, made once."""
        source = self.array(name)
        key = id(source), hint
        if key not in self._derived:
            self._derived[key] = source, np.asarray(function(source))
        return self.kept(self._derived[key][1], f"{name}_{hint}")

    # --- nodes ------------------------------------------------------------------------------------

    def node(self, node):
        """Apply a node; its outputs are kept."""
        node = self._resolved(node)
        if self._is_foldable(node):
            self._fold(node)
            return
        attrs = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        attrs = {k: v.decode() if isinstance(v, bytes) else v for k, v in attrs.items()}
        found = self._convert(Step(self, node, attrs))
        found = found if isinstance(found, tuple) else (found,)
        for name, value in zip(node.output, found, strict=False):
            if name:
                self.put(name, value)

    def _resolved(self, node):
        """The node with attributes of the function around it in place of references to them."""
        if not any(a.ref_attr_name for a in node.attribute):
            return node
        made = self.onnx.NodeProto()
        made.CopyFrom(node)
        del made.attribute[:]
        for attribute in node.attribute:
            found = attribute
            if attribute.ref_attr_name:
                found = self.references.get(attribute.ref_attr_name)
            if found is not None:
                made.attribute.add().CopyFrom(found)
                made.attribute[-1].name = attribute.name
        return made

    def _is_foldable(self, node):
        return (
            node.domain in ("", "ai.onnx")
            and node.op_type not in _NEVER_FOLDED
            and all(n in self.known for n in node.input if n)
            and not any(a.HasField("g") or a.graphs for a in node.attribute)
        )

    def _fold(self, node):
        """Compute a node whose inputs are known."""
        key = node.SerializeToString()
        if key not in self._evaluators:
            self._evaluators[key] = self._evaluator(node)
        given = {n: self.known[n] for n in node.input if n}
        found = self._evaluators[key].run(None, given)
        self.known.update(zip([n for n in node.output if n], map(np.asarray, found), strict=True))

    def _evaluator(self, node):
        helper = self.onnx.helper
        infos = [helper.make_empty_tensor_value_info(n) for n in dict.fromkeys(node.input) if n]
        outputs = [helper.make_empty_tensor_value_info(n) for n in node.output if n]
        graph = helper.make_graph([node], "one", infos, outputs)
        opset = max(self.opset, _FIRST_EVALUATED.get(node.op_type, 0))
        opsets = [helper.make_opsetid("", opset)]
        return self.onnx.reference.ReferenceEvaluator(
            helper.make_model(graph, opset_imports=opsets)
        )

    def _convert(self, step):
        """What the importer of a node makes, or else the function that defines its operator."""
        node, domain = step.node, domain_of(step.node.domain)
        convert = IMPORTERS.get(f"{domain}:{node.op_type}" if domain else node.op_type)
        if (domain, node.op_type) in self.functions:
            convert = None
        if convert is not None:
            try:
                return convert(step)
            except NotImplementedError as error:
                reason = error
        else:
            reason = NotImplementedError(
                f"onnx: operator {node.op_type!r} of node {node.name!r} has no import"
            )
        function, defaults = self._function_of(step, domain)
        if function is None:
            raise reason
        return self._call_function(step, function, defaults)

    # --- functions --------------------------------------------------------------------------------

    def _function_of(self, step, domain):
        """(FunctionProto, dict of default attributes) that define an operator; (None, {}): none."""
        node = step.node
        if (domain, node.op_type) in self.functions:
            function = self.functions[domain, node.op_type]
            return function, {a.name: a for a in function.attribute_proto}
        defs = self.onnx.defs
        version = self.opsets.get(domain, 1)
        if not defs.has(node.op_type, version, domain):
            return None, {}
        schema = defs.get_schema(node.op_type, version, domain)
        defaults = {
            n: a.default_value for n, a in schema.attributes.items() if a.default_value.type
        }
        if schema.has_function:
            return schema.function_body, defaults
        if not schema.has_context_dependent_function:
            return None, {}
        types = [self._type_proto(step, i) for i in range(len(node.input))]
        versions = [v for v in schema.context_dependent_function_opset_versions if v <= self.opset]
        text = schema.get_context_dependent_function_with_opset_version(
            max(versions, default=self.opset), node.SerializeToString(), types
        )
        function = self.onnx.FunctionProto()
        function.ParseFromString(text)
        return (function if function.node else None), defaults

    def _type_proto(self, step, i):
        """Text of the type of an input."""
        helper, found = self.onnx.helper, step.raw(i) if step.has(i) else None
        if found is None:
            return self.onnx.TypeProto().SerializeToString()
        if isinstance(found, list):  # the type of its elements does not matter
            inner = helper.make_tensor_type_proto(self.onnx.TensorProto.FLOAT, None)
            return helper.make_sequence_type_proto(inner).SerializeToString()
        code = helper.np_dtype_to_tensor_dtype(step.dtype(i))
        return helper.make_tensor_type_proto(code, list(step.sizes(i))).SerializeToString()

    def _call_function(self, step, function, defaults):
        inner = self.inner(ChainMap(), ChainMap(), isolated=True)
        inner.opsets = {**self.opsets, **{domain_of(o.domain): o.version
                                          for o in function.opset_import}}  # fmt: skip
        inner.references = {**defaults, **{a.name: a for a in step.node.attribute}}
        for i, name in enumerate(function.input):
            if step.has(i):
                inner.put(name, step.raw(i))
        inner.absent = {name for i, name in enumerate(function.input) if not step.has(i)}
        for node in function.node:
            inner.node(inner.without_absent(node))
        wanted = list(function.output)[: len(step.node.output)]
        return tuple(inner.get(name) if step.wants(i) else None for i, name in enumerate(wanted))

    absent = frozenset()

    def without_absent(self, node):
        """The node with "" in place of inputs that the caller of the function left out."""
        if not self.absent.intersection(node.input):
            return node
        made = self.onnx.NodeProto()
        made.CopyFrom(node)
        made.input[:] = ["" if name in self.absent else name for name in node.input]
        return made

    # --- graphs in attributes ---------------------------------------------------------------------

    def inner(self, known, values, isolated=False):
        """A reader of another scope of names; `isolated`: it does not see those of this one."""
        made = copy.copy(self)
        made.known, made.values = known, values
        return made

    def subgraph(self, graph, values):
        """Values of the outputs of a graph inside this one, for values of its inputs."""
        inner = self.inner(self.known.new_child(), self.values.new_child())
        for info, value in zip(graph.input, values, strict=False):
            inner.put(info.name, value)
        inner.load(graph)
        for node in graph.node:
            inner.node(node)
        return [inner.get(value.name) for value in graph.output]
