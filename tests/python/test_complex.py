"""Complex arrays: values as NumPy's, gradients in JAX's convention, and what refuses them."""

import pickle

import numpy as np
import pytest
from complex_arrays import RNG, close, gradient, loss, numbers, numeric

import plait as mx
from plait import autograd, gluon, nd, npx

UNARY = """
    abs negative positive square reciprocal sqrt exp expm1 log log1p log2 log10 sin cos tan sinh cosh
    tanh arcsin arccos arctan arcsinh arccosh arctanh conj conjugate real imag angle isnan isinf
    isfinite sign round logical_not isreal iscomplex
""".split()


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name, dtype):
    x = numbers(4, 5, dtype=dtype)
    if name == "sign":
        want = x / np.abs(x)
    else:
        want = getattr(np, name)(x)
    close(getattr(mx.np, name)(mx.np.array(x, dtype=dtype)), want)
    strided = mx.np.array(x, dtype=dtype).T[::2]
    close(getattr(mx.np, name)(strided), want.T[::2])


@pytest.mark.parametrize("name", ["expm1", "log1p", "sqrt", "log", "tanh", "abs", "isinf"])
def test_small_and_large_numbers(name):
    x = np.array([1e-9 + 1e-9j, -1e-9 + 1e-12j, 1e-9j, 1e200 + 1e200j, -1e3 - 0.0j, 0.5 + 3j])
    if name in ("expm1", "tanh"):
        x = x[np.abs(x) < 1e2]
    close(getattr(mx.np, name)(mx.np.array(x, dtype="complex128")), getattr(np, name)(x), 1e-13)


def test_infinities():
    x = np.array([np.inf, 1j * np.inf, complex(np.inf, np.nan), np.nan, 1 + 1j])
    for name in ("isinf", "isnan", "isfinite"):
        close(getattr(mx.np, name)(mx.np.array(x, dtype="complex128")), getattr(np, name)(x))


@pytest.mark.parametrize("name", "add subtract multiply divide power equal not_equal".split())
def test_functions_of_two_numbers(name):
    f, g = getattr(mx.np, name), getattr(np, name)
    x, y = numbers(3, 4), numbers(4)
    x[0] = y
    close(f(mx.np.array(x, dtype="complex128"), mx.np.array(y, dtype="complex128")), g(x, y))
    a, b = mx.np.array(x, dtype="complex64"), mx.np.array(y.real, dtype="float32")
    want = g(x.astype("complex64"), y.real.astype("float32"))
    close(f(a, b), want, 1e-5)
    close(f(b, a), g(y.real.astype("float32"), x.astype("complex64")), 1e-5)


def test_numbers_of_python():
    x, r = numbers(3, dtype="complex64"), RNG.normal(size=3).astype("float32")
    a, b = mx.np.array(x, dtype="complex64"), mx.np.array(r)
    for got, want in [
        (a + 1, x + 1), (2.5 * a, np.float32(2.5) * x), (1 / a, 1 / x), (a - 1j, x - np.complex64(1j)),
        (b * 2j, r * np.complex64(2j)), (1j + b, r + np.complex64(1j)), (a**2, x**2),
        (a == x[0], x == x[0]), (2 - a, 2 - x), (-a, -x), (abs(a), abs(x)),
        (mx.np.array([1, 2]) * 1j, np.array([1j, 2j], "complex64")),
    ]:  # fmt: skip
        close(got, want, 2e-6)
    assert complex(a[0]) == x[0] and a[0].item() == x[0]
    with pytest.raises(TypeError):
        float(a[0])


def test_sums_and_products():
    x = numbers(5, 6, 700)
    a = mx.np.array(x, dtype="complex128")
    for name in ("sum", "mean"):
        for axis in (None, 0, -1, (0, 2)):
            close(getattr(mx.np, name)(a, axis), getattr(np, name)(x, axis))
    for name in ("cumsum", "cumprod"):
        for axis in (None, 0, 1):
            close(getattr(mx.np, name)(a[:, :, 0], axis), getattr(np, name)(x[:, :, 0], axis))
    close(mx.np.prod(a[:, :, :5], -1), np.prod(x[:, :, :5], -1))
    big = numbers(300_000, dtype="complex64")
    got = mx.np.array(big, dtype="complex64").sum()
    np.testing.assert_allclose(got.asnumpy(), big.astype("complex128").sum(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_products_of_matrices(dtype):
    x, y = numbers(2, 3, 4, dtype=dtype), numbers(4, 5, dtype=dtype)
    a, b = mx.np.array(x, dtype=dtype), mx.np.array(y, dtype=dtype)
    close(mx.np.matmul(a, b), x @ y, 1e-5)
    close(a @ b.conj(), x @ y.conj(), 1e-5)
    close(mx.np.tensordot(a, b, 1), np.tensordot(x, y, 1), 1e-5)
    close(mx.np.vecdot(a, b[:, 0]), np.einsum("...i,...i", x.conj(), y[:, 0]), 1e-5)
    close(mx.np.vdot(a[0], a[1]), np.vdot(x[0], x[1]), 1e-5)
    close(mx.np.dot(a, b), np.dot(x, y), 1e-5)
    close(mx.np.einsum("aij,jk->aki", a, b), np.einsum("aij,jk->aki", x, y), 1e-5)
    close(mx.np.linalg.outer(a[0, 0], b[0]), np.outer(x[0, 0], y[0]), 1e-5)


def test_shapes_and_indices():
    x = numbers(3, 4)
    a = mx.np.array(x, dtype="complex128")
    rows = mx.np.array([2, 0], dtype="int64")
    for got, want in [
        (a.T, x.T), (a.T.copy(), x.T), (a.reshape(2, 6), x.reshape(2, 6)), (a[1:, ::2], x[1:, ::2]),
        (a[rows], x[[2, 0]]), (a[mx.np.array([True, False, True], dtype="bool")], x[[0, 2]]),
        (mx.np.concatenate([a, a], 1), np.concatenate([x, x], 1)),
        (mx.np.stack([a, a], 1), np.stack([x, x], 1)), (mx.np.flip(a, 0), np.flip(x, 0)),
        (mx.np.roll(a, 1, 0), np.roll(x, 1, 0)), (mx.np.tile(a, 2), np.tile(x, 2)),
        (mx.np.repeat(a, 2, 0), np.repeat(x, 2, 0)), (mx.np.pad(a, 1), np.pad(x, 1)),
        (mx.np.tril(a), np.tril(x)), (mx.np.diagonal(a), np.diagonal(x)),
        (mx.np.broadcast_to(a, (2, 3, 4)), np.broadcast_to(x, (2, 3, 4))),
        (mx.np.where(a.real > 0, a, 0), np.where(x.real > 0, x, 0)),
        (mx.np.take(a, rows, 1), np.take(x, [2, 0], 1)), (mx.np.expand_dims(a, 1), x[:, None]),
        (mx.np.split(a, 2, 1)[1], np.split(x, 2, 1)[1]), (mx.np.squeeze(a[:1]), x[0]),
    ]:  # fmt: skip
        close(got, want)
    a[0, 0] = 3 - 1j
    a[1:, 1] = a[0, 0] * 2
    a[rows, 3] = 1j
    x[0, 0] = 3 - 1j
    x[1:, 1] = x[0, 0] * 2
    x[[2, 0], 3] = 1j
    close(a, x)
    assert mx.np.count_nonzero(a) == np.count_nonzero(x)


def test_creation():
    close(mx.np.array([1j, 2]), np.array([1j, 2], "complex64"))
    close(mx.np.zeros((2, 3), "complex64"), np.zeros((2, 3), "complex64"))
    close(mx.np.full((2,), 1 + 2j), np.full((2,), 1 + 2j, "complex64"))
    close(mx.np.full((2,), 1.5, dtype="complex128"), np.full((2,), 1.5, "complex128"))
    close(mx.np.eye(3, dtype="complex64"), np.eye(3, dtype="complex64"))
    x = mx.np.array([1j])
    close(mx.np.ones_like(x), np.ones(1, "complex64"))
    close(mx.np.linspace(0, 1j, 5), np.linspace(0, 1j, 5).astype("complex64"))
    assert mx.np.empty((2,), dtype=mx.np.complex128).dtype == np.complex128
    npx.set_np(dtype=True)
    try:
        assert mx.np.array([1j]).dtype == mx.np.full(2, 1j).dtype == "complex128"
        assert mx.np.result_type(mx.np.ones(2, "int64"), 1j) == "complex128"
        assert mx.np.__array_namespace_info__().default_dtypes()["complex floating"] == "complex128"
    finally:
        npx.reset_np()


def test_dtypes():
    r = mx.np.result_type
    assert r("complex64", "float32") == r("complex64", "float16") == "complex64"
    assert r("complex64", "float64") == r("complex128", "int8") == "complex128"
    assert r("float64", "complex64", "bool") == "complex128"
    assert r(mx.np.ones(1, "float32"), 1j) == "complex64" and r("float64", 1j) == "complex128"
    assert mx.np.isdtype("complex64", "complex floating") and mx.np.isdtype("complex128", "numeric")
    assert not mx.np.isdtype("float32", "complex floating")
    assert mx.np.finfo("complex64").eps == np.finfo("float32").eps
    assert mx.np.can_cast("float32", "complex64") and not mx.np.can_cast("complex64", "float64")
    x = mx.np.array([1 + 2j, 0])
    close(x.astype("complex128"), np.array([1 + 2j, 0]))
    close(x.astype("bool"), np.array([True, False]))
    close(mx.np.ones(2, "int8").astype("complex64"), np.ones(2, "complex64"))
    with pytest.raises(TypeError, match="astype: dtype is float32, must be complex"):
        x.astype("float32")
    close(nd.array(np.array([1 + 2j]), dtype="complex64").astype("float32"), np.ones(1, "float32"))


def test_to_and_from_others(tmp_path):
    x = numbers(2, 3)
    a = mx.np.array(x, dtype="complex128")
    np.testing.assert_array_equal(np.asarray(a), x)
    np.testing.assert_array_equal(np.from_dlpack(a), x)
    close(mx.np.from_dlpack(x), x)
    np.testing.assert_array_equal(memoryview(a).tobytes(), x.tobytes())
    close(pickle.loads(pickle.dumps(a)), x)
    assert a.nbytes == 96 and a.itemsize == 16 and a.real.itemsize == 8
    assert repr(mx.np.array([1 + 2j])) == "array([1.+2.j], dtype=complex64)"
    npx.savez(tmp_path / "a.npz", x=a)
    close(npx.load(tmp_path / "a.npz")["x"], x)
    with pytest.raises(TypeError, match="save: dtype is complex128, must be real"):
        nd.save(str(tmp_path / "a.params"), [a])


R, Z, W = RNG.normal(size=(2, 3)), numbers(2, 3), numbers(3, 2)
GRADIENTS = {
    "arithmetic": (lambda z, w: loss(z * w.T + z / (w.T + 3) - w.T), (Z, W)),
    "real with complex": (lambda r, z: loss(r * z + r / z - mx.np.sqrt(r * r + 1) * 1j), (R, Z)),
    "parts": (lambda z: loss(z.real * z.imag + mx.np.angle(z) + mx.np.conj(z) * 2), (Z,)),
    "abs": (lambda z: loss(mx.np.abs(z) * z), (Z,)),
    "functions": (lambda z: loss(mx.np.exp(z) * mx.np.sin(z) + mx.np.log(z) * mx.np.tanh(z)), (Z,)),
    "power": (lambda z, w: loss(z**2 + (z + 4) ** (w.T * 0.1) + z**-1.5), (Z, W)),
    "matmul": (lambda z, w: loss(z @ w), (Z, W)),
    "reductions": (lambda z: loss(z.sum(0) * z.mean() + mx.np.prod(z, 0) + mx.np.cumsum(z, 0)[1]), (Z,)),
    "indices": (lambda z: loss(z[:, ::2] * z[mx.np.array([1, 1], dtype="int64"), 1:]), (Z,)),
    "shapes": (lambda z: loss(mx.np.concatenate([z.T, mx.np.where(z.real > 0, z, 1).T], 1)), (Z,)),
    "inverse functions": (lambda z: loss(mx.np.arccosh(z) + mx.np.arcsin(z) * mx.np.arctan(z)), (Z,)),
    "fft": (lambda z: loss(mx.np.fft.fft(z, 4, norm="ortho") * mx.np.fft.ifft2(z, (2, 4))), (Z,)),
    "rfft": (lambda r: loss(mx.np.fft.rfft(r) * 2 + mx.np.fft.rfft2(r, (3, 3))[:2]), (R,)),
    "irfft": (lambda z: loss(mx.np.fft.irfft(z, norm="forward") + mx.np.fft.irfft(z * z, 4)), (Z,)),
    "odd irfft": (lambda z: loss(mx.np.fft.irfft(z, 5) * mx.np.fft.hfft(z, 5)), (Z,)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    f, arrays = GRADIENTS[name]
    for i, got in enumerate(gradient(f, *arrays)):
        np.testing.assert_allclose(got, numeric(f, list(arrays), i), rtol=2e-6, atol=1e-6)


def test_second_order():
    z = mx.np.array(Z, dtype="complex128")
    z.attach_grad()
    with autograd.record():
        y = (mx.np.exp(z) * z).sum()
        first = autograd.grad(y, z, create_graph=True)
        again = first.sum()
    again.backward()
    np.testing.assert_allclose(z.grad.asnumpy(), np.exp(Z) * (2 + Z), rtol=1e-12)


class Filter(gluon.HybridBlock):
    def forward(self, x, w):
        return mx.np.abs(mx.np.exp(mx.np.fft.fft(x) * w + 1.0)) + mx.np.fft.irfft(w[:3] * 2.0, 4)


def test_in_a_compiled_block():
    x, w = RNG.normal(size=(2, 4)).astype("float32"), numbers(4, dtype="complex64") * 0.1
    results = []
    for compiled in (False, True):
        net = Filter()
        if compiled:
            net.hybridize()
        a, b = mx.np.array(x), mx.np.array(w, dtype="complex64")
        a.attach_grad()
        b.attach_grad()
        with autograd.record():
            y = net(a, b)
        y.backward()
        results.append([v.asnumpy() for v in (y, a.grad, b.grad)])
    for eager, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-4, atol=1e-5)


C = mx.np.array([1j, 2])
REFUSED = [
    (lambda: C < C, "np_less: lhs has dtype complex64, must be real"),
    (lambda: C > 1, "np_greater_scalar: data has dtype complex64"),
    (lambda: mx.np.maximum(C, C), "maximum: lhs has dtype complex64"),
    (lambda: mx.np.floor(C), "floor: data has dtype complex64"),
    (lambda: C // C, "floor_divide: lhs has dtype complex64"),
    (lambda: mx.np.sort(C), "sort: data has dtype complex64"),
    (lambda: mx.np.max(C), "max: data has dtype complex64"),
    (lambda: npx.softmax(C), "softmax: data has dtype complex64"),
    (lambda: mx.np.clip(C, 0, 1), "must be real|complex"),
    (lambda: nd.FullyConnected(C.as_nd_ndarray().reshape((1, 2)), nd.ones((1, 2)), no_bias=True, num_hidden=1), "fully_connected: data has dtype complex64"),
    (lambda: mx.np.fft.rfft(C), "rfft: dtype is complex64, must be real"),
    (lambda: mx.np.arange(3, dtype="complex64"), "arange: dtype is complex64, must be real"),
    (lambda: mx.np.random.normal(size=3, dtype="complex64"), "complex64"),
    (lambda: mx.np.add(C, C, out=mx.np.zeros(2)), "out has dtype float32"),
    (lambda: mx.np.zeros(2).__setitem__(0, C[0]), "index: value has dtype complex64"),
    (lambda: nd.sparse.csr_matrix((C.as_nd_ndarray(), nd.array([0, 1], dtype="int64"), nd.array([0, 1, 2], dtype="int64")), shape=(2, 2)), "must be real"),
    (lambda: C.as_nd_ndarray() + 1j, "unsupported operand"),
    (lambda: nd.ones(2) * np.complex64(1j), "operand is .*1j.*, must be real: complex numbers are for mx.np"),
    (lambda: nd.add(nd.ones(2), np.complex128(1j)), "operand is 1j, must be real"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), REFUSED, ids=[text[:24] for _, text in REFUSED])
def test_refuses(call, text):
    with pytest.raises(TypeError, match=text):
        call().wait_to_read()
