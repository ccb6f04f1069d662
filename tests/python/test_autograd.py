"""Recording and gradients."""

import numpy as np
import pytest

from plait import autograd, nd


def variable(data):
    x = nd.array(data, dtype="float64")
    x.attach_grad()
    return x


def numeric_gradient(f, data, eps=1e-6):
    grad = np.zeros_like(data)
    for i in np.ndindex(*data.shape):
        up, down = data.copy(), data.copy()
        up[i] += eps
        down[i] -= eps
        grad[i] = (
            f(nd.array(up, dtype="float64")).asscalar()
            - f(nd.array(down, dtype="float64")).asscalar()
        ) / (2 * eps)
    return grad


def test_product_rule_and_reuse():
    x = variable([1.0, 2.0, 3.0])
    with autograd.record():
        y = (x * x + x).sum()
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [3, 5, 7])


def test_add_request_accumulates():
    x = nd.ones(2)
    x.attach_grad("add")
    for _ in range(3):
        with autograd.record():
            y = x * 2
        y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [6, 6])


def test_second_backward_needs_retain():
    x = variable([1.0])
    with autograd.record():
        y = x * x
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(ValueError, match="retain_graph"):
        y.backward()


def test_changed_value_is_detected():
    x = variable([1.0, 2.0])
    with autograd.record():
        w = x * 1
        y = w * w
    w.detach()[:] = 5
    with pytest.raises(ValueError, match="multiply: input"):
        y.backward()


def test_head_outside_the_recording():
    with pytest.raises(ValueError, match="head"):
        nd.ones(1).backward()


def test_second_order():
    x = variable([2.0])
    with autograd.record():
        y = x * x * x
        dx = autograd.grad(y, x, create_graph=True)
    dx.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [12.0])


def test_long_chain_needs_no_deep_stack():
    x = nd.ones(1)
    x.attach_grad()
    with autograd.record():
        y = x
        for _ in range(20000):
            y = y + 1
    y.backward()
    assert x.grad.asscalar() == 1


def test_function_of_the_user():
    class Cube(autograd.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x * x * x

        def backward(self, dy):
            (x,) = self.saved_tensors
            return 3 * x * x * dy

    x = variable([2.0, 3.0])
    with autograd.record():
        y = Cube()(x)
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [12, 27])


def test_error_in_a_function_keeps_its_class():
    class Broken(autograd.Function):
        def forward(self, x):
            return x * 1

        def backward(self, dy):
            raise ZeroDivisionError("on purpose")

    x = variable([1.0])
    with autograd.record():
        y = Broken()(x)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        y.backward()


CASES = {
    "dot": ((3, 4), lambda x: nd.dot(x, x, transpose_b=True).sum()),
    "fully_connected": (
        (3, 4),
        lambda x: (
            nd.FullyConnected(
                x,
                nd.array(np.linspace(-1, 1, 8).reshape(2, 4), dtype="float64"),
                num_hidden=2,
                no_bias=True,
            )
            * 2
        ).sum(),
    ),
    "convolution": (
        (2, 2, 5, 5),
        lambda x: (
            nd.Convolution(
                x,
                nd.array(np.linspace(-1, 1, 54).reshape(3, 2, 3, 3), dtype="float64"),
                kernel=(3, 3),
                num_filter=3,
                stride=(2, 2),
                pad=(1, 1),
                no_bias=True,
            )
            * 3
        ).sum(),
    ),
    "max_pool": ((1, 2, 4, 4), lambda x: (nd.Pooling(x, kernel=(2, 2), stride=(2, 2)) * 2).sum()),
    "avg_pool": ((1, 2, 5), lambda x: nd.Pooling(x, kernel=(3,), pool_type="avg", pad=(1,)).sum()),
    "tanh": ((5,), lambda x: nd.Activation(x, act_type="tanh").sum()),
    "softrelu": ((5,), lambda x: nd.Activation(x, act_type="softrelu").sum()),
    "softmax": (
        (3, 4),
        lambda x: (
            nd.softmax(x, axis=0) * nd.array(np.arange(12).reshape(3, 4), dtype="float64")
        ).sum(),
    ),
    "log_softmax": (
        (3, 4),
        lambda x: (
            nd.log_softmax(x) * nd.array(np.arange(12).reshape(3, 4), dtype="float64")
        ).sum(),
    ),
    "mean": ((3, 4), lambda x: (x.mean(axis=1) * 2).sum()),
    "transpose": (
        (3, 4),
        lambda x: (x.T * nd.array(np.arange(12).reshape(4, 3), dtype="float64")).sum(),
    ),
    "slice": ((4, 3), lambda x: (x[1:3, ::2] * x[1:3, ::2]).sum()),
    "broadcast": ((3,), lambda x: (x * nd.ones((2, 3), dtype="float64") * x).sum()),
    "exp": ((4,), lambda x: nd.exp(x).sum()),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_against_differences(name):
    shape, f = CASES[name]
    data = np.random.default_rng(1).standard_normal(shape)
    x = variable(data)
    with autograd.record():
        y = f(x)
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), numeric_gradient(f, data), rtol=1e-5, atol=1e-7)


def test_batch_norm_against_differences():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((4, 3, 2))
    gamma, beta = rng.random(3) + 0.5, rng.random(3)
    weight = nd.array(rng.standard_normal((4, 3, 2)), dtype="float64")

    def f(x):
        mean, var = nd.zeros(3, dtype="float64"), nd.ones(3, dtype="float64")
        with autograd.train_mode():
            return (
                nd.BatchNorm(
                    x,
                    nd.array(gamma, dtype="float64"),
                    nd.array(beta, dtype="float64"),
                    mean,
                    var,
                    fix_gamma=False,
                )
                * weight
            ).sum()

    x = variable(data)
    with autograd.record():
        y = f(x)
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), numeric_gradient(f, data), rtol=1e-4, atol=1e-6)
