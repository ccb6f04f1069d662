"""Calls in the wrong order are errors that say so; the objects stay usable."""

import subprocess
import sys

import pytest


def made(c, noun, function, *arguments):
    out = c.ffi.new(f"plait_{noun}_t *")
    c.ok(function(*arguments, out))
    return out[0]


def fails(c, status, kind, words):
    assert status == getattr(c.lib, f"PLAIT_ERR_{kind}"), c.message()
    assert words in c.message()


def test_traces(c):
    lib = c.lib
    trace, a = made(c, "trace", lib.plait_trace_begin), c.array([1])
    inner = made(c, "trace", lib.plait_trace_begin)  # the outer one goes on when it ends
    lib.plait_trace_free(inner)
    c.ok(lib.plait_trace_variable(trace, b"a", a))
    status, out = c.invoke("add", [a, a])
    c.ok(status)
    symbol = made(c, "symbol", lib.plait_trace_end, trace, out, 1)
    other = made(c, "trace", lib.plait_trace_begin)  # one ended, another may begin
    lib.plait_trace_free(other)
    lib.plait_trace_free(trace)
    lib.plait_symbol_free(symbol)
    c.free(a, *out)


def test_writers(c, tmp_path):
    lib, at = c.lib, c.ffi.new("int64_t *")
    path = str(tmp_path / "a.rec").encode()
    writer = made(c, "record_writer", lib.plait_record_writer_open, path)
    c.ok(lib.plait_record_writer_close(writer))
    fails(c, lib.plait_record_writer_write(writer, b"x", 1, at), "IO", "closed")
    lib.plait_record_writer_free(writer)


def test_backward(c):
    lib, null = c.lib, c.ffi.NULL
    x, grad = c.array([1, 2]), c.array([0, 0])

    def backward(head):
        return lib.plait_autograd_backward([head], null, 1, null, 0, 0, null)

    fails(c, backward(x), "INVALID_ARGUMENT", "record")
    c.ok(lib.plait_autograd_mark_variables([x], [grad], [1], 1))
    lib.plait_autograd_set_recording(1)
    status, y = c.invoke("square", [x])
    lib.plait_autograd_set_recording(0)
    c.ok(status)
    c.ok(backward(y[0]))
    assert c.values(grad) == [2, 4]
    assert backward(y[0]) != lib.PLAIT_OK  # what it needs was forgotten
    c.free(x, grad, *y)


def test_iterators_stay_at_the_end_until_reset(c):
    lib, null = c.lib, c.ffi.NULL
    a, b = c.array([1]), c.array([2])
    iterator = made(c, "iter", lib.plait_iter_from_arrays, a, b, null, null, 0)
    places, pad = [c.ffi.new("plait_array_t *") for _ in range(3)], c.ffi.new("int64_t *")
    found = []
    for _ in range(3):
        c.ok(lib.plait_iter_next(iterator, *places, pad))
        found.append(places[0][0] != null)
        c.free(*[place[0] for place in places])
    assert found == [True, False, False]
    lib.plait_iter_free(iterator)
    c.free(a, b)


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import conftest
c = conftest.Library()
c.ok(c.lib.plait_engine_shutdown())
c.ok(c.lib.plait_engine_shutdown())
a = c.array([1, 2])
status, out = c.invoke("add", [a, a])
c.ok(status)
assert c.values(out[0]) == [2, 4]
c.ok(c.lib.plait_engine_wait_all())
c.free(a, *out)
"""


def test_work_after_shutdown_runs_in_the_caller(c):
    folder = __file__.rsplit("/", 1)[0]
    subprocess.run([sys.executable, "-c", PROGRAM.format(folder=folder)], check=True)


@pytest.mark.parametrize("name", ["array_ndim", "array_shape", "op_name", "symbol_name"])
def test_getters_of_nothing(c, name):
    assert getattr(c.lib, f"plait_{name}")(c.ffi.NULL) in (-1, 0, c.ffi.NULL)
