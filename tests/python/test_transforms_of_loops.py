"""jvp, jacobian, hessian and vmap of foreach, while_loop and cond, against finite differences."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd

ROWS = np.random.default_rng(6).normal(size=(4, 3)) * 1.2 + 0.1
TANGENT = np.array([0.4, -1.1, 0.7])


def scan(x):
    """A recurrence over the elements of x; states and outputs both matter."""
    start = mx.np.ones(1, dtype="float64")
    out, last = mx.npx.foreach(lambda a, s: (mx.np.tanh(a * s), s + a * a * s), x, start)
    return mx.np.concatenate([out.reshape(-1), last * x])


def power(x):
    """x^4; the number of rounds is in the state."""
    return mx.npx.while_loop(
        lambda y, n: n < 3, lambda y, n: (y, (y * x, n + 1)), [x, mx.np.zeros(1)], 5
    )[1][0]


def until_large(x):
    """The number of rounds depends on x; unused rounds of the outputs are zeros."""
    rounds, last = mx.npx.while_loop(
        lambda y: mx.np.abs(y).sum() < 9, lambda y: (y * x, y + mx.np.abs(x)), x, 6
    )
    return mx.np.concatenate([rounds.sum(axis=0), last * last])


def branch(x):
    return mx.npx.cond(x.sum() > 0, lambda: x * x * x, lambda: mx.np.sin(x) * x)


def branch_in_loop(x):
    def body(a, s):
        s = mx.npx.cond(a.sum() > 0, lambda: s * a, lambda: mx.np.sin(s) - a * a)
        return s * s, s

    return mx.npx.foreach(body, x, mx.np.ones(1, dtype="float64"))[0].reshape(-1)


def loop_in_loop(x):
    def body(a, s):
        s = mx.npx.while_loop(lambda s: s.sum() < 3, lambda s: (s, s * 1.5 + a * a), s, 4)[1]
        return s * a, s * 0.5

    return mx.npx.foreach(body, x, mx.np.ones(1, dtype="float64"))[0].reshape(-1)


LOOPS = [scan, power, until_large, branch, branch_in_loop, loop_in_loop]
each_loop = pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)


def as_np(x):
    return mx.np.array(x, dtype="float64")


def numeric(f, x, step):
    """Jacobian of a function of NumPy arrays by central differences, (values, inputs)."""
    columns = [(f(x + d) - f(x - d)).ravel() / (2 * step) for d in step * np.eye(x.size)]
    return np.stack(columns, axis=-1)


def jacobian(f, x, step=1e-6):
    return numeric(lambda v: f(as_np(v)).asnumpy(), x, step)


def close(got, want):
    np.testing.assert_allclose(got.asnumpy(), want, rtol=2e-5, atol=2e-6)


@each_loop
def test_products_with_the_jacobian(f):
    for row in ROWS:
        want, x = jacobian(f, row), as_np(row)
        value, forward = autograd.jvp(f, x, as_np(TANGENT))
        close(value, f(x).asnumpy())
        close(forward, want @ TANGENT)
        weight = np.cos(np.arange(len(want)))
        close(autograd.vjp(f, x, as_np(weight))[1], weight @ want)
        close(autograd.jacobian(f, x), want)


@each_loop
def test_hessian(f):
    def total(x):
        y = f(x)
        return (y * mx.np.cos(mx.np.arange(y.size, dtype="float64")) + y * y * 0.1).sum()

    for row in ROWS:
        slope = lambda v: autograd.jacobian(total, as_np(v)).asnumpy()  # noqa: E731
        close(autograd.hessian(total, as_np(row)), numeric(slope, row, 1e-5))


@each_loop
def test_batches_of_transforms(f):
    x, t = as_np(ROWS), as_np(np.tile(TANGENT, (len(ROWS), 1)))
    close(mx.vmap(f)(x), np.stack([f(r).asnumpy() for r in x]))
    found = mx.vmap(lambda r, t: autograd.jvp(f, r, t)[1])(x, t)
    close(found, np.stack([jacobian(f, r) @ TANGENT for r in ROWS]))
    found = mx.vmap(lambda r: autograd.hessian(lambda v: f(v).sum(), r))(x)
    close(found, np.stack([autograd.hessian(lambda v: f(v).sum(), r).asnumpy() for r in x]))


def test_transforms_of_a_batch_of_recurrences():
    x, t = as_np(ROWS), as_np(np.tile(TANGENT, (len(ROWS), 1)))
    want = np.stack([jacobian(scan, r) @ TANGENT for r in ROWS])
    close(autograd.jvp(mx.vmap(scan), x, t)[1], want)


# A batch of them is one operator, whose gradient has none: vmap belongs outside.
@pytest.mark.parametrize("f", [power, until_large, branch], ids=lambda f: f.__name__)
def test_refuses_jvp_of_a_batch(f):
    x = as_np(ROWS)
    with pytest.raises(NotImplementedError, match="_backward: has no gradient"):
        autograd.jvp(mx.vmap(f), x, x)


class Recurrence(gluon.HybridBlock):
    def forward(self, x):
        return scan(x)


def test_of_a_compiled_block():
    net = Recurrence()
    net.hybridize()
    x = as_np(ROWS[0])
    want = jacobian(scan, ROWS[0])
    close(autograd.jacobian(net, x), want)
    close(autograd.jvp(net, x, as_np(TANGENT))[1], want @ TANGENT)


def test_of_the_names_in_nd():
    def f(x):
        out, s = nd.contrib.foreach(lambda a, s: (a * s, s + a), x, nd.ones(1, dtype="float64"))
        return nd.concat(out.reshape((-1,)), s * s, dim=0)

    x = nd.array(ROWS[1], dtype="float64")
    want = numeric(lambda v: f(nd.array(v, dtype="float64")).asnumpy(), ROWS[1], 1e-6)
    close(autograd.jvp(f, x, nd.array(TANGENT, dtype="float64"))[1], want @ TANGENT)
    close(autograd.jacobian(f, x), want)
