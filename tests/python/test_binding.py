"""The compiled modules: conversions, errors, ownership, callbacks, fork and signals."""

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import plait as mx
from plait import _array, _engine, nd


@pytest.fixture
def live():
    """Number of arrays that exist now, after what nobody holds is gone."""

    def count():
        gc.collect()
        mx.nd.waitall()
        return _engine.live_arrays()

    return count


@pytest.mark.parametrize("value", [object(), (1, "x"), b"1", {}, 2**70])
def test_wrong_attribute_names_operator_and_attribute(value):
    with pytest.raises(TypeError, match="softmax: axis is "):
        nd.softmax(nd.zeros((2, 2)), axis=value)


@pytest.mark.parametrize("value", [1, np.int64(1), np.array(1), "1"])
def test_attribute_takes_every_kind_of_whole_number(value):
    assert nd.sum(nd.ones((2, 3)), axis=value).shape == (2,)


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), float])
def test_attribute_takes_every_kind_of_dtype(dtype):
    assert nd.cast(nd.ones((2,)), dtype=dtype).dtype is np.float64


def test_wrong_input_names_operator_and_argument():
    with pytest.raises(TypeError, match="softmax: data is list, must be an array"):
        nd.softmax([1.0, 2.0])


def test_many_outputs_and_given_outputs():
    parts = nd.split(nd.arange(40), num_outputs=40, axis=0)
    assert len(parts) == 40 and parts[39].asscalar() == 39
    out = nd.zeros((2,))
    assert nd.broadcast_add(nd.ones((2,)), nd.ones((2,)), out=out) is out
    assert out.asnumpy().tolist() == [2, 2]


def test_buffer_of_other_element_size_is_refused():
    with pytest.raises(TypeError, match="elements have 4 bytes, must have 8"):
        _array.from_buffer(np.ones(2, "f"), _array.DTYPE_NUMBERS["float64"], 1, 0, _array.Array)


@pytest.mark.parametrize(
    "source",
    [
        np.arange(6.0)[::-2],
        np.arange(6, dtype="f").reshape(2, 3).T,
        np.float32(3),
        np.frombuffer(b"\0" + np.ones(2, "f").tobytes(), "f", offset=1),
    ],
)
def test_buffer_with_any_strides_is_copied(source):
    np.testing.assert_array_equal(nd.array(source).asnumpy(), source)


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_capsule_that_nobody_takes_frees_its_array(live, version):
    before = live()
    capsule = nd.ones((2,)).__dlpack__(max_version=version)
    assert live() == before + 1
    del capsule
    assert live() == before


def test_arithmetic_of_every_operator():
    a, b = np.array([1.0, 2, 5], "f"), np.array([2.0, 2, 3], "f")
    x, y = nd.array(a), nd.array(b)
    for f in (
        lambda p, q: p + q,
        lambda p, q: p - q,
        lambda p, q: p * q,
        lambda p, q: p / q,
        lambda p, q: p % q,
        lambda p, q: p**q,
        lambda p, q: p == q,
        lambda p, q: p != q,
        lambda p, q: p < q,
        lambda p, q: p <= q,
        lambda p, q: p > q,
        lambda p, q: p >= q,
    ):
        np.testing.assert_allclose(f(x, y).asnumpy(), f(a, b), rtol=1e-6)
        np.testing.assert_allclose(f(x, 2).asnumpy(), f(a, 2), rtol=1e-6)
        np.testing.assert_allclose(f(2.0, x).asnumpy(), f(2.0, a), rtol=1e-6)
    np.testing.assert_array_equal((-x).asnumpy(), -a)
    assert type(x + 1) is nd.NDArray
    for wrong in ("x", None, [1]):
        with pytest.raises(TypeError):
            x + wrong
    assert len({x, y, x}) == 2


def test_errors_are_two_classes():
    with pytest.raises(ValueError) as caught:
        nd.ones((2,)) + nd.ones((3,))
    assert isinstance(caught.value, mx.MXNetError)


def test_name_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "x.params"
    nd.save(str(path), {"abc": nd.ones((1,))})
    path.write_bytes(path.read_bytes().replace(b"abc", b"\xff\xfe\xfd"))
    with pytest.raises(OSError, match="not UTF-8"):
        nd.load(str(path))


def test_exception_of_a_custom_gradient_comes_out(live):
    class Broken(mx.autograd.Function):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            raise ZeroDivisionError("mine")

    before = live()
    x = nd.ones((2,))
    x.attach_grad()
    with mx.autograd.record():
        y = Broken()(x)
    with pytest.raises(ZeroDivisionError, match="mine"):
        y.backward()
    with mx.autograd.record():
        Broken()(x)  # never asked for gradients
    del x, y
    assert live() == before


def test_fork_leaves_both_processes_able_to_compute():
    big = nd.ones((400, 400))
    product = nd.dot(big, big)
    child = os.fork()
    if child == 0:
        good = nd.dot(big, big)[0, 0].asscalar() == 400
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert product[0, 0].asscalar() == 400


# A suite that runs in the background hands its children an ignored SIGINT: they take it back.
PROGRAM = """
import signal
import plait as mx
signal.signal(signal.SIGINT, signal.default_int_handler)
a = mx.nd.ones((2000, 2000))
try:
    print("ready", flush=True)
    while True:
        mx.nd.dot(a, a).wait_to_read()
except KeyboardInterrupt:
    print(mx.nd.dot(a[:, :1].T, a[:, :1]).asscalar(), flush=True)
"""


def test_interrupt_leaves_the_process_usable():
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    timer = threading.Timer(0.3, process.send_signal, [signal.SIGINT])
    timer.start()
    try:
        assert process.communicate(timeout=60)[0] == "2000.0\n"
    finally:
        process.kill()
    assert process.returncode == 0
