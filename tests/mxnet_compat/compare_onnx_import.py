"""ONNX files run by plait and by ONNX Runtime: the same numbers, and how long both take.

    python tests/mxnet_compat/compare_onnx_import.py FILE.onnx ... [--sizes b=1,t=64] [--below 2] [--no-time]

Open sizes get the number that --sizes gives their name, or 1; whole numbers are drawn in [0, --below). ORT_PYTHON names the Python that has
onnxruntime. Times are of calls in turn, in one run; the ratio says how many times as fast plait is. onnx_networks.py writes files of common networks.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx

import plait as mx

_PAUSE = 0.1  # seconds: after a call, threads of ONNX Runtime keep a core busy for half of it
ORT_PYTHON = os.environ.get("ORT_PYTHON", os.path.expanduser("~/.cache/bench-peers/ort/bin/python"))
PEER = """
import os, sys, time
import numpy as np
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("PLAIT_NUM_THREADS", os.cpu_count()))
options.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], options)
given = dict(np.load(sys.argv[2]))
found = session.run(None, given)
np.savez(sys.argv[3], *found)
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        session.run(None, given)
    print(time.perf_counter() - start, flush=True)
"""


def inputs_of(proto, sizes, below=2):
    """Random values of the inputs of a file."""
    rng, found = np.random.default_rng(0), {}
    initial = {i.name for i in proto.graph.initializer}
    for value in proto.graph.input:
        if value.name in initial:
            continue
        tensor = value.type.tensor_type
        shape = [
            d.dim_value if d.dim_value > 0 else sizes.get(d.dim_param, 1) for d in tensor.shape.dim
        ]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        if dtype.kind in "iu":
            found[value.name] = rng.integers(0, below, shape).astype(dtype)
        else:
            found[value.name] = rng.random(shape).astype(dtype)
    return found


def compare(path, sizes, below, timed):
    """(largest difference, relative to the largest output; ratio of the times; compiled)."""
    proto = onnx.load(path)
    given = inputs_of(proto, sizes, below)
    with tempfile.TemporaryDirectory() as folder:
        data, out = os.path.join(folder, "x.npz"), os.path.join(folder, "y.npz")
        np.savez(data, **given)
        command = [ORT_PYTHON, "-c", PEER, path, data, out]
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if peer.stdout.readline() != "ready\n":
                raise RuntimeError(f"{path}: ONNX Runtime does not run it")
            kept = np.load(out)
            theirs = [kept[f"arr_{i}"] for i in range(len(kept.files))]
            model = mx.onnx.Model(proto)
            arrays = {n: mx.nd.array(x, dtype=x.dtype) for n, x in given.items()}
            ours = [x.asnumpy() for x in model.run(arrays)]
            gap = max(
                abs(a.astype("float64") - b).max() / max(abs(b).max(), 1e-6)
                for a, b in zip(ours, theirs, strict=True)
                if b.size
            )
            ratio = times(model, arrays, peer) if timed else (0.0, 0.0)
            return gap, ratio, model.is_compiled(*(x.shape for x in given.values()))
        finally:
            peer.stdin.close()
            peer.wait()


def times(model, arrays, peer, rounds=7):
    """(ours, theirs): seconds of a call, the median over rounds in turn."""

    def own(count):
        time.sleep(_PAUSE)
        start = time.perf_counter()
        for _ in range(count):
            for x in model.run(arrays):
                x.wait_to_read()
        return time.perf_counter() - start

    def other(count):
        peer.stdin.write(f"{count}\n")
        peer.stdin.flush()
        return float(peer.stdout.readline())

    own(2), other(2)
    count = max(1, int(0.3 / max(own(1), 1e-4)))
    pairs = [(own(count) / count, other(count) / count) for _ in range(rounds)]
    return tuple(float(np.median(column)) for column in zip(*pairs, strict=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--sizes", default="")
    parser.add_argument("--below", type=int, default=2)
    parser.add_argument("--no-time", action="store_true")
    args = parser.parse_args()
    pairs = (part.split("=") for part in args.sizes.split(",") if part)
    sizes, failed = {name: int(size) for name, size in pairs}, 0
    for path in args.files:
        name = os.path.basename(path)
        try:
            gap, (ours, theirs), compiled = compare(path, sizes, args.below, not args.no_time)
        except NotImplementedError as error:
            failed += 1
            print(f"{name}: REFUSED {error}")
            continue
        right = gap < 1e-3
        failed += not right
        text = "" if args.no_time else f", {ours * 1e3:.2f} ms, {theirs / ours:.2f} times as fast"
        print(f"{name}: {'equal' if right else 'DIFFERENT'} ({gap:.1e}){text}"
              f"{'' if compiled else ', node by node'}", flush=True)  # fmt: skip
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
