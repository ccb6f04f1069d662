"""The C interface through cffi, which reads the header as it is."""

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import cffi
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
