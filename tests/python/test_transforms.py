"""Jacobians, Hessians and products with them, against finite differences."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd

X = np.array([[0.5, -1.2], [0.3, 2.0]])
T = np.array([[1.0, 0.2], [-0.5, 0.7]])


def f(x):
    return nd.tanh(nd.dot(x, x)) * x


def numeric(function, x, step=1e-6):
    x = np.asarray(x)
    columns = []
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        high = function(nd.array(up, dtype="float64")).asnumpy()
        low = function(nd.array(down, dtype="float64")).asnumpy()
        columns.append((high - low) / (2 * step))
    return np.moveaxis(np.array(columns), 0, -1).reshape(*high.shape, *x.shape)


def test_jacobian():
    found = autograd.jacobian(f, nd.array(X, dtype="float64"))
    np.testing.assert_allclose(found.asnumpy(), numeric(f, X), rtol=1e-6, atol=1e-8)


def test_jacobian_of_several_inputs_and_np():
    a, b = mx.np.array([1.0, 2.0]), mx.np.array([[3.0], [4.0], [5.0]])
    ja, jb = autograd.jacobian(lambda a, b: a * b, [a, b])
    assert isinstance(ja, mx.np.ndarray)
    assert ja.shape == (3, 2, 2) and jb.shape == (3, 2, 3, 1)
    np.testing.assert_allclose(ja.asnumpy()[1], [[4, 0], [0, 4]])
    np.testing.assert_allclose(jb.asnumpy()[2, 1, :, 0], [0, 0, 2])


def test_products_equal_those_with_the_jacobian():
    x, t = nd.array(X, dtype="float64"), nd.array(T, dtype="float64")
    whole = numeric(f, X)
    y, forward = autograd.jvp(f, x, t)
    np.testing.assert_allclose(y.asnumpy(), f(x).asnumpy())
    np.testing.assert_allclose(forward.asnumpy(), np.tensordot(whole, T, 2), rtol=1e-6)
    y, backward = autograd.vjp(f, x, t)
    np.testing.assert_allclose(backward.asnumpy(), np.tensordot(T, whole, 2), rtol=1e-6)
    _, ones = autograd.vjp(f, x)
    np.testing.assert_allclose(ones.asnumpy(), whole.sum((0, 1)), rtol=1e-6)


def test_jvp_of_several_inputs():
    a, b = nd.array([1.0, 2.0]), nd.array([3.0, 4.0])
    _, dy = autograd.jvp(lambda a, b: a * a * b, [a, b], [nd.array([1.0, 0]), nd.array([0, 1.0])])
    np.testing.assert_allclose(dy.asnumpy(), [6, 4])


def test_hessian():
    x = nd.array(X, dtype="float64")

    def total(x):
        return (nd.exp(x) * x).sum() + nd.prod(x)

    found = autograd.hessian(total, x).asnumpy()
    grad = numeric(lambda x: autograd.jacobian(total, x), X, 1e-5)
    np.testing.assert_allclose(found.reshape(4, 4), grad.reshape(4, 4), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.reshape(4, 4), found.reshape(4, 4).T)


def test_the_callers_arrays_stay_as_they_are():
    x = nd.array(X)
    autograd.jacobian(f, x)
    assert x.grad is None
    assert not autograd.is_recording()


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: autograd.jvp(f, x, nd.ones((3,))), ValueError, "tangents has shape"),
        (lambda x: autograd.jvp(f, x, [x, x]), ValueError, "tangents has 2 arrays, must have 1"),
        (lambda x: autograd.vjp(f, x, nd.ones((3,))), ValueError, "cotangent has shape"),
        (lambda x: autograd.jacobian(lambda x: [x], x), TypeError, "function gives list"),
        (lambda x: autograd.jacobian(f, []), ValueError, "inputs is empty"),
        (lambda x: autograd.hessian(f, x), ValueError, "must give one element"),
        (lambda x: autograd.hessian(f, [x]), TypeError, "must be one array"),
    ],
)
def test_wrong_calls(call, error, text):
    with pytest.raises(error, match=text):
        call(nd.array(X))


def test_a_gradient_that_has_none_of_its_own_is_named():
    x, label = nd.array([[0.5, 1.5]]), nd.array([1])
    x.attach_grad()
    with autograd.record():
        y = nd.SoftmaxOutput(x, label)
        (grad,) = autograd.grad([y], [x], create_graph=True)
        total = (grad * grad).sum()
    with pytest.raises(NotImplementedError, match="softmax_output_backward: has no gradient"):
        total.backward()
