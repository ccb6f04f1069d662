"""The C interface through cffi, which reads the header as it is."""

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import cffi
import numpy as np
import pytest

import plait

sys.path.insert(0, str(Path(__file__).parent))  # helpers are imported by name
ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "bindings_c" / "include"
LIBRARY = next(
    Path(p) / "lib" / "libplait.so"
    for p in plait.__path__
    if (Path(p) / "lib" / "libplait.so").exists()
)


def compiler(name):
    return shutil.which(name) or pytest.skip(f"no {name}")


class Library:
    """The functions of the library, and short forms of what the tests do often."""

    include, path, compiler = INCLUDE, LIBRARY, staticmethod(compiler)

    def __init__(self):
        text = subprocess.run(
            [
                compiler("gcc"),
                "-E",
                "-P",
                "-DPLAIT_API=",
                "-DPLAIT_NO_STD_INCLUDES",
                f"-I{INCLUDE}",
                str(INCLUDE / "plait" / "c_api.h"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.ffi = cffi.FFI()
        self.ffi.cdef(text)
        self.lib = self.ffi.dlopen(str(LIBRARY))
        self.cpu = self.ffi.new("plait_device_t *", {"kind": 1, "id": 0})[0]

    def message(self):
        return self.ffi.string(self.lib.plait_last_error()).decode()

    def ok(self, status):
        assert status == self.lib.PLAIT_OK, self.message()

    def array(self, values, shape=None, strides=None):
        """A float32 array from a list of numbers."""
        shape = [len(values)] if shape is None else shape
        out = self.ffi.new("plait_array_t *")
        self.ok(
            self.lib.plait_array_from_data(
                self.ffi.new("float[]", list(values)),
                shape,
                self.ffi.NULL if strides is None else strides,
                len(shape),
                self.lib.PLAIT_DTYPE_FLOAT32,
                self.cpu,
                out,
            )
        )
        return out[0]

    def values(self, array):
        """The elements of a float32 array as a list."""
        n = self.lib.plait_array_size(array)
        data = self.ffi.new("float[]", max(n, 1))
        self.ok(self.lib.plait_array_copy_to_host(array, data, 4 * n))
        return list(data[0:n])

    def op(self, name):
        out = self.ffi.new("plait_op_t *")
        self.ok(self.lib.plait_op_find(name.encode(), out))
        return out[0]

    def invoke(self, name, inputs, attrs=(), given=(), capacity=4, flags=0):
        """(status, outputs) of an operator; `attrs` are (kind, member, value)."""
        values = self.ffi.new("plait_value_t[]", max(len(attrs), 1))
        for value, (kind, member, content) in zip(values, attrs, strict=False):
            value.kind = kind
            setattr(getattr(value, "as"), member, content)
        outputs = self.ffi.new(
            "plait_array_t[]", [*given, *[self.ffi.NULL] * (capacity - len(given))]
        )
        count = self.ffi.new("int32_t *")
        status = self.lib.plait_op_invoke(
            self.op(name), inputs, len(inputs), values, len(attrs), flags, outputs, capacity, count
        )
        return status, [outputs[i] for i in range(count[0])] if status == 0 else []

    def free(self, *arrays):
        for array in arrays:
            self.lib.plait_array_free(array)


@pytest.fixture(scope="session")
def library():
    return Library()


@pytest.fixture
def c(library):
    """The library; the test must leave no array behind."""
    gc.collect()  # arrays that tests in Python left behind
    library.lib.plait_engine_wait_all()
    before = library.lib.plait_array_live_count()
    yield library
    library.lib.plait_engine_wait_all()
    assert library.lib.plait_array_live_count() == before, "the test leaked arrays"


@pytest.fixture
def iterate(c):
    """A function (kind, options) -> the batches of a pass as [(data, label, index, pad)], twice."""
    made = []

    def numpy_of(array):
        lib = c.lib
        shape = [lib.plait_array_shape(array)[i] for i in range(lib.plait_array_ndim(array))]
        kinds = {0: "float32", 3: "uint8", 6: "int64"}
        out = np.empty(shape, kinds[lib.plait_array_dtype(array)])
        c.ok(lib.plait_array_copy_to_host(array, c.ffi.from_buffer(out), out.nbytes))
        c.free(array)
        return out

    def texts(values):
        items = [c.ffi.new("char[]", str(v).encode()) for v in values]
        made.append(items)
        return c.ffi.new("char*[]", items)

    def a_pass(handle):
        places = [c.ffi.new("plait_array_t *") for _ in range(3)]
        pad, batches = c.ffi.new("int64_t *"), []
        while True:
            c.ok(c.lib.plait_iter_next(handle, *places, pad))
            if places[0][0] == c.ffi.NULL:
                return batches
            batches.append((*[numpy_of(p[0]) for p in places], pad[0]))

    def run(kind, options, arrays=None):
        out, names, values = c.ffi.new("plait_iter_t *"), texts(options), texts(options.values())
        if arrays:
            status = c.lib.plait_iter_from_arrays(*arrays, names, values, len(options), out)
        else:
            status = c.lib.plait_iter_new(kind.encode(), names, values, len(options), out)
        if status != c.lib.PLAIT_OK:
            raise RuntimeError(c.ffi.string(c.lib.plait_status_name(status)).decode(), c.message())
        first = a_pass(out[0])
        assert a_pass(out[0]) == []
        c.ok(c.lib.plait_iter_reset(out[0]))
        second = a_pass(out[0])
        c.lib.plait_iter_free(out[0])
        return first, second

    return run
