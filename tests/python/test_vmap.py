"""`mx.vmap`: axes, nests, nesting, gradients, compiled blocks, what it refuses."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd

A = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
B = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")


def close(got, want):
    np.testing.assert_allclose(got.asnumpy(), want, rtol=2e-5, atol=1e-6)


def test_axes_of_arguments_and_results():
    a, b = mx.np.array(A), mx.np.array(B)
    f = mx.vmap(mx.np.matmul, in_axes=(1, None), out_axes=-1)
    close(f(a, b), np.stack([A[:, i] @ B for i in range(2)], -1))
    g = mx.vmap(lambda x, y: (x + y, x.sum()), in_axes=(2, 0), out_axes=(1, 0))
    whole, total = g(a, mx.np.array(B[:, :2]))
    close(whole, np.stack([A[:, :, i] + B[i, :2] for i in range(4)], 1))
    close(total, A.sum((0, 1)))


def test_results_that_do_not_depend_on_the_sample():
    x = mx.np.array(A)
    one, many = mx.vmap(lambda x: (mx.np.ones(2), x[0]), out_axes=(None, 0))(x)
    close(one, np.ones(2))
    close(many, A[:, 0])
    close(mx.vmap(lambda x: mx.np.ones(2))(x), np.ones((3, 2)))


def test_nests():
    tree = {"w": [mx.np.array(A), mx.np.array(B)], "b": (mx.np.array(A[:, 0]),)}
    axes = ({"w": [0, 1], "b": (0,)}, None)

    def f(p, scale):
        return {"y": p["w"][0] @ p["w"][1] * scale, "z": [p["b"][0]]}

    got = mx.vmap(f, axes)(tree, 2.0)
    close(got["y"], np.stack([A[i] @ B[:, i] * 2 for i in range(3)]))
    close(got["z"][0], A[:, 0])


def test_nested():
    x, y = mx.np.array(B), mx.np.array(A[0])
    outer = mx.vmap(mx.vmap(mx.np.dot, in_axes=(None, 0)), in_axes=(1, None))
    close(outer(x, y), B.T @ A[0].T)


def test_closures_are_shared_and_get_gradients():
    w, x = mx.np.array(B), mx.np.array(A)
    w.attach_grad()
    with autograd.record():
        y = mx.vmap(lambda r: mx.np.tanh(r @ w).sum())(x).sum()
    y.backward()
    with autograd.record():
        z = mx.np.tanh(x @ w).sum()
    got = w.grad.asnumpy().copy()
    z.backward()
    np.testing.assert_allclose(got, w.grad.asnumpy(), rtol=1e-5)


def test_a_view_of_the_batch_in_the_closure_stays_shared():
    x = mx.np.array(A)
    first = x[0]
    close(mx.vmap(lambda r: r - first)(x), A - A[0])


def test_gradients_of_each_sample():
    net = gluon.nn.Dense(3, in_units=4)
    net.initialize(mx.init.Xavier())
    x = nd.array(A.reshape(6, 4))
    weight, bias = net.weight.data(), net.bias.data()

    def loss(w, b, row):
        return (nd.FullyConnected(row.expand_dims(0), w, b, num_hidden=3) ** 2).sum()

    def gradient(w, b, row):
        w.attach_grad()
        with autograd.record():
            y = loss(w, b, row)
        return autograd.grad(y, w)

    got = mx.vmap(gradient, in_axes=(None, None, 0))(weight, bias, x)
    for i in range(6):
        close(got[i], gradient(weight.copy(), bias, x[i]).asnumpy())


@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_of_other_transforms(name):
    x = mx.np.array(A[:, 0], dtype="float64")

    def f(v):
        return (v * v * v).sum() if name == "hessian" else mx.np.sin(v) * v[0]

    transform = getattr(autograd, name)
    got = mx.vmap(lambda v: transform(f, v))(x)
    np.testing.assert_allclose(
        got.asnumpy(), np.stack([transform(f, v).asnumpy() for v in x]), rtol=1e-10
    )


def test_ensemble_of_networks():
    rng = np.random.default_rng(2)
    w1, w2 = (mx.np.array(rng.normal(size=s)) for s in [(5, 4, 8), (5, 8, 2)])
    x = mx.np.array(rng.normal(size=(7, 4)))

    def net(a, b):
        return mx.np.tanh(x @ a) @ b

    want = [np.tanh(x.asnumpy() @ a) @ b for a, b in zip(w1.asnumpy(), w2.asnumpy(), strict=True)]
    close(mx.vmap(net)(w1, w2), np.stack(want))


class Rows(gluon.HybridBlock):
    def forward(self, x, y):
        return mx.vmap(lambda r: mx.np.cumsum(r * y, 0) / r.sum())(x)


def test_inside_a_compiled_block():
    net = Rows()
    x, y = mx.np.array(A), mx.np.array(A[0])
    want = net(x, y).asnumpy()
    net.hybridize()
    for _ in range(2):
        close(net(x, y), want)
    x.attach_grad()
    with autograd.record():
        loss = (net(x, y) ** 2).sum()
    loss.backward()
    compiled = x.grad.asnumpy().copy()
    with autograd.record():
        loss = (Rows()(x, y) ** 2).sum()
    loss.backward()
    np.testing.assert_allclose(compiled, x.grad.asnumpy(), rtol=1e-5, atol=1e-6)


def test_of_a_compiled_block():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(4, 3, in_channels=2), gluon.nn.BatchNorm(), gluon.nn.Flatten(),
            gluon.nn.Dense(3))  # fmt: skip
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = nd.random.normal(shape=(3, 2, 2, 6, 6))
    want = np.stack([net(x[i]).asnumpy() for i in range(3)])
    close(mx.vmap(net)(x), want)


def test_gradient_inside_a_compiled_block():
    class Field(gluon.HybridBlock):
        def forward(self, x):
            x.attach_grad()
            with autograd.record():
                y = (mx.np.tanh(x) ** 3).sum()
            return autograd.grad(y, x)

    x = mx.np.array(A)
    net = Field()
    want = net(x).asnumpy()
    net.hybridize()
    for shift in (0, 1):
        t = np.tanh(A + shift)
        np.testing.assert_allclose(net(x + shift).asnumpy(), 3 * t**2 * (1 - t**2), rtol=1e-4)
    close(net(x), want)


def test_random_numbers():
    x = mx.np.zeros((4, 3))

    def f(r):
        return r + mx.np.random.normal(size=(3,))

    with pytest.raises(ValueError, match="vmap: function draws random numbers"):
        mx.vmap(f)(x)
    same = mx.vmap(f, randomness="same")(x).asnumpy()
    assert (same == same[0]).all()
    other = mx.vmap(f, randomness="different")(x).asnumpy()
    assert len(np.unique(other)) == 12


V = mx.np.array(A)
WRONG = [
    (lambda: mx.vmap(3), TypeError, "vmap: function is int, must be callable"),
    (lambda: mx.vmap(abs, randomness="no"), ValueError, "vmap: randomness is 'no'"),
    (lambda: mx.vmap(abs, in_axes=3)(V), ValueError, r"vmap: in_axes is 3, must be in \[-3, 2\]"),
    (lambda: mx.vmap(abs, in_axes=None)(V), ValueError, "vmap: in_axes is None for all"),
    (lambda: mx.vmap(abs, in_axes=(0, 0))(V), ValueError, r"vmap: in_axes is \(0, 0\)"),
    (lambda: mx.vmap(lambda a, b: a)(V, mx.np.ones(2)), ValueError, r"sizes \[2, 3\], must be equal"),
    (lambda: mx.vmap(abs)(mx.np.ones((0, 2))), ValueError, "vmap: batch has size 0"),
    (lambda: mx.vmap(lambda a: 1.0)(V), TypeError, "vmap: function gives float, must give arrays"),
    (lambda: mx.vmap(abs, out_axes=None)(V), ValueError, "vmap: out_axes is None for a result"),
    (lambda: mx.vmap(abs, out_axes=3)(V), ValueError, "vmap: out_axes is 3"),
    (lambda: mx.vmap(lambda a: a if a.sum() > 0 else -a)(V), ValueError, "vmap: the value of an array"),
    (lambda: mx.vmap(lambda a, n: a * n, in_axes=(0, 0))(V, 2.0), TypeError, "vmap: argument is float, must be an array"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_refuses(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_refuses_changes_in_place():
    def f(r):
        r[0] = 1
        return r

    with pytest.raises(ValueError, match="in place"):
        mx.vmap(f)(V)

    def g(r):
        r.attach_grad()
        with autograd.record():
            y = r.sum()
        y.backward()
        return r.grad

    with pytest.raises(ValueError, match="vmap: backward"):
        mx.vmap(g)(V)


def test_refuses_running_statistics():
    net = gluon.nn.BatchNorm(in_channels=2)
    net.initialize()
    with autograd.train_mode(), pytest.raises(ValueError, match="batch_norm writes an operand"):
        mx.vmap(net)(nd.ones((3, 5, 2)))


def power_by_loop(x):
    """x^4 by a loop that ends early for some samples."""
    _, (y, n) = mx.npx.while_loop(
        lambda y, n: n < 3, lambda y, n: (y, (y * x, n + 1)), [x, mx.np.zeros(1)], 5
    )
    return y


def halving(x):
    _, y = mx.npx.while_loop(lambda y: (y > 1).sum(), lambda y: (y, y * y * 0.25), x, 6)
    return y


LOOPS = {
    "foreach": lambda x: mx.npx.foreach(
        lambda a, s: (mx.np.tanh(a * s), s + a * a), x, mx.np.ones(1, dtype="float64")
    )[0],
    "while_loop": power_by_loop,
    "while_loop that ends early": lambda x: halving(mx.np.abs(x[:1]) + x[1:] * 0.1),
    "outputs of while_loop": lambda x: mx.npx.while_loop(
        lambda y: y.sum() < 8, lambda y: (y * x, y + mx.np.abs(x)), x, 4
    )[0],
    "cond": lambda x: mx.npx.cond(x.sum() > 0, lambda: x * x, lambda: mx.np.sin(x)),
    "cond of lists": lambda x: sum(mx.npx.cond(x[0] > 0, lambda: [x, x * x], lambda: [x * 3, -x])),
}


def numeric_gradient(f, x, step=1e-6):
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        d = np.zeros(x.shape)
        d[at] = step
        up, down = (f(mx.np.array(x + s * d, dtype="float64")) for s in (1, -1))
        found[at] = ((up - down).sum() / (2 * step)).item()
    return found


@pytest.mark.parametrize("name", LOOPS)
def test_gradients_of_loops(name):
    f = LOOPS[name]
    rows = np.random.default_rng(4).normal(size=(5, 3)) * 1.5
    x = mx.np.array(rows, dtype="float64")

    def gradient(r):
        r.attach_grad()
        with autograd.record():
            y = f(r).sum()
        return autograd.grad(y, r)

    want = np.stack([numeric_gradient(f, r) for r in rows])
    values = np.stack([f(r).asnumpy() for r in x])
    np.testing.assert_allclose(mx.vmap(f)(x).asnumpy(), values, rtol=1e-12, err_msg="values")
    np.testing.assert_allclose(mx.vmap(gradient)(x).asnumpy(), want, rtol=1e-5, atol=1e-7)
    x.attach_grad()
    with autograd.record():
        y = mx.vmap(f)(x).sum()
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), want, rtol=1e-5, atol=1e-7, err_msg="outside")


@pytest.mark.parametrize("name", LOOPS)
def test_jacobians_of_loops(name):
    f = LOOPS[name]
    x = mx.np.array(np.random.default_rng(5).normal(size=(4, 3)) * 1.5, dtype="float64")
    found = mx.vmap(lambda r: autograd.jacobian(f, r))(x).asnumpy()
    np.testing.assert_allclose(found, np.stack([autograd.jacobian(f, r).asnumpy() for r in x]))
