"""What an ONNX file holds, whether it runs, and how long a call takes.

python -m plait.onnx net.onnx                        inputs, outputs, operators; a timed call
python -m plait.onnx net.onnx --sizes batch=8,32     sizes that the file leaves open
python -m plait.onnx net.onnx --nodes                every node as well
"""

import argparse
import collections
import sys
import time

import numpy as np

from .model import Model
from .package import load_onnx


def _described(value):
    """(name, type, sizes) of an input or output; open sizes are names, or None."""
    onnx = load_onnx()
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return value.name, kind.removesuffix("_type"), ()
    tensor = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    sizes = tuple(d.dim_value if d.dim_value > 0 else d.dim_param or None for d in tensor.shape.dim)
    return value.name, name, sizes


def _sizes(text):
    """(dict of named sizes, size of the others) from ``batch=8,32``."""
    named, other = {}, 1
    for part in filter(None, text.split(",")):
        name, equals, size = part.rpartition("=")
        if not size.isdigit():
            raise ValueError(f"onnx: sizes is {text!r}, must be like batch=8,time=32,1")
        if equals:
            named[name] = int(size)
        else:
            other = int(size)
    return named, other


def _values(model, sizes):
    """Random numbers for the inputs; whole numbers are 0 or 1."""
    named, other = sizes
    onnx, rng, found = load_onnx(), np.random.default_rng(0), {}
    for value in model.proto.graph.input:
        if value.name not in model.inputs:
            continue
        name, kind, shape = _described(value)
        if not value.type.HasField("tensor_type"):
            raise NotImplementedError(f"onnx: input {name!r} is a {kind}, must be an array")
        shape = [n if isinstance(n, int) else named.get(n, other) for n in shape]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        found[name] = (rng.random(shape) * 2).astype(dtype)
    return found


def _describe(model, nodes):
    proto = model.proto
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in proto.opset_import)
    numbers = sum(int(np.prod(i.dims)) for i in proto.graph.initializer)
    print(f"written by {proto.producer_name or 'unknown'}; operators of {opsets}")
    for title, values, names in (
        ("input", proto.graph.input, model.inputs),
        ("output", proto.graph.output, model.outputs),
    ):
        for value in values:
            if value.name in names:
                name, kind, sizes = _described(value)
                print(f"{title:8}{name}: {kind} {tuple('?' if s is None else s for s in sizes)}")
    counts = collections.Counter(node.op_type for node in proto.graph.node)
    print(f"{len(proto.graph.node)} nodes, {numbers} numbers in {len(proto.graph.initializer)} "
          "arrays")  # fmt: skip
    print("        " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    for node in proto.graph.node if nodes else ():
        print(f"{node.op_type:24}{', '.join(node.input)} -> {', '.join(node.output)}")


def _timed(call, seconds):
    """Median of the seconds of a call."""
    found, end = [], time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for value in call():
            if hasattr(value, "wait_to_read"):
                value.wait_to_read()
        found.append(time.perf_counter() - start)
    return float(np.median(found)), len(found)


def main(arguments=None):
    """Run the program; returns what the process gives back: 0, or 1 if the file does not run."""
    parser = argparse.ArgumentParser(
        prog="python -m plait.onnx", description=__doc__.split("\n")[0]
    )
    parser.add_argument("file")
    parser.add_argument("--sizes", default="", help="open sizes: batch=8,time=32, or one for all")
    parser.add_argument("--nodes", action="store_true", help="print every node")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long calls are timed")
    parser.add_argument("--explain", action="store_true", help="print the compiled steps")
    args = parser.parse_args(arguments)
    model = Model(args.file)
    load_onnx().checker.check_model(model.proto)
    _describe(model, args.nodes)
    try:
        given = _values(model, _sizes(args.sizes))
        start = time.perf_counter()
        outputs = model.run(given)
        first = time.perf_counter() - start
        for name, value in zip(model.outputs, outputs, strict=True):
            print(f"result  {name}: {getattr(value, 'shape', type(value).__name__)}")
        seconds, count = _timed(lambda: model.run(given), args.seconds)
    except (NotImplementedError, ValueError) as error:
        print(f"does not run: {error}")
        return 1
    text = model.explain(*(x.shape for x in given.values()))
    print(f"one call: {seconds * 1e3:.3f} ms (median of {count}; the first took {first:.2f} s), "
          f"{'node by node' if text is None else 'compiled'}")  # fmt: skip
    if args.explain and text is not None:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
