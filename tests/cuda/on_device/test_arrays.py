"""Copies, views, places and refusals of arrays on a device."""

import numpy as np
import pytest

import plait as mx
from plait import nd, op

GPU = mx.gpu(0)


def test_there_and_back():
    x = np.arange(12, dtype="float32").reshape(3, 4)
    a = nd.array(x, ctx=GPU)
    assert a.context == GPU and a.asnumpy().tolist() == x.tolist()
    b = a.as_in_context(mx.cpu())
    assert b.context == mx.cpu() and b.asnumpy().tolist() == x.tolist()
    assert b.as_in_context(GPU).asnumpy().tolist() == x.tolist()


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "int8", "int32", "int64", "bool"])
def test_dtypes(dtype):
    x = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype)
    a = nd.array(x, ctx=GPU, dtype=dtype)
    np.testing.assert_array_equal(a.asnumpy(), x)
    np.testing.assert_array_equal(a.astype("float32").asnumpy(), x.astype("float32"))


def test_views_and_slices_share_memory():
    a = nd.array(np.arange(24).reshape(4, 6), ctx=GPU)
    part = a[1:3]
    part[:] = -1
    want = np.arange(24).reshape(4, 6)
    want[1:3] = -1
    np.testing.assert_array_equal(a.asnumpy(), want)
    np.testing.assert_array_equal(a.T.asnumpy(), want.T)
    np.testing.assert_array_equal(a[:, 1::2].asnumpy(), want[:, 1::2])
    np.testing.assert_array_equal(a.T.as_in_context(mx.cpu()).asnumpy(), want.T)
    a[:, 2] = nd.array([7, 8, 9, 10], ctx=GPU)
    assert a[:, 2].asnumpy().tolist() == [7, 8, 9, 10]


def test_copy_of_a_row_to_the_host():
    a = nd.zeros((3, 4), ctx=GPU)
    a[1] = nd.array([1, 2, 3, 4], ctx=GPU)
    b = nd.zeros((4,))
    a[1].copyto(b)
    assert b.asnumpy().tolist() == [1, 2, 3, 4]


def test_between_devices():
    a = nd.array([1, 2, 3], ctx=GPU)
    b = a.as_in_context(mx.gpu(1))
    assert b.context == mx.gpu(1) and (b * 2).asnumpy().tolist() == [2, 4, 6]


def test_arrays_of_a_call_are_on_one_device():
    a, b = nd.ones(3, ctx=GPU), nd.ones(3)
    with pytest.raises(mx.MXNetError, match=r"add: rhs is on cpu\(0\), must be on gpu\(0\) as lhs"):
        a + b
    with pytest.raises(mx.MXNetError, match=r"out is on cpu\(0\), must be on gpu\(0\)"):
        nd.relu(a, out=nd.zeros(3))


def test_no_kernel_no_silent_copy():
    a = nd.array([[2.0, 0], [0, 2]], ctx=GPU)
    assert op.runs_on("softmax", "gpu") and not op.runs_on("ctc_loss", "gpu")
    assert op.runs_on("ctc_loss", "cpu")
    with pytest.raises(
        NotImplementedError, match=r"has no CUDA kernel: copy its arrays to mx.cpu\(\)"
    ):
        nd.linalg.potrf(a)


def test_the_host_cannot_reach_in():
    a = nd.ones(3, ctx=GPU)
    with pytest.raises(BufferError, match=r"array is on gpu\(0\)"):
        memoryview(a)
    with pytest.raises(mx.MXNetError, match=r"array is on gpu\(0\)"):
        a.__dlpack__()


def test_memory_is_reused_in_the_order_of_the_stream():
    """Much more than the device has, in arrays that go at once; each is read late."""
    total = nd.zeros((1 << 18,), ctx=GPU)
    for i in range(3000):
        total = total * 0.5 + nd.full((1 << 18,), i % 7, ctx=GPU) if i % 50 == 0 else total * 1.0
    want = 0.0
    for i in range(0, 3000, 50):
        want = want * 0.5 + i % 7
    np.testing.assert_allclose(total.asnumpy()[[0, -1]], want, rtol=1e-6)


def test_freed_arrays_do_not_change_what_was_enqueued():
    x = nd.ones((1000,), ctx=GPU)
    results = []
    for i in range(20):
        y = x * i  # its memory goes to the next array before anything has run
        results.append((y + 1).sum())
        del y
    assert [r.asscalar() for r in results] == [1000 * (i + 1) for i in range(20)]


def test_waiting():
    a = nd.ones(5, ctx=GPU)
    b = a + a
    b.wait_to_read()
    nd.waitall()
    assert b.asnumpy().tolist() == [2] * 5


def test_memory_of_a_device():
    free, total = mx.context.gpu_memory_info(0)
    kept = nd.ones((1 << 20,), ctx=GPU)
    nd.waitall()
    less, _ = mx.context.gpu_memory_info(0)
    assert 0 < less <= free - kept.size * 4 < total


def test_default_context():
    with GPU:
        a = nd.ones((2, 2)) + nd.array([[1, 2], [3, 4]])
        assert a.context == GPU
    assert a.asnumpy().tolist() == [[2, 3], [4, 5]]


def test_numpy_world():
    with GPU:
        a = mx.np.arange(6).reshape(2, 3)
        b = mx.np.exp(a).sum(axis=1)
    assert a.ctx == GPU
    np.testing.assert_allclose(b.asnumpy(), np.exp(np.arange(6).reshape(2, 3)).sum(1), rtol=1e-5)


def test_random_numbers_are_those_of_the_cpu():
    mx.random.seed(3)
    a = nd.random.uniform(shape=(4,), ctx=GPU)
    mx.random.seed(3)
    assert a.context == GPU
    np.testing.assert_array_equal(a.asnumpy(), nd.random.uniform(shape=(4,)).asnumpy())
    masks = []
    for context in (mx.cpu(), GPU):
        mx.random.seed(4)
        with mx.autograd.train_mode():
            masks.append(nd.Dropout(nd.ones((50,), ctx=context), p=0.4).asnumpy())
    np.testing.assert_array_equal(*masks)


def test_files(tmp_path):
    path = str(tmp_path / "x.params")
    nd.save(path, {"a": nd.array([[1, 2], [3, 4]], ctx=GPU).T})
    assert nd.load(path)["a"].asnumpy().tolist() == [[1, 3], [2, 4]]
