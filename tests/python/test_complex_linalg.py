"""Linear algebra of complex matrices: values as NumPy's, gradients against central differences."""

import numpy as np
import pytest
from complex_arrays import close, gradient, loss, numbers, numeric

import plait as mx

la = mx.np.linalg


def hermitian(n, dtype="complex128"):
    a = numbers(2, n, n)
    return (a @ a.conj().swapaxes(-1, -2) + np.eye(n)).astype(dtype)


def both(a):
    return mx.np.array(a, dtype=a.dtype), a


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_equations_and_determinants(dtype):
    tolerance = 1e-4 if dtype == "complex64" else 1e-10
    a, x = both(numbers(2, 4, 4, dtype=dtype))
    b, y = both(numbers(2, 4, 3, dtype=dtype))
    close(la.inv(a), np.linalg.inv(x), tolerance)
    close(la.solve(a, b), np.linalg.solve(x, y), tolerance)
    close(la.det(a), np.linalg.det(x), tolerance)
    for got, want in zip(la.slogdet(a), np.linalg.slogdet(x), strict=True):
        close(got, want, tolerance)
    close(la.matrix_power(a, -2), np.linalg.matrix_power(x, -2), 10 * tolerance)
    close(la.tensorinv(a.reshape(2, 4, 4)[0].reshape(2, 2, 4), 2),
          np.linalg.tensorinv(x[0].reshape(2, 2, 4), 2), tolerance)  # fmt: skip
    close(la.tensorsolve(a[0], b[0, :, 0]), np.linalg.tensorsolve(x[0], y[0, :, 0]), tolerance)
    singular = np.zeros((2, 2), dtype)
    sign, log = la.slogdet(mx.np.array(singular, dtype=dtype))
    assert complex(sign) == 0 and float(log) == -np.inf


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_factors(dtype):
    tolerance = 1e-4 if dtype == "complex64" else 1e-10
    h, g = both(hermitian(4, dtype))
    close(la.cholesky(h), np.linalg.cholesky(g), tolerance)
    close(la.cholesky(h, upper=True), np.linalg.cholesky(g).conj().swapaxes(-1, -2), tolerance)
    for shape in ((5, 3), (3, 5), (2, 4, 4)):
        a, x = both(numbers(*shape, dtype=dtype))
        for mode in ("reduced", "complete"):
            for got, want in zip(la.qr(a, mode), np.linalg.qr(x, mode), strict=True):
                close(got, want, tolerance)
        close(la.qr(a, "r"), np.linalg.qr(x, "r"), tolerance)
        close(la.svdvals(a), np.linalg.svd(x, compute_uv=False), tolerance)
        for full in (False, True):
            u, s, vt = la.svd(a, full)
            k = min(shape[-2:])
            product = (u[..., :k] * mx.np.expand_dims(s, -2)) @ vt[..., :k, :]
            close(product, x, tolerance)
            assert [v.shape for v in (u, s, vt)] == [v.shape for v in np.linalg.svd(x, full)]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_eigenvalues(dtype):
    tolerance = 1e-4 if dtype == "complex64" else 1e-10
    h, g = both(hermitian(4, dtype))
    for triangle in "LU":
        w, v = la.eigh(h, triangle)
        close(w, np.linalg.eigvalsh(g, triangle), tolerance)
        close(h @ v, (v * mx.np.expand_dims(w, -2)).asnumpy(), 10 * tolerance)
        close(la.eigvalsh(h, triangle), np.linalg.eigvalsh(g, triangle), tolerance)
    a, x = both(numbers(2, 4, 4, dtype=dtype))
    w, v = la.eig(a)
    close(a @ v, (v * mx.np.expand_dims(w, -2)).asnumpy(), 10 * tolerance)
    assert w.dtype == v.dtype == dtype
    close(la.eigvals(a), np.linalg.eigvals(x), tolerance)
    turn, z = both(np.array([[0.0, -1.0], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="must have real ones\n  hint: convert real data to"):
        la.eig(turn)[0].wait_to_read()
    close(la.eigvals(turn.astype("complex128")), np.linalg.eigvals(z), 1e-14)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_least_squares_and_norms(dtype):
    tolerance = 1e-4 if dtype == "complex64" else 1e-10
    a, x = both(numbers(5, 3, dtype=dtype))
    b, y = both(numbers(5, 2, dtype=dtype))
    close(la.pinv(a), np.linalg.pinv(x), tolerance)
    for got, want in zip(la.lstsq(a, b, None), np.linalg.lstsq(x, y, None), strict=True):
        np.testing.assert_allclose(got.asnumpy(), want, rtol=tolerance, atol=tolerance)
    assert int(la.matrix_rank(a)) == 3 and int(la.matrix_rank(a[:, :1] @ b[:1])) == 1
    for order in (None, 2, -2, "fro"):
        close(la.cond(a[:3], order), np.linalg.cond(x[:3], order), 10 * tolerance)
    for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        close(la.norm(a, order), np.linalg.norm(x, order), tolerance)


A, B = numbers(3, 3), numbers(3, 2)
TALL = numbers(4, 3)


def positive(z):
    return z @ mx.np.swapaxes(z, -1, -2).conj() + mx.np.eye(3, dtype="complex128")


def free_of_phase(v):
    """What does not change when each column is turned."""
    return mx.np.einsum("ik,jk->ijk", v, v.conj())


def svd_product(z):
    u, s, vt = la.svd(z)
    return mx.np.einsum("ik,kj->ijk", u * mx.np.exp(-s), vt)


GRADIENTS = {
    "inv": (lambda z: loss(la.inv(z)), (A,)),
    "solve": (lambda z, w: loss(la.solve(z, w)), (A, B)),
    "det": (lambda z: loss(la.det(z) * z), (A,)),
    "slogdet": (lambda z: loss(la.slogdet(z)[0] * z) + la.slogdet(z)[1], (A,)),
    "cholesky": (lambda z: loss(la.cholesky(positive(z))), (A,)),
    "upper cholesky": (lambda z: loss(la.cholesky(positive(z), upper=True)), (A,)),
    "qr": (lambda z: loss(la.qr(z)[0]) + loss(la.qr(z)[1]), (TALL,)),
    "singular values": (lambda z: loss(la.svdvals(z) + 0j), (TALL,)),
    "singular vectors": (lambda z: loss(free_of_phase(la.svd(z)[0])), (TALL,)),
    "right vectors": (lambda z: loss(free_of_phase(la.svd(z)[2].T)), (TALL,)),
    "both vectors": (lambda z: loss(svd_product(z)), (TALL,)),
    "values of Hermitian": (lambda z: loss(la.eigvalsh(positive(z)) + 0j), (A,)),
    "vectors of Hermitian": (lambda z: loss(free_of_phase(la.eigh(positive(z))[1])), (A,)),
    "eigenvalues": (lambda z: loss(la.eigvals(z)), (A,)),
    "eigenvectors": (lambda z: loss(free_of_phase(la.eig(z)[1])), (A,)),
    "eigenvalues of real": (lambda r: loss(la.eigvals(r @ r.T + mx.np.triu(r)) + 0j), (TALL[:3].real.copy(),)),
    "eigenvectors of real": (lambda r: loss(free_of_phase(la.eig(r @ r.T + mx.np.triu(r))[1]) + 0j), (TALL[:3].real.copy(),)),
    "pinv": (lambda z: loss(la.pinv(z)), (TALL,)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    f, arrays = GRADIENTS[name]
    for i, got in enumerate(gradient(f, *arrays)):
        np.testing.assert_allclose(got, numeric(f, list(arrays), i), rtol=1e-5, atol=3e-6)


def test_second_order():
    z = mx.np.array(A, dtype="complex128")
    z.attach_grad()
    with mx.autograd.record():
        first = mx.autograd.grad(la.inv(z).sum(), z, create_graph=True)
        again = first.sum()
    again.backward()
    step = 1e-6

    def first_sum(at):
        inverse = np.linalg.inv(at)
        return -(inverse.T @ np.ones((3, 3)) @ inverse.T).sum()

    for i, j in np.ndindex(3, 3):
        d = np.zeros((3, 3), complex)
        d[i, j] = step
        want = (first_sum(A + d) - first_sum(A - d)) / (2 * step)
        np.testing.assert_allclose(z.grad.asnumpy()[i, j], want, rtol=1e-6)


def test_refuses():
    with pytest.raises(ValueError, match="is not positive definite"):
        la.cholesky(mx.np.array(-np.eye(2), dtype="complex64")).wait_to_read()
    with pytest.raises(ValueError, match="is singular"):
        la.inv(mx.np.zeros((2, 2), dtype="complex64")).wait_to_read()
    with pytest.raises(TypeError, match="A has dtype complex64, must be real"):
        mx.nd.linalg.syrk(mx.np.ones((2, 2), dtype="complex64").as_nd_ndarray())
