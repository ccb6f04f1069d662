"""Gradients of mx.np functions against central differences in float64."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, npx

R = np.random.default_rng(11)
A, V = R.normal(size=(4, 4)), R.normal(size=5)
X, Y = R.normal(size=(3, 4)), R.uniform(0.5, 1.5, size=(3, 4))
TALL = R.normal(size=(5, 3))


@pytest.fixture(autouse=True)
def numpy_world():
    npx.set_np(dtype=True)
    yield
    npx.reset_np()


def symmetric(a):
    return a @ a.T + 3 * mx.np.eye(len(a))


L = mx.np.linalg
CASES = {
    "cholesky": (lambda a: L.cholesky(symmetric(a)), A),
    "cholesky upper": (lambda a: L.cholesky(symmetric(a), upper=True), A),
    "qr": (lambda a: mx.np.concatenate([L.qr(a)[0], L.qr(a)[1]]), TALL),
    "svd": (lambda a: mx.np.concatenate([L.svd(a, False)[0], L.svd(a, False)[2]]) * L.svd(a, False)[1], TALL),
    "svd of wide": (lambda a: L.svd(a.T, False)[0] @ L.svd(a.T, False)[2], TALL),
    "svdvals": (L.svdvals, TALL),
    "eigh": (lambda a: L.eigh(symmetric(a))[1] * L.eigh(symmetric(a))[0], A),
    "eigvalsh": (lambda a: L.eigvalsh(symmetric(a)), A),
    "inv": (L.inv, A + 3 * np.eye(4)),
    "det": (L.det, A),
    "slogdet": (lambda a: L.slogdet(a)[1], A),
    "solve": (lambda a: L.solve(a + 5 * mx.np.eye(4), a[:, :2]), A),
    "pinv": (L.pinv, TALL),
    "lstsq": (lambda a: L.lstsq(a, a[:, 0] ** 2, None)[0], TALL),
    "norm": (L.norm, X),
    "norm nuc": (lambda a: L.norm(a, "nuc"), TALL),
    "matrix_power": (lambda a: L.matrix_power(a, 3), A),
    "einsum": (lambda a: mx.np.einsum("ij,jk,ik->i", a, a, a), A),
    "einsum diagonal": (lambda a: mx.np.einsum("ii,ij->j", a, a), A),
    "tensordot": (lambda a: mx.np.tensordot(a, a, 1), A),
    "kron": (lambda a: mx.np.kron(a, a[:2]), X),
    "cumsum": (lambda a: mx.np.cumsum(a, 1) * a, X),
    "cumprod": (lambda a: mx.np.cumprod(a, 0), Y),
    "var": (lambda a: mx.np.var(a, 0), X),
    "std": (lambda a: mx.np.std(a, ddof=1), X),
    "percentile": (lambda a: mx.np.percentile(a, [20, 75], axis=1), X),
    "median": (mx.np.median, X),
    "sort": (lambda a: mx.np.sort(a, 0) * a, X),
    "roll": (lambda a: mx.np.roll(a, 1) * a, X),
    "pad": (lambda a: mx.np.pad(a, 2, "reflect"), X),
    "repeat": (lambda a: mx.np.repeat(a, 2, 1) * mx.np.tile(a, (1, 2)), X),
    "diff": (lambda a: mx.np.diff(a, 2), X),
    "interp": (lambda a: mx.np.interp([0.3, 1.7, 2.2], [0.0, 1, 2, 3, 4], a), V),
    "where": (lambda a: mx.np.where(a > 0, a * a, -a), X),
    "clip": (lambda a: mx.np.clip(a, -0.5, 0.5), X),
    "take_along_axis": (lambda a: mx.np.take_along_axis(a, mx.np.array([[1], [0], [3]], dtype="int64"), 1), X),
    "masks": (lambda a: a[a > 0] ** 2, X),
    "diagonal": (lambda a: mx.np.diagonal(a, 1) * mx.np.trace(a), A),
    "tril": (lambda a: mx.np.tril(a, 1) * mx.np.triu(a), A),
    "convolve": (lambda a: mx.np.convolve(a, a[:3]), V),
    "cross": (lambda a: mx.np.cross(a[:, :3], a[:, 1:]), X),
    "nanmean": (lambda a: mx.np.nanmean(mx.np.where(a > 1, np.nan, a)), X),
    "logaddexp": (lambda a: mx.np.logaddexp(a, a * a), X),
    "index_update": (lambda a: npx.index_update(a, mx.np.array([[0, 2], [1, 3]], dtype="int64"), a[0, :2]), X),
    "index_add": (lambda a: npx.index_add(a, mx.np.array([0, 0], dtype="int64"), a[:2] * a[:2]), X),
    "masked_softmax": (lambda a: npx.masked_softmax(a, mx.np.array([1, 0, 1, 1], dtype="bool")), X),
    "trapezoid": (lambda a: mx.np.trapezoid(a * a, axis=0), X),
    "cov": (mx.np.cov, X),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradient(name):
    function, data = CASES[name]
    x = mx.np.array(data)
    x.attach_grad()
    with autograd.record():
        y = function(x)
        weight = mx.np.array(np.cos(np.arange(y.size) + 1.0).reshape(y.shape))
        loss = (y * weight).sum()
    loss.backward()

    def value(at):
        return float((function(mx.np.array(at)) * weight).sum())

    step, want = 1e-6, np.zeros_like(data)
    for i in np.ndindex(data.shape):
        moved = data.copy()
        moved[i] += step
        above = value(moved)
        moved[i] -= 2 * step
        want[i] = (above - value(moved)) / (2 * step)
    np.testing.assert_allclose(x.grad.asnumpy(), want, rtol=1e-5, atol=1e-7)


def test_second_order():
    x = mx.np.array(X)
    x.attach_grad()
    with autograd.record():
        y = mx.np.linalg.norm(x @ x.T) ** 2
        (first,) = autograd.grad([y], [x], create_graph=True)
        total = (first * first).sum()
    total.backward()
    g = 4 * (X @ X.T) @ X  # gradient of |x x^T|^2
    np.testing.assert_allclose(first.asnumpy(), g, rtol=1e-9)
    s, want = 1e-6, np.zeros_like(X)
    for i in np.ndindex(X.shape):
        up, down = X.copy(), X.copy()
        up[i] += s
        down[i] -= s
        f = lambda z: ((4 * (z @ z.T) @ z) ** 2).sum()  # noqa: E731
        want[i] = (f(up) - f(down)) / (2 * s)
    np.testing.assert_allclose(x.grad.asnumpy(), want, rtol=1e-6)
