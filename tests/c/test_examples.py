"""The programs in examples/c and examples/cpp, built as their first lines say."""

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

import plait as mx

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CLASSES = [Path(__file__).with_name("api.cc"), Path(__file__).with_name("bind.cc")]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.fixture(scope="module")
def programs(library, tmp_path_factory):
    """Folder with the built programs."""
    folder = tmp_path_factory.mktemp("programs")
    sources = [*EXAMPLES.glob("c/*.c"), *EXAMPLES.glob("cpp/*.cc"), *CLASSES]
    building = [build(library, source, folder / source.name) for source in sources]
    assert not any(process.wait() for process in building)
    return folder


def build(library, source, program):
    """Start to build a program."""
    c = source.suffix == ".c"
    command = [library.compiler("gcc" if c else "g++"), "-std=c99" if c else "-std=c++20"]
    link = [str(library.path), f"-Wl,-rpath,{library.path.parent}", "-lm", "-lpthread"]
    command += [*WARNINGS, f"-I{library.include}", str(source), *link, "-o", str(program)]
    return subprocess.Popen(command)


def write_idx(path, values):
    head = struct.pack(f">BBBB{values.ndim}i", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(head + values.astype("uint8").tobytes())


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Squares of ten sizes in noise, in the format of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("squares")
    draw = np.random.default_rng(1)
    for kind, n in (("train", 600), ("t10k", 200)):
        labels = np.arange(n) % 10
        images = draw.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[: 4 + 2 * label, : 4 + 2 * label] += 150
        write_idx(folder / f"{kind}-images-idx3-ubyte", images)
        write_idx(folder / f"{kind}-labels-idx1-ubyte", labels)
    return folder


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def exported(programs, squares, tmp_path_factory):
    """(output, prefix) of the training program."""
    prefix = tmp_path_factory.mktemp("exported") / "lenet"
    return run(programs / "lenet.c", squares, "6", "600", prefix), prefix


def test_lenet_learns(exported):
    lines = exported[0].splitlines()
    assert len(lines) == 6
    assert float(lines[-1].split()[-1]) > 0.9


def test_python_reads_what_c_exported(exported):
    net = mx.gluon.SymbolBlock.imports(
        f"{exported[1]}-symbol.json", ["data"], f"{exported[1]}-0000.params"
    )
    image = (np.arange(784) * 7 % 255 / 255).astype("float32").reshape(1, 1, 28, 28)
    assert net(mx.nd.array(image)).shape == (1, 10)


def test_threads_give_the_same_answers(programs, exported):
    files = f"{exported[1]}-symbol.json", f"{exported[1]}-0000.params"
    lines = run(programs / "serve.c", *files, "4", "20").splitlines()
    assert len(lines) == 4
    assert len({line.split(": ")[1] for line in lines}) == 1


def test_a_server_needs_few_lines():
    assert len((EXAMPLES / "c" / "serve.c").read_text().splitlines()) < 80


def test_usage_and_missing_files(programs, tmp_path):
    assert subprocess.run([programs / "lenet.c"], capture_output=True).returncode == 2
    done = subprocess.run(
        [programs / "serve.c", tmp_path / "a", tmp_path / "b"], capture_output=True
    )
    assert done.returncode == 1
    assert os.fsencode(tmp_path / "a") in done.stderr


@pytest.mark.parametrize("source", CLASSES, ids=lambda source: source.stem)
def test_cpp_classes(programs, tmp_path, source):
    assert run(programs / source.name, tmp_path) == ""


def test_cpp_mlp_learns(programs):
    assert float(run(programs / "mlp.cc").split()[-1]) > 0.9


def test_cpp_lenet_learns(programs, squares):
    lines = run(programs / "lenet.cc", squares, "6").splitlines()
    assert float(lines[-1].split()[-1]) > 0.9


def test_cpp_classifies_with_what_c_exported(programs, exported):
    image = np.full((28, 28), 20, "uint8")
    image[:14, :14] = 180  # a square of class 5
    files = f"{exported[1]}-symbol.json", f"{exported[1]}-0000.params"
    done = subprocess.run(
        [programs / "inference.cc", *files], input=image.tobytes(), capture_output=True
    )
    assert done.stdout == b"class 5\n", done.stderr
