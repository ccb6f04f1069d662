"""The n-th allocation fails, for every n: an error comes back and nothing is lost."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from plait import _array  # noqa: F401  the library is loaded

JSON = b"""{"nodes": [
 {"op": "null", "name": "x", "inputs": []}, {"op": "null", "name": "w", "inputs": []},
 {"op": "dot", "name": "d", "inputs": [[0, 0, 0], [1, 0, 0]]},
 {"op": "tanh", "name": "t", "inputs": [[2, 0, 0]]}],
 "arg_nodes": [0, 1], "heads": [[3, 0, 0]]}"""


class Steps:
    """Calls in a row; the first failure ends them, and everything made is freed."""

    def __init__(self, c):
        self.c, self.arrays, self.handles = c, [], []

    def do(self, status):
        if status != self.c.lib.PLAIT_OK:
            raise MemoryError(status)

    def array(self, shape):
        out = self.c.ffi.new("plait_array_t *")
        size = 1
        for n in shape:
            size *= n
        data = self.c.ffi.new("float[]", [0.5] * size)
        self.do(
            self.c.lib.plait_array_from_data(
                data, shape, self.c.ffi.NULL, len(shape), 0, self.c.cpu, out
            )
        )
        self.arrays.append(out[0])
        return out[0]

    def op(self, name, *inputs):
        status, outputs = self.c.invoke(name, list(inputs))
        self.do(status)
        self.arrays += outputs
        return outputs[0]

    def read(self, array):
        n = self.c.lib.plait_array_size(array)
        self.do(self.c.lib.plait_array_copy_to_host(array, self.c.ffi.new("float[]", n), 4 * n))

    def made(self, kind, function, *arguments):
        out = self.c.ffi.new(f"plait_{kind}_t *")
        self.do(function(*arguments, out))
        self.handles.append((kind, out[0]))
        return out[0]

    def free(self):
        self.c.free(*self.arrays)
        for kind, handle in reversed(self.handles):
            getattr(self.c.lib, f"plait_{kind}_free")(handle)


def operators(s):
    x = s.array([40, 50])
    s.read(s.op("softmax", s.op("dot", x, s.array([50, 40]))))


def strided(s):
    s.read(s.op("sum", s.op("transpose", s.array([30, 70]))))


def gradients(s):
    lib, ffi = s.c.lib, s.c.ffi
    x, grad = s.array([60]), s.array([60])
    s.do(lib.plait_autograd_mark_variables([x], [grad], [1], 1))
    lib.plait_autograd_set_recording(1)
    try:
        y = s.op("sum", s.op("exp", x))
    finally:
        lib.plait_autograd_set_recording(0)
    s.do(lib.plait_autograd_backward([y], ffi.NULL, 1, ffi.NULL, 0, 0, ffi.NULL))
    s.read(grad)


def graph(s):
    lib = s.c.lib
    symbol = s.made("symbol", lib.plait_symbol_from_json, JSON, len(JSON))
    handle = s.made("graph", lib.plait_graph_new, symbol)
    out, n = s.c.ffi.new("plait_array_t[1]"), s.c.ffi.new("int32_t *")
    s.do(lib.plait_graph_call(handle, [s.array([20, 30]), s.array([30, 10])], 2, out, 1, n))
    s.arrays.append(out[0])
    s.read(out[0])


def prediction(s):
    lib, ffi = s.c.lib, s.c.ffi
    name = ffi.new("char[]", b"w")
    params = s.made("buffer", lib.plait_archive_save_buffer, [s.array([30, 10])], [name], 1)
    bytes_, size = lib.plait_buffer_data(params), lib.plait_buffer_size(params)
    load = (JSON, len(JSON), bytes_, size)
    p = s.made("predictor", lib.plait_predictor_load_buffer, *load)
    s.do(lib.plait_predictor_set_input(p, b"x", s.array([20, 30])))
    s.do(lib.plait_predictor_run(p))
    out = ffi.new("plait_array_t *")
    s.do(lib.plait_predictor_output(p, 0, out))
    s.arrays.append(out[0])
    s.read(out[0])


def store(s):
    lib = s.c.lib
    kvstore = s.made("kvstore", lib.plait_kvstore_new, b"local")
    w, gradients = s.array([40]), [s.array([40]), s.array([40])]
    s.do(lib.plait_kvstore_init(kvstore, b"w", w))
    s.do(lib.plait_kvstore_push(kvstore, b"w", gradients, 2))
    s.do(lib.plait_kvstore_pull(kvstore, b"w", [w], 1))
    s.read(w)


def batches(s):
    lib, ffi = s.c.lib, s.c.ffi
    data = s.array([5, 8]), s.array([5])
    size = ffi.new("char[]", b"batch_size"), ffi.new("char[]", b"2")
    iterator = s.made("iter", lib.plait_iter_from_arrays, *data, [size[0]], [size[1]], 1)
    places, pad = [ffi.new("plait_array_t *") for _ in range(3)], ffi.new("int64_t *")
    for _ in range(3):
        s.do(lib.plait_iter_next(iterator, *places, pad))
        s.arrays += [place[0] for place in places]


@pytest.mark.parametrize(
    "action", [operators, strided, gradients, graph, prediction, store, batches]
)
def test_allocation_failure(c, action):
    lib = c.lib
    handles = lib.plait_handle_live_count()
    failures = 0
    for n in range(100):
        arrays = lib.plait_array_live_count()
        steps = Steps(c)
        c.ok(lib.plait_memory_fail_after(n))
        try:
            action(steps)
            done = True
        except MemoryError as error:
            done = False
            failures += 1
            assert error.args[0] == lib.PLAIT_ERR_OUT_OF_MEMORY, c.message()
            assert c.message()
        finally:
            c.ok(lib.plait_memory_fail_after(-1))
            steps.free()
        lib.plait_engine_wait_all()
        # A worker lets go of its arrays just after their content is there.
        end = time.monotonic() + 10
        while lib.plait_array_live_count() != arrays and time.monotonic() < end:
            time.sleep(0.001)
        assert lib.plait_array_live_count() == arrays, f"failure {n} lost arrays"
        assert lib.plait_handle_live_count() == handles, f"failure {n} lost handles"
        if done:
            break
    assert done
    assert failures >= 2


@pytest.fixture(scope="module")
def new_fails(library, tmp_path_factory):
    """A program whose operator new fails at the n-th time."""
    program = tmp_path_factory.mktemp("memory") / "new_fails"
    source = Path(__file__).with_name("new_fails.cc")
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{library.include}"]
    link = [str(library.path), f"-Wl,-rpath,{library.path.parent}", "-o", str(program)]
    subprocess.run([library.compiler("g++"), *flags, str(source), *link], check=True)
    return program


@pytest.mark.parametrize("engine", ["threaded", "naive"])
def test_new_fails(new_fails, engine):
    env = os.environ | {"PLAIT_ENGINE": engine, "PLAIT_NUM_THREADS": "1"}
    done = subprocess.run([new_fails], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    failures = [int(line.split(": ")[1]) for line in done.stdout.splitlines()]
    assert len(failures) == 8 and min(failures) > 1
