"""Blocks written down: the symbol that a block computes for arguments like given ones."""

import traceback
from pathlib import Path
from typing import NamedTuple

from .. import _symbol, autograd, symbol
from ..base import MXNetError
from ..nests import flatten, rebuild
from ..symbol import Symbol
from ..symbol.by_shapes import known
from .parameter import tracing

__all__ = ["Written", "trace_arrays", "trace_symbols", "user_line"]

_PACKAGE = str(Path(__file__).parents[1])
_tracing = autograd._tracing


class Written(NamedTuple):
    """What a block does."""

    inputs: list  # a variable for each array among the arguments; None where there was none
    output: Symbol
    structure: list | None  # of the results, for `nests.rebuild`
    leaves: list  # the arguments as a flat list
    captured: dict  # by name: arrays from outside, inputs of `output` too
    for_shapes: bool  # whether it holds for the shapes and dtypes of these arguments only


def user_line():
    """Text about the innermost line of the stack outside this package."""
    return _text_of(traceback.extract_stack())


def _text_of(frames):
    own = [f for f in frames if not f.filename.startswith((_PACKAGE, "<"))]
    own = [f for f in own if not f.filename.endswith(".pyx")]
    return f"{own[-1].filename}:{own[-1].lineno}: {own[-1].line}" if own else "an unknown line"


def _flat(args):
    """(leaves, structure, names) of arguments."""
    leaves = []
    structure = [flatten(arg, leaves) for arg in args]
    names = ["data"] if len(leaves) == 1 else [f"data{i}" for i in range(len(leaves))]
    return leaves, structure, names


def _variables(names, leaves):
    return [
        None if leaf is None else symbol.var(name) for name, leaf in zip(names, leaves, strict=True)
    ]


def trace_arrays(block, args):
    """`Written` by running `forward` on the arrays and writing its operators down."""
    leaves, structure, names = _flat(args)
    outputs = []
    arrays = [None if leaf is None else leaf.detach() for leaf in leaves]
    params = block.collect_params()
    ctx = block._context_of(leaves)
    states = {n: p.data(ctx).copy() for n, p in params.items() if p.grad_req == "null"}
    outer, _tracing.on = getattr(_tracing, "on", False), True
    _tracing.writes = True
    try:
        with autograd.pause(train_mode=autograd.is_training()):
            trace = _symbol.Trace()
            try:
                for name, param in params.items():
                    trace.variable(name, param.data(ctx))
                for name, array in zip(names, arrays, strict=True):
                    if array is not None:
                        trace.argument(name, array)
                out_structure = flatten(block.forward(*rebuild(structure, iter(arrays))), outputs)
                output = Symbol(trace.end(outputs))
                captured = trace.captured(type(outputs[0]))
            finally:
                trace.close()
    except MXNetError as error:
        if "hybridize:" not in str(error):
            raise
        line = _text_of(traceback.extract_tb(error.__traceback__))
        raise type(error)(f"{error}\n  at {line}") from None
    finally:
        _tracing.on, _tracing.writes = outer, False
        for name, value in states.items():  # running statistics moved
            value.copyto(params[name].data(ctx))
    captured = {f"captured{i}": array for i, array in enumerate(captured)}
    return Written(_variables(names, leaves), output, out_structure, leaves, captured, True)


def trace_symbols(block, args):
    """`Written` by running `forward` on symbols; parameters are symbols meanwhile."""
    leaves, structure, names = _flat(args)
    inputs, outputs = _variables(names, leaves), []
    before, tracing.active = tracing.active, True
    outer = known.specs, known.used, known.arrays
    known.specs = {
        name: (leaf.shape, leaf.dtype)
        for name, leaf in zip(names, leaves, strict=True)
        if leaf is not None
    }
    known.used, known.arrays = False, {}
    try:
        made = block._compiled_forward(*rebuild(structure, iter(inputs)))
        captured, for_shapes = known.arrays, known.used
    except (NotImplementedError, TypeError) as error:
        if not str(error).startswith("symbol: "):
            raise
        line = _text_of(traceback.extract_tb(error.__traceback__))
        raise type(error)(
            f"hybridize: {error}\n  hint: use operators such as where, or control flow operators, "
            f"instead of values\n  at {line}"
        ) from None
    finally:
        tracing.active = before
        known.specs, known.used, known.arrays = outer
    out_structure = flatten(made, outputs)
    output = outputs[0] if out_structure is None else symbol.Group(outputs)
    return Written(inputs, output, out_structure, leaves, captured, for_shapes)
