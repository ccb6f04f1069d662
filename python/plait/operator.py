"""Operators written in Python: `mx.operator`.

>>> import plait as mx
>>> class Square(mx.operator.CustomOp):
...     def forward(self, is_train, req, in_data, out_data, aux):
...         self.assign(out_data[0], req[0], in_data[0] * in_data[0])
...     def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
...         self.assign(in_grad[0], req[0], 2 * in_data[0] * out_grad[0])
>>> @mx.operator.register("square_of_the_doc")
... class SquareProp(mx.operator.CustomOpProp):
...     def create_operator(self, ctx, shapes, dtypes):
...         return Square()
>>> mx.nd.Custom(mx.nd.array([2.0, 3.0]), op_type="square_of_the_doc").asnumpy().tolist()
[4.0, 9.0]
"""

import itertools
import json
from collections import OrderedDict

import numpy as np

from . import _array, _autograd, _custom, autograd

__all__ = ["CustomOp", "CustomOpProp", "register", "get_all_registered_operators"]

_props = {}


class CustomOp:
    """The computation of an operator: override `forward` and `backward`."""

    def forward(self, is_train, req, in_data, out_data, aux):
        """Compute the outputs.

        Parameters
        ----------
        is_train : bool
        req : list of str
            What to do with each output: "null", "write", "inplace" or "add"; see `assign`.
        in_data, out_data, aux : list of NDArray
            Inputs, outputs to be filled, auxiliary states to be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        """Compute the gradients of the inputs into `in_grad`; otherwise as `forward`."""
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def assign(self, dst, req, src):
        """Write `src` into `dst`, or add it, as `req` says.

        Raises
        ------
        ValueError
            If `req` is none of "null", "write", "inplace", "add".
        """
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src
        elif req != "null":
            raise ValueError(f"assign: req is {req!r}, must be 'null', 'write', 'inplace' or 'add'")


class CustomOpProp:
    """What an operator looks like from outside; subclasses are given to `register`.

    Parameters
    ----------
    need_top_grad : bool
        False for losses: `backward` gets zeros for `out_grad`.
    """

    def __init__(self, need_top_grad=True):
        self.need_top_grad_ = need_top_grad

    def list_arguments(self):
        """list of str: names of the inputs."""
        return ["data"]

    def list_outputs(self):
        """list of str: names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self):
        """list of str: names of the states that the operator changes."""
        return []

    def infer_shape(self, in_shape):
        """Shapes of inputs, outputs and auxiliary states from those of the inputs.

        The default gives every output the shape of the first input.
        """
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type):
        """dtypes of inputs, outputs and states; the default takes that of the first input."""
        return (
            in_type,
            [in_type[0]] * len(self.list_outputs()),
            [in_type[0]] * len(self.list_auxiliary_states()),
        )

    def declare_backward_dependency(self, out_grad, in_data, out_data):
        """Which arrays `backward` reads; kept for MXNet's programs, all are there anyway."""
        return [*(out_grad if self.need_top_grad_ else []), *in_data, *out_data]

    def create_operator(self, ctx, in_shapes, in_dtypes):
        """The `CustomOp` for inputs of these shapes and dtypes."""
        raise NotImplementedError(f"{type(self).__name__} must define create_operator")


def register(reg_name):
    """A class decorator that makes a `CustomOpProp` known as `op_type=reg_name`.

    Raises
    ------
    TypeError
        If the class is not a `CustomOpProp`.
    """

    from .ndarray import NDArray

    def add(prop):
        if not (isinstance(prop, type) and issubclass(prop, CustomOpProp)):
            raise TypeError(f"register: {prop!r} must be a subclass of CustomOpProp")
        _props[reg_name] = prop
        _custom.register(reg_name, _InGraphs(reg_name), NDArray)
        return prop

    return add


def get_all_registered_operators():
    """list of str: names given to `register`."""
    return sorted(_props)


def _prop(op_type, params):
    if op_type not in _props:
        raise KeyError(f"Custom: op_type is {op_type!r}, must be one of {sorted(_props)}")
    # MXNet hands parameters over as text, and programs convert them.
    return _props[op_type](**{k: v if isinstance(v, str) else str(v) for k, v in params.items()})


def _ordered(op_type, names, inputs, named):
    """Inputs in the order of `names`, from positional and named arrays."""
    arrays = list(inputs) + [named[n] for n in names[len(inputs) :] if n in named]
    if len(arrays) != len(names):
        raise ValueError(
            f"Custom: {op_type} got {len(arrays)} arrays, must be {len(names)}: {names}"
        )
    return arrays


def custom(inputs, op_type, params):
    """Run the operator `op_type` at once; `nd.Custom` calls this.

    Raises
    ------
    KeyError
        If no operator is registered as `op_type`.
    ValueError
        If the number of arrays or a shape does not fit.
    """
    from .ndarray import NDArray, zeros

    named = {k: v for k, v in params.items() if isinstance(v, NDArray)}
    given = {k: v for k, v in params.items() if k not in named}
    if op_type not in _props and op_type in _custom.names():
        return _apply(op_type, tuple(inputs), given)
    prop = _prop(op_type, given)
    if getattr(autograd._tracing, "on", False):
        arrays = _ordered(op_type, _graph_arguments(prop), inputs, named)
        return _apply(op_type, tuple(arrays), given, next(_instances))
    arguments, states = list(prop.list_arguments()), list(prop.list_auxiliary_states())
    arrays = _ordered(op_type, arguments + states, inputs, named)
    data, aux = arrays[: len(arguments)], arrays[len(arguments) :]
    shapes, dtypes = [list(x.shape) for x in data], [np.dtype(x.dtype).type for x in data]
    want, out_shapes = prop.infer_shape(shapes)[:2]
    for name, x, shape in zip(arguments, data, want, strict=False):
        if tuple(shape) != x.shape:
            raise ValueError(
                f"Custom: {op_type}: {name} has shape {x.shape}, must be {tuple(shape)}"
            )
    out_dtypes = prop.infer_type(dtypes)[1]
    ctx = data[0].context if data else None
    operator = prop.create_operator(ctx, shapes, dtypes)
    outs = [
        zeros(tuple(s), ctx=ctx, dtype=np.dtype(t))
        for s, t in zip(out_shapes, out_dtypes, strict=True)
    ]
    training = autograd.is_training()
    with autograd.pause(train_mode=training):
        operator.forward(training, ["write"] * len(outs), [x.detach() for x in data], outs, aux)
    if autograd.is_recording() and any(_autograd.is_recorded(x) for x in data):
        outs = _record(op_type, prop, operator, data, outs, aux)
    return outs[0] if len(outs) == 1 else outs


def _record(op_type, prop, operator, data, outs, aux):
    """The outputs as results of a recorded step."""
    # The recording holds `run`, which therefore must hold nothing that is recorded.
    saved_in, saved_out = [x.detach() for x in data], [x.detach() for x in outs]

    def run(grads):
        use = prop.need_top_grad_
        douts = [
            y.zeros_like() if g is None or not use else g
            for g, y in zip(grads, saved_out, strict=True)
        ]
        dins = [x.zeros_like() for x in saved_in]
        with autograd.pause(train_mode=True):
            operator.backward(["write"] * len(dins), douts, saved_in, saved_out, dins, aux)
        return dins

    results = [x.detach() for x in outs]
    _autograd.record(op_type, data, results, run, type(data[0]))
    return results


# --- in graphs ----------------------------------------------------------------------------------

_instances = itertools.count(1)
_INSTANCE = "__instance__"  # keeps applications apart, whose operators have a state of their own


def _text(params, instance=None):
    """Parameters as the text that the operator `custom` of the registry hands on."""
    params = {k: v if isinstance(v, str) else str(v) for k, v in params.items()}
    if instance is not None:
        params[_INSTANCE] = str(instance)
    return json.dumps(params, sort_keys=True) if params else ""


def _apply(op_type, arrays, params, instance=None):
    from .ndarray import NDArray

    attrs = (op_type, _text(params, instance))
    return _array.invoke(_array.operator("custom"), arrays, attrs, None, NDArray)


def _graph_arguments(prop):
    """Names of the inputs of a node: arguments, then auxiliary states."""
    return [*prop.list_arguments(), *prop.list_auxiliary_states()]


def custom_symbol(inputs, op_type, params, name=None, attr=None):
    """A node of a graph that runs the operator `op_type`; `sym.Custom` calls this.

    Arguments that are not given become variables, named after the node.
    """
    from . import symbol
    from .name import NameManager
    from .symbol.compose import compose

    named = {k: v for k, v in params.items() if isinstance(v, symbol.Symbol)}
    given = {k: v for k, v in params.items() if k not in named}
    name = NameManager.current.get(name, op_type.lower())
    instance = None
    if op_type in _props:
        instance = next(_instances)
        arguments = _graph_arguments(_prop(op_type, given))
        missing = arguments[len(inputs) :]
        inputs = [
            *inputs,
            *(named[a] if a in named else symbol.var(f"{name}_{a}") for a in missing),
        ]
    attrs = {"op_type": op_type, "params": _text(given, instance)}
    return compose("custom", name, tuple(inputs), attrs, attr)


def _clear(arrays):
    for array in arrays:
        array[:] = 0


class _InGraphs:
    """A registered `CustomOpProp` as the library sees it: arrays of a call are copies."""

    _MOST = 1024  # operators kept

    def __init__(self, op_type):
        self._op_type = op_type
        self._operators = OrderedDict()

    def _prop(self, params):
        given = json.loads(params) if params else {}
        given.pop(_INSTANCE, None)
        return _prop(self._op_type, given)

    def _operator(self, params, inputs):
        """The `CustomOp` of one application and its shapes: forward and backward share it."""
        shapes, dtypes = [list(x.shape) for x in inputs], [np.dtype(x.dtype).type for x in inputs]
        key = (params, str(shapes), str(dtypes))
        operator = self._operators.pop(key, None)
        if operator is None:
            ctx = inputs[0].context if inputs else None
            operator = self._prop(params).create_operator(ctx, shapes, dtypes)
        self._operators[key] = operator
        if len(self._operators) > self._MOST:
            self._operators.popitem(last=False)
        return operator

    def count(self, params):
        """Numbers of inputs and outputs."""
        prop = self._prop(params)
        return len(_graph_arguments(prop)), len(prop.list_outputs())

    def count_states(self, params):
        """Number of auxiliary states."""
        return len(self._prop(params).list_auxiliary_states())

    def complete(self, params, shapes):
        """Shapes of arguments and states from those that are known; None where they do not tell."""
        prop = self._prop(params)
        given = [[] if s is None else list(s) for s in shapes[: len(prop.list_arguments())]]
        if not given or not given[0]:
            return shapes
        try:
            arguments, _, *states = prop.infer_shape(given)
        except (IndexError, TypeError):  # it reads shapes that are not known
            return shapes
        found = [*arguments, *(states[0] if states else ())]
        return [tuple(s) if len(s) else known for s, known in zip(found, shapes, strict=True)]

    def infer(self, params, specs):
        """Shapes and dtypes of the outputs."""
        prop = self._prop(params)
        arguments = prop.list_arguments()
        states, specs = specs[len(arguments) :], specs[: len(arguments)]
        want, shapes, *more = prop.infer_shape([list(shape) for shape, _ in specs])
        want = [*want, *(more[0] if states else ())]
        names = _graph_arguments(prop)
        for name, (shape, _), fitting in zip(names, [*specs, *states], want, strict=True):
            if tuple(fitting) != shape:
                raise ValueError(
                    f"Custom: {self._op_type}: {name} has shape {shape}, must be {tuple(fitting)}"
                )
        dtypes = prop.infer_type([np.dtype(dtype).type for _, dtype in specs])[1]
        names = (np.dtype(dtype).name for dtype in dtypes)
        return [(tuple(s), name) for s, name in zip(shapes, names, strict=True)]

    def forward(self, params, is_train, inputs, outputs):
        """Fill `outputs` and change the states; returns the number of states."""
        inputs, aux = self._parts(params, inputs)
        operator = self._operator(params, inputs)
        _clear(outputs)
        with autograd.pause(train_mode=is_train):
            operator.forward(is_train, ["write"] * len(outputs), inputs, outputs, aux)
        return len(aux)

    def _parts(self, params, inputs):
        """Arguments and auxiliary states."""
        count = len(inputs) - self.count_states(params)
        return inputs[:count], inputs[count:]

    def backward(self, params, out_grads, inputs, outputs, in_grads):
        """Fill `in_grads`."""
        inputs, aux = self._parts(params, inputs)
        operator = self._operator(params, inputs)
        _clear(in_grads)
        in_grads = in_grads[: len(inputs)]
        if not self._prop(params).need_top_grad_:
            _clear(out_grads)
        with autograd.pause(train_mode=True):
            req = ["write"] * len(in_grads)
            operator.backward(req, out_grads, inputs, outputs, in_grads, aux)
