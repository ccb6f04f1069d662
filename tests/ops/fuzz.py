"""Random calls of random operators, legal and not: none may end the process. Run by hand.

    python tests/ops/fuzz.py --seconds 600
    python tests/ops/fuzz.py --one 12345        the call with this seed again

A call starts from a sample of the operator's entry and changes an operand or attributes, or is made
up. A child process makes the calls; when it dies, the seed of the call is printed and another one
goes on. With the address sanitizer, in a build with -fsanitize=address:

    LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:\
allocator_may_return_null=1:max_allocation_size_mb=512 python tests/ops/fuzz.py
"""

import argparse
import mmap
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import plait as mx
from plait import _array, _autograd, op

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import entries  # noqa: E402, F401  loads the entries
from harness import SPECS  # noqa: E402

SIZES = (0, 1, 1, 2, 3, 4, 5, 8)
INTS = (-9, -2, -1, 0, 0, 1, 1, 2, 3, 4, 7, 70, 2**31, 2**62, -(2**63) + 1)
REALS = (0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e30, float("inf"), float("nan"))
TEXTS = ("", "x", "None", "(1, 2)", "constant", "NCHW", "relu", "max", "float32")


def random_array(r):
    shape = tuple(r.choice(SIZES) for _ in range(r.choice((0, 1, 1, 2, 2, 3, 4, 4, 5))))
    name = r.choice((*("float32",) * 6, *_array.DTYPE_NAMES))
    rng = np.random.default_rng(r.getrandbits(32))
    data = rng.normal(size=shape) * r.choice((1, 1, 3, 100))
    if r.random() < 0.2:
        data = np.abs(np.round(data))
    with np.errstate(all="ignore"):
        return as_array(data, name)


def as_array(data, name):
    data = np.asarray(data)
    if name == "bfloat16":
        return mx.nd.array(data.astype("float32")).astype(name)
    return mx.nd.array(data.astype(name), dtype=name)


def random_value(r, attr):
    kind = attr["type"]
    if r.random() < 0.08:
        kind = r.choice(("int", "float", "bool", "str", "dtype", "tuple of int", "tuple of float"))
    if attr["optional"] and r.random() < 0.2:
        return None
    if kind == "int":
        return r.choice(INTS)
    if kind == "float":
        return r.choice(REALS)
    if kind == "bool":
        return r.random() < 0.5
    if kind == "dtype":
        return r.choice(_array.DTYPE_NAMES)
    if kind == "str":
        return (
            r.choice(attr["choices"]) if attr["choices"] and r.random() < 0.8 else r.choice(TEXTS)
        )
    values = INTS[1:12] if r.random() < 0.8 else INTS
    values = values if kind == "tuple of int" else REALS
    return tuple(r.choice(values) for _ in range(r.choice((0, 1, 2, 2, 3, 4, 5))))


def make_call(r, about):
    """(name, inputs, attributes) of one call."""
    name = r.choice(list(about))
    info = about[name]
    spec = SPECS.get(name)
    if spec and spec.samples and r.random() < 0.75:
        given, attrs = r.choice(spec.samples)
        inputs = [as_array(x, np.asarray(x).dtype.name) for x in given]
        attrs = dict(attrs)
    else:
        count = max(0, len(info.inputs) + r.choice((-1, 0, 0, 0, 0, 1, 2)))
        inputs, attrs = [random_array(r) for _ in range(count)], {}
    for i in range(len(inputs)):
        if r.random() < 0.25:
            inputs[i] = random_array(r)
    if inputs and r.random() < 0.1:
        inputs[r.randrange(len(inputs))] = r.choice(inputs)
    for attr in info.attrs:
        if r.random() < (0.6 if attr["required"] and attr["name"] not in attrs else 0.2):
            attrs[attr["name"]] = random_value(r, attr)
    return name, inputs, attrs


def run_call(r, name, inputs, attrs):
    leaves = [x for x in inputs if x.dtype_name.startswith(("float", "complex"))]
    with_gradient = leaves and r.random() < 0.4
    if with_gradient:
        for x in leaves:
            x.attach_grad()
        with mx.autograd.record(train_mode=r.random() < 0.5):
            found = op.invoke(name, inputs, attrs)
    else:
        found = op.invoke(name, inputs, attrs)
    found = found if isinstance(found, (list, tuple)) else [found]
    for y in found:
        y.wait_to_read()
    if with_gradient and _autograd.is_recorded(found[0]):
        mx.autograd.backward([found[0]])
        for x in leaves:
            x.grad.wait_to_read()


def operators():
    skipped = {"custom", "custom_backward"}  # need a class in Python
    return {name: op.info(name) for name in op.list_operators() if name not in skipped}


def one(seed, about):
    r = random.Random(seed)
    name, inputs, attrs = make_call(r, about)
    try:
        run_call(r, name, inputs, attrs)
        return name, None
    except Exception as error:  # any exception is an answer
        return name, error


def child(place, seed, until):
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    about = operators()
    with open(place, "r+b") as f, mmap.mmap(f.fileno(), 24) as seen:
        while time.time() < until:
            struct.pack_into("qq", seen, 0, seed, struct.unpack_from("q", seen, 8)[0] + 1)
            _, error = one(seed, about)
            if error is None:
                struct.pack_into("q", seen, 16, struct.unpack_from("q", seen, 16)[0] + 1)
            seed += 1


def reason(text):
    """What a sanitizer says, else the end of what the process wrote."""
    for mark in ("runtime error:", "ERROR: AddressSanitizer"):
        if mark in text:
            at = text.rfind("\n", 0, text.index(mark)) + 1
            return text[at : at + 1500]
    return text[-1500:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()) * 1_000_000)
    parser.add_argument("--one", type=int, help="make the call with this seed and say what it gave")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.child[0], int(args.child[1]), float(args.child[2]))
    if args.one is not None:
        about = operators()
        name, inputs, attrs = make_call(random.Random(args.one), about)
        print(name, [(x.shape, x.dtype_name) for x in inputs], attrs, flush=True)
        print(repr(one(args.one, about)[1] or "no error"))
        return None
    until, seed, crashes = time.time() + args.seconds, args.seed, Counter()
    with tempfile.NamedTemporaryFile() as place:
        place.write(bytes(24))
        place.flush()
        while time.time() < until:
            command = [sys.executable, __file__, "--child", place.name, str(seed), str(until)]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            last, calls, legal = struct.unpack("qqq", Path(place.name).read_bytes())
            if done.returncode == 0:
                break
            crashes[last] = done.returncode
            print(f"seed {last} ended the process with {done.returncode}\n{reason(done.stderr)}")
            seed = last + 1
    print(f"{calls} calls, {legal} of them legal, {len(crashes)} ended the process")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
