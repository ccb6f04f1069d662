"""NDArray: creation, indexing, arithmetic, copies, files."""

import copy
import pickle

import numpy as np
import pytest

import plait as mx
from plait import nd


def test_arrays_are_float32_unless_made_from_ndarrays():
    assert nd.array([1, 2]).dtype is np.float32
    assert nd.array(np.arange(3)).dtype is np.float32
    assert nd.array(np.ones(2)).dtype is np.float32
    pixels = np.full((2, 2), 51, np.uint8)
    np.testing.assert_allclose((nd.array(pixels) / 255).asnumpy(), 0.2, rtol=1e-6)
    assert nd.array(nd.array(pixels, dtype="uint8")).dtype is np.uint8
    assert nd.zeros((2, 0)).shape == (2, 0)
    np.testing.assert_array_equal(nd.arange(2, 8, 3, repeat=2).asnumpy(), [2, 2, 5, 5])


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(1, 3),
        (slice(None), 1),
        (Ellipsis, 0),
        (1, slice(None, None, 2)),
        (slice(3, 0, -1), slice(1, 3)),
        (None, 2),
        (slice(None), None, 1),
    ],
)
def test_basic_index_as_numpy(key):
    data = np.arange(24, dtype="f").reshape(4, 6)
    array = nd.array(data)
    np.testing.assert_array_equal(array[key].asnumpy(), data[key])
    value = np.full(data[key].shape, -1, "f")
    if not (isinstance(key, tuple) and None in key):
        array[key] = value
        data[key] = value
        np.testing.assert_array_equal(array.asnumpy(), data)


def test_advanced_index_as_numpy():
    data = np.arange(12, dtype="f").reshape(3, 4)
    array = nd.array(data)
    for key in ([2, 0], (np.array([0, 2]), np.array([1, 3])), data > 5):
        expected = data[key]
        np.testing.assert_array_equal(array[key].asnumpy(), expected)
    array[nd.array([0, 2])] = 7
    data[[0, 2]] = 7
    np.testing.assert_array_equal(array.asnumpy(), data)


def test_rows_are_assigned_from_the_array_itself():
    data = np.arange(12, dtype="f").reshape(3, 4)
    array = nd.array(data)
    array[nd.array([2, 0, 1])] = array
    data[[2, 0, 1]] = data.copy()
    array[[0, 0]] = array[1:]  # of two values for one place the last stays
    data[0] = data[2]
    np.testing.assert_array_equal(array.asnumpy(), data)


def test_slices_share_memory():
    array = nd.zeros((3, 2))
    array[1:][:] = 5
    np.testing.assert_array_equal(array.asnumpy(), [[0, 0], [5, 5], [5, 5]])


@pytest.mark.parametrize("key", [3, -4, (0, 0, 0)])
def test_index_out_of_range(key):
    with pytest.raises(IndexError):
        nd.zeros((3, 2))[key]


def test_arithmetic_as_numpy():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3), "f") + 1, rng.random((3,), "f") + 1
    x, y = nd.array(a), nd.array(b)
    for got, want in [
        (x + y, a + b),
        (x - y, a - b),
        (x * y, a * b),
        (x / y, a / b),
        (2 - x, 2 - a),
        (2 / x, 2 / a),
        (x + 1, a + 1),
        (-x, -a),
    ]:
        np.testing.assert_allclose(got.asnumpy(), want, rtol=1e-6)
    np.testing.assert_array_equal((x > 1.5).asnumpy(), (a > 1.5).astype("f"))
    x += y
    np.testing.assert_allclose(x.asnumpy(), a + b, rtol=1e-6)


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"add: .*\(2, 3\) and \(4,\)"):
        nd.zeros((2, 3)) + nd.zeros(4)


def test_reshape_codes():
    x = nd.zeros((2, 3, 4))
    assert x.reshape((0, -1)).shape == (2, 12)
    assert x.reshape((-3, 0)).shape == (6, 4)
    assert x.reshape(-1).shape == (24,)


def test_copies_do_not_share():
    x = nd.ones((2, 2))
    for other in (x.copy(), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        other[:] = 3
        np.testing.assert_array_equal(x.asnumpy(), np.ones((2, 2)))
    target = nd.zeros((2, 2), dtype="int32")
    x.copyto(target)
    np.testing.assert_array_equal(target.asnumpy(), np.ones((2, 2)))


def test_scalars():
    assert nd.array([2.5]).asscalar() == 2.5
    assert bool(nd.array([1])) and not bool(nd.array([0]))
    with pytest.raises(ValueError, match="one element"):
        nd.zeros(2).asscalar()


def test_repr_is_mxnets():
    assert repr(nd.array([[1, 2]])) == "\n[[1. 2.]]\n<NDArray 1x2 @cpu(0)>"


def test_contexts():
    x = nd.ones((2,), ctx=mx.cpu(1))
    assert x.context == mx.cpu(1)
    assert x.as_in_context(mx.cpu(0)).context == mx.cpu(0)
    with pytest.raises(mx.MXNetError, match="gpu"):
        nd.zeros(2, ctx=mx.gpu(0))


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint8", "int8", "int32", "int64", "bool"]
)
def test_save_and_load(tmp_path, dtype):
    data = {"a": nd.array(np.arange(6).reshape(2, 3) % 2, dtype=dtype), "b": nd.zeros((1,))}
    nd.save(str(tmp_path / "x.params"), data)
    loaded = nd.load(str(tmp_path / "x.params"))
    assert list(loaded) == ["a", "b"] and loaded["a"].dtype == data["a"].dtype
    np.testing.assert_array_equal(loaded["a"].asnumpy(), data["a"].asnumpy())


def test_load_of_corrupt_files(tmp_path):
    path = tmp_path / "x.params"
    nd.save(str(path), [nd.ones((4, 4))])
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(OSError, match="x.params.*byte"):
            nd.load(str(path))
    with pytest.raises(OSError, match="absent"):
        nd.load(str(tmp_path / "absent"))


def test_dlpack_shares_memory():
    x = nd.ones((2, 3))
    view = np.from_dlpack(x)
    assert view.shape == (2, 3)
    x[:] = 4
    x.wait_to_read()
    assert view[1, 2] == 4
    assert nd.from_dlpack(np.arange(3.0)).dtype is np.float64


def test_unknown_attribute_type_names_operator():
    with pytest.raises(TypeError, match="sum: axis"):
        nd.sum(nd.ones((2, 2)), axis="x")


def test_single_elements_have_one_axis():
    x = nd.array([1, 2, 3])
    assert x[0].shape == (1,) and nd.ones((2, 3))[0, 1].shape == (1,)
    assert [v.shape for v in x] == [(1,)] * 3
    assert nd.concat(x[0], x[2], dim=0).asnumpy().tolist() == [1, 3]


def test_views_of_another_shape():
    x = nd.arange(6).reshape((2, 1, 3))
    for view in (x.squeeze(axis=1, inplace=True), x.flatten(inplace=True)):
        assert view.shape == (2, 3)
        view[:] = view + 1
    x.expand_dims(0, inplace=True)[:] += 1
    np.testing.assert_array_equal(x.squeeze().asnumpy(), [[3, 4, 5], [6, 7, 8]])
    x.squeeze(axis=1)[:] = 0
    x.flatten()[:] = 0
    assert x.sum().asscalar() == 33
    with pytest.raises(ValueError, match="squeeze"):
        x.squeeze(axis=0, inplace=True)
