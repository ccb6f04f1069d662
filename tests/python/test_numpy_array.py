"""The class mx.np.ndarray: indexing, arithmetic, views, gradients, other libraries."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import plait as mx
from plait import autograd, npx

NUMPY_WORLD = pytest.mark.usefixtures("numpy_world")


@pytest.fixture
def numpy_world():
    npx.set_np(dtype=True)
    yield
    npx.reset_np()


def ours(x):
    return mx.np.array(x, dtype=x.dtype) if isinstance(x, np.ndarray) else x


def same(got, want):
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.asnumpy(), want)


X = np.arange(120.0).reshape(4, 5, 6)
ROWS, COLUMNS = np.array([0, 3, -1]), np.array([1, 2, 4])
MASK = (np.arange(120).reshape(4, 5, 6) % 7) == 0
KEYS = [
    0, -1, slice(None), slice(1, 3), slice(None, None, -2), (1, 2), (1, 2, 3), Ellipsis, (Ellipsis, 0), (0, Ellipsis, slice(2)), None, (None, 1), (slice(None), None, 2),
    (slice(3, 1, -1), slice(None), slice(0, 6, 4)), ROWS, [0, 2], (ROWS, COLUMNS), (slice(None), ROWS), (ROWS, slice(None), COLUMNS), (slice(None), ROWS, COLUMNS), (0, slice(None), COLUMNS),
    (slice(None), 1, COLUMNS), (ROWS[:, None], COLUMNS[None]), (ROWS[:, None], slice(1, 4), COLUMNS[None]), (None, ROWS, 0), (ROWS, None, 0), (Ellipsis, COLUMNS), MASK, MASK[:, :, 0], (slice(None), MASK[0]),
    (MASK[:, 0, 0], COLUMNS[0]), MASK[:, 0, 0], np.zeros(4, bool), [], np.zeros((0, 2), int), (np.int64(1), np.array(2)), True, False, (slice(None), True), ([True, False, True, False],), (slice(1, 1),), (ROWS, ROWS[:, None], 1),
]  # fmt: skip


@NUMPY_WORLD
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_reading(key):
    turned = tuple(ours(k) for k in key) if isinstance(key, tuple) else ours(key)
    same(ours(X)[turned], X[key])


@NUMPY_WORLD
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_writing(key):
    for value in (-1.0, np.arange(float(X[key].size)).reshape(X[key].shape)):
        want, got = X.copy(), ours(X)
        view = got[:]
        want[key] = value
        got[tuple(ours(k) for k in key) if isinstance(key, tuple) else ours(key)] = ours(value)
        same(got, want)
        same(view, want)


@NUMPY_WORLD
def test_random_indices_agree_with_numpy(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        shape = tuple(rng.integers(1, 5, size=rng.integers(1, 4)))
        x = rng.normal(size=shape)
        n = int(rng.integers(1, len(shape) + 1))
        joint = tuple(rng.integers(1, 4, size=2))
        key = []
        for axis in range(n):
            kind = rng.integers(4)
            if kind == 0:
                key.append(int(rng.integers(-shape[axis], shape[axis])))
            elif kind == 1:
                key.append(
                    slice(
                        *[None if rng.integers(2) else int(v) for v in rng.integers(-4, 5, size=2)],
                        int(rng.choice([1, 2, -1])),
                    )
                )
            else:
                key.append(
                    rng.integers(-shape[axis], shape[axis], size=joint if kind == 2 else joint[1:])
                )
            if rng.integers(6) == 0:
                key.append(None)
        key = tuple(key)
        same(ours(x)[tuple(ours(k) for k in key)], x[key])
        want, got = x.copy(), ours(x)
        want[key], got[tuple(ours(k) for k in key)] = 5.0, 5.0
        same(got, want)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (4, "index is 4, must be in"),
        ((0, 0, 0, 0), "index has 4 entries"),
        ("a", "must be an integer"),
        (np.array([9]), "indices has 9"),
        (np.ones(3, bool), "mask has shape"),
        (1.5, "must be an integer"),
        ((..., ...), "two ellipses"),
    ],
)
def test_bad_indices(key, text):
    with pytest.raises(IndexError, match=text):
        ours(X)[key].wait_to_read()


def test_slices_share_memory_and_write_through():
    x = ours(X)
    view = x[1:3, ::2].T
    view[0] = -5.0
    assert (x[1:3, ::2, 0] == -5).all()
    assert mx.np.shares_memory(x, view) and not mx.np.shares_memory(x[0], x[1])
    assert mx.np.may_share_memory(x[0], x[1]) and not mx.np.may_share_memory(x, x.copy())
    x.reshape(-1)[3] = 77.0
    assert x[0, 0, 3] == 77
    x[...] = x[::-1]  # from itself
    np.testing.assert_array_equal(x[0].asnumpy()[2:], X[3][2:])


OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">="]
DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


@NUMPY_WORLD
@pytest.mark.parametrize("operator", OPERATORS)
def test_dtypes_of_results_are_numpys(operator):
    for a, b in itertools.product(DTYPES, DTYPES):
        if operator in ("-", "//", "%", "**") and a == b == "bool":
            continue
        x, y = np.array([1, 2, 3]).astype(a), np.array([1, 1, 2]).astype(b)
        want = eval(f"x {operator} y", {"x": x, "y": y})
        got = eval(f"x {operator} y", {"x": ours(x), "y": ours(y)})
        floats = [d for d in (a, b) if d.startswith("float")]
        if len(floats) == 1 and want.dtype.kind == "f":  # an integer with a float gives the float
            assert got.dtype == floats[0], (a, b)
        elif want.dtype.kind == "f" and not floats:
            assert got.dtype == "float64", (a, b)
        else:
            assert got.dtype == want.dtype, (a, b)
        np.testing.assert_allclose(got.asnumpy().astype(float), want.astype(float), rtol=1e-3)


@NUMPY_WORLD
def test_python_numbers_are_weak():
    for name in DTYPES[1:]:
        x = ours(np.array([4, 5, 6]).astype(name))
        for f in (
            lambda a: a + 2,
            lambda a: 2 - a,
            lambda a: a * 3,
            lambda a: a // 2,
            lambda a: 7 % a,
            lambda a: a**2,
            lambda a: a & 3 if a.dtype.kind in "iu" else a,
        ):
            assert f(x).dtype == name
            np.testing.assert_array_equal(f(x).asnumpy(), f(x.asnumpy()))
        assert (x + 0.5).dtype == (name if name.startswith("float") else "float64")
        assert (x == 4).dtype == bool and (4 < x).asnumpy().tolist() == [False, True, True]
    b = ours(np.array([True, False]))
    assert (b + 1).dtype == "int64" and (b * 1.5).dtype == "float64" and (b & True).dtype == bool
    big = ours(np.array([2**60 + 1]))
    assert (big + (2**60 + 1)).item() == 2**61 + 2
    with pytest.raises(OverflowError, match="scalar is 300"):
        ours(np.array([1], "uint8")) & 300


def test_default_world_is_float32():
    assert mx.np.array([1, 2]).dtype == "float32" and mx.np.arange(3).dtype == "float32"
    assert mx.np.full((2,), 7).dtype == "int64" and mx.np.zeros(2).dtype == "float32"
    i = mx.np.array([1, 2], dtype="int32")
    assert (
        (i / 2).dtype == "float32"
        and (i + 1.5).dtype == "float32"
        and mx.np.exp(i).dtype == "float32"
    )
    assert (
        i.mean().dtype == "float32"
        and i.sum().dtype == "int32"
        and mx.np.argmax(i).dtype == "int64"
    )
    assert (
        repr(mx.np.array([1.0, 2])) == "array([1., 2.])" and repr(i) == "array([1, 2], dtype=int32)"
    )
    assert str(mx.np.array([[1.0, 2]])) == "[[1. 2.]]" and f"{mx.np.array(2.5):.2f}" == "2.50"


def test_in_place_keeps_the_array():
    x = ours(X)
    alias = x
    for operator in ("+=", "-=", "*=", "/=", "//=", "%=", "**="):
        exec(f"x {operator} 2.0", {"x": x})
    y = ours(np.array([6, 3]))
    for operator, value in (("&=", 2), ("|=", 1), ("^=", 4), ("<<=", 2), (">>=", 1), ("+=", 1)):
        exec(f"y {operator} {value}", {"y": y})
    assert alias is x and y.tolist() == [
        ((((6 & 2) | 1) ^ 4) << 2 >> 1) + 1,
        ((((3 & 2) | 1) ^ 4) << 2 >> 1) + 1,
    ]
    with pytest.raises(TypeError, match="out has dtype int64"):
        y += 0.5
    with pytest.raises(ValueError):
        y += mx.np.ones((3, 2), dtype="int64")


def test_out_and_where():
    out = mx.np.zeros((2, 3))
    assert mx.np.add(mx.np.ones((2, 3)), 1, out=out) is out and (out == 2).all()
    mx.np.exp(mx.np.zeros((2, 3)), out=out, where=mx.np.array([True, False, True], dtype=bool))
    assert out.tolist() == [[1, 2, 1], [1, 2, 1]]
    assert mx.np.sum(out, axis=0, out=mx.np.zeros(3)).tolist() == [2, 4, 2]


def test_python_protocols():
    x = ours(X[0])
    same(pickle.loads(pickle.dumps(x)), X[0])
    same(copy.deepcopy(x), X[0])
    assert len(x) == 5 and [r.shape for r in x] == [(6,)] * 5 and 3.0 in x and 999.0 not in x
    assert x.item(7) == X[0].flat[7] and x.item(1, 2) == X[0][1, 2] and x[0, 1].item() == 1.0
    assert (
        float(x[0, 1]) == 1.0
        and int(x[0, 1]) == 1
        and bool(x[0, 1])
        and list(range(3))[mx.np.array(1, dtype="int64")] == 1
    )
    assert (
        x.tolist() == X[0].tolist()
        and x.strides == X[0].strides
        and x.nbytes == X[0].nbytes
        and x.itemsize == 8
    )
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError):
        len(mx.np.array(1.0))
    with pytest.raises(ValueError, match="item"):
        x.item()
    assert isinstance(x, mx.nd.NDArray) and {x: 1}[x] == 1 and x.device == mx.cpu() == x.ctx


def test_worlds_convert_into_each_other():
    x = mx.np.ones((2, 3))
    x.attach_grad()
    with autograd.record():
        y = (x.as_nd_ndarray() * 2).as_np_ndarray().sum()
    y.backward()
    assert (
        type(y) is mx.np.ndarray
        and type(x.as_nd_ndarray()) is mx.nd.NDArray
        and (x.grad == 2).all()
    )
    assert type(mx.nd.ones((2,)).as_np_ndarray()) is mx.np.ndarray


def test_methods_agree_with_numpy():
    x = ours(X)
    for method, args in {"sum": (1,), "mean": (), "std": (0,), "var": (), "max": (2,), "min": (), "argmax": (1,), "cumsum": (0,), "reshape": (5, -1), "transpose": (2, 0, 1),
                         "swapaxes": (0, 2), "repeat": (2,), "ravel": (), "flatten": (), "clip": (3.0, 9.0), "take": ([0, 3],), "diagonal": (), "trace": (), "squeeze": (), "round": (1,),
                         "prod": (0,), "all": (), "any": (1,), "nonzero": (), "dot": (np.ones((6, 2)),), "argsort": (), "copy": (), "astype": ("int32",)}.items():  # fmt: skip
        got, want = getattr(x, method)(*[ours(a) for a in args]), getattr(X, method)(*args)
        for g, w in zip(
            got if isinstance(got, tuple) else [got],
            want if isinstance(want, tuple) else [want],
            strict=True,
        ):
            assert type(g) is mx.np.ndarray and g.shape == w.shape
            np.testing.assert_allclose(g.asnumpy(), w, rtol=1e-6)
    y = ours(X[::-1])
    y.sort(0)
    same(y, X)
    y.fill(3.0)
    assert (y == 3).all() and type(x.softmax()) is mx.np.ndarray and type(x.exp()) is mx.np.ndarray
    assert type(x.slice_axis(axis=0, begin=0, end=1)) is mx.np.ndarray


def test_gradients_through_indexing_and_functions():
    x, i = mx.np.array([[1.0, 2, 3], [4, 5, 6]]), mx.np.array([0, 1, 0], dtype="int64")
    x.attach_grad()
    with autograd.record():
        y = (x[i, 1:] ** 2).sum() + x[:, 0].sum() + mx.np.concatenate([x, x], 1).mean() * 6
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [[2, 9, 13], [2, 11, 13]])
    with autograd.record():
        y = x * 2
        with pytest.raises(ValueError, match="part of the recording"):
            y[0] = 1.0
        with pytest.raises(ValueError, match="part of the recording"):
            y += 1
    x.drop_grad()
    assert x.grad is None


def test_numpy_functions_run_ours():
    x = mx.np.array([[1.0, 2], [3, 4]])
    for got in (
        np.sum(x, axis=0),
        np.exp(x),
        np.add(np.ones((2, 2)), x),
        np.ones((2, 2)) * x,
        np.linalg.inv(x),
        np.concatenate([x, x]),
        np.add.reduce(x),
        np.where(x > 1, x, 0),
        np.kaiser(3, 1.0) * x[0, 0],
        np.nanmedian(x),
    ):
        assert isinstance(got, mx.np.ndarray)
    a = np.ones((2, 2))
    a += x
    assert isinstance(a, np.ndarray) and a[1, 1] == 5
    assert mx.np.geomspace(x[0], x[1], 3).shape == (3, 2)
    assert np.asarray(x).shape == (2, 2) and np.array(x, dtype="float64").dtype == "float64"


def test_other_libraries_share_the_memory():
    x = mx.np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(np.from_dlpack(x), np.from_dlpack(x))
    back = mx.np.from_dlpack(np.arange(3.0))
    assert back.tolist() == [0, 1, 2]
    shared = np.ones(3, "float32")
    npx.from_numpy(shared)[0] = 5.0
    assert shared[0] == 5 and npx.from_numpy(shared, zero_copy=False).tolist() == [5, 1, 1]
    assert (
        mx.np.from_dlpack(x.to_dlpack_for_write()).shape
        == mx.np.from_dlpack(x.to_dlpack_for_read()).shape
    )
    assert memoryview(x).shape == (2, 3) and np.asarray(memoryview(x))[1, 2] == 5
    assert (
        x.__array_namespace__() is mx.np and x.__array_namespace__(api_version="2024.12") is mx.np
    )
    with pytest.raises(ValueError, match="api_version"):
        x.__array_namespace__(api_version="1999.01")


def test_many_axes_and_few_elements():
    deep = mx.np.ones((1,) * 32)
    assert (deep + mx.np.ones((1,) * 31)).shape == (1,) * 32
    assert (
        mx.np.zeros((0, 3)).sum().item() == 0
        and mx.np.zeros(()).shape == ()
        and mx.np.zeros((2, 0)).mean(0).shape == (0,)
    )
    assert (mx.np.zeros((0, 3)) + 1).shape == (0, 3) and mx.np.array(3.0)[...].item() == 3


def test_modes_switch_and_return():
    assert not npx.is_np_array() and not npx.is_np_shape()
    npx.set_np()
    assert npx.is_np_array() and npx.is_np_shape() and not npx.is_np_default_dtype()
    npx.reset_np()

    @npx.use_np
    def inside():
        return npx.is_np_array(), npx.is_np_shape()

    @npx.use_np
    class Block:
        def forward(self):
            return npx.is_np_array()

    assert inside() == (True, True) and Block().forward() and not npx.is_np_array()
    with npx.np_shape(), npx.np_array():
        assert npx.is_np_shape() and npx.is_np_array()
    with pytest.raises(ValueError, match="set_np"):
        npx.set_np(shape=False)


def test_files(tmp_path):
    x, y = mx.np.ones((2, 3)), mx.np.arange(4)
    npx.save(tmp_path / "x.npy", x)
    assert (npx.load(tmp_path / "x.npy") == x).all()
    npx.savez(tmp_path / "two.npz", x, b=y)
    both = npx.load(tmp_path / "two.npz")
    assert set(both) == {"arr_0", "b"} and (both["b"] == y).all()
    mx.nd.save(str(tmp_path / "old.params"), {"w": x.as_nd_ndarray()})
    assert type(npx.load(str(tmp_path / "old.params"))["w"]) is mx.np.ndarray
    npx.save(tmp_path / "plain", [x, y])
    first, second = npx.load(tmp_path / "plain")
    assert (first == x).all() and (second == y).all()
    npx.save(tmp_path / "plain", {"w": x})
    assert list(npx.load(tmp_path / "plain")) == ["w"]
    with pytest.raises(TypeError, match="save: arr is int"):
        npx.save(tmp_path / "plain", 3)
    with pytest.raises(OSError):
        npx.load(tmp_path / "missing")


def test_range_as_index():
    x = mx.np.arange(12).reshape(3, 4)
    assert x[range(3), mx.np.array([1, 0, 3])].tolist() == [1, 4, 11]
    assert x[range(1, 3)].shape == (2, 4)
    x[range(2)] = 0
    assert float(x.sum()) == 8 + 9 + 10 + 11
