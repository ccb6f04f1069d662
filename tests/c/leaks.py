"""Run the programs in C and C++ under valgrind: nothing may be lost, no access may be invalid.

    python tests/c/leaks.py              all programs of examples/c, examples/cpp and tests/c
    python tests/c/leaks.py serve.c      some of them

It takes minutes: the programs train for a few steps only. `tests/c/test_packages.py` does the same
with one small program, `tests/r/leaks.py` with the tests of the R package.
"""

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import plait as mx

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*ROOT.glob("examples/c/*.c"), *ROOT.glob("examples/cpp/*.cc")]
SOURCES += [ROOT / "tests/c/api.cc", ROOT / "tests/c/bind.cc"]
VALGRIND = [
    *("valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect"),
    *("--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"),
    f"--suppressions={Path(__file__).with_name('leaks.supp')}",
]


def write_idx(path, values):
    head = struct.pack(f">BBBB{values.ndim}i", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(head + values.astype("uint8").tobytes())


def data(folder):
    """A few pictures in the format of MNIST."""
    for kind in ("train", "t10k"):
        write_idx(folder / f"{kind}-images-idx3-ubyte", np.random.randint(0, 255, (100, 28, 28)))
        write_idx(folder / f"{kind}-labels-idx1-ubyte", np.arange(100) % 10)


def build(source, program):
    folders = [Path(p) / "lib" for p in mx.__path__]
    library = next(p / "libplait.so" for p in folders if (p / "libplait.so").exists())
    compiler = ["gcc", "-std=c99"] if source.suffix == ".c" else ["g++", "-std=c++20"]
    link = [library, f"-Wl,-rpath,{library.parent}", "-lm", "-lpthread"]
    include = f"-I{ROOT / 'bindings_c/include'}"
    subprocess.run([*compiler, "-g", "-O1", include, source, *link, "-o", program], check=True)


def export(prefix):
    """A small network for the programs that predict."""
    x = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=10, name="fc")
    mx.sym.softmax(net, name="softmax").save(f"{prefix}-symbol.json")
    params = {"arg:fc_weight": mx.nd.ones((10, 784)), "arg:fc_bias": mx.nd.zeros((10,))}
    mx.nd.save(f"{prefix}-0000.params", params)


def arguments(name, folder):
    """(arguments, input) of a program."""
    exported = [folder / "net-symbol.json", folder / "net-0000.params"]
    return {
        "lenet.c": ([folder, "1", "100", folder / "trained"], b""),
        "serve.c": ([*exported, "2", "3"], b""),
        "inference.cc": (exported, bytes(784)),
        "mlp.cc": (["10"], b""),
        "lenet.cc": ([folder, "1"], b""),
        "api.cc": ([folder], b""),
    }.get(name, ([], b""))


def main():
    env = os.environ | {"PLAIT_NUM_THREADS": "2", "OMP_NUM_THREADS": "1"}
    wanted, faults = sys.argv[1:], 0
    order = sorted(SOURCES, key=lambda source: source.stem == "lenet")  # the long ones last
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data(folder)
        export(folder / "net")
        for source in order:
            if wanted and source.name not in wanted:
                continue
            program = folder / f"{source.name}.out"
            build(source, program)
            given, text = arguments(source.name, folder)
            done = subprocess.run(
                [*VALGRIND, program, *given], env=env, input=text, stdout=subprocess.DEVNULL
            )
            faults += done.returncode == 9
            print(f"{source.name}: {'FAULTS' if done.returncode == 9 else 'clean'}", flush=True)
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
