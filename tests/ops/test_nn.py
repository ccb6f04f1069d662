"""Operators of core/ops/nn in train mode, where they keep or draw something."""

import numpy as np
import pytest
from harness import arrays, between, compare, normal

import plait as mx
from plait import op

ATTRS = dict(eps=1e-3, momentum=0.9, fix_gamma=False)


def batch_norm_inputs(*shape):
    c = shape[1]
    return [normal(*shape), between(0.5, 2, c), normal(c), normal(c) * 2, between(0.5, 2, c)]


def normalised(x, gamma, beta, eps=1e-3):
    axes = (0, *range(2, x.ndim))
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean, var = x.mean(axis=axes), x.var(axis=axes)
    h = (x - mean.reshape(shape)) / np.sqrt(var + eps).reshape(shape)
    return h * gamma.reshape(shape) + beta.reshape(shape), mean, var


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (3, 2, 7, 9)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_batch_norm_trains(shape, dtype):
    given = batch_norm_inputs(*shape)
    wide = "float64" if dtype == "float64" else "float32"
    data = mx.nd.array(given[0], dtype=dtype)
    rest = [mx.nd.array(x, dtype=wide) for x in given[1:]]
    with mx.autograd.train_mode():
        y = op.invoke("batch_norm", [data, *rest], ATTRS)
    want, mean, var = normalised(data.astype("float64").asnumpy(), given[1], given[2])
    compare(y.astype(wide).asnumpy(), want, dtype, (2e-5, 2e-5))
    compare(rest[2].asnumpy(), 0.9 * given[3] + 0.1 * mean, wide, (2e-5, 2e-5))
    compare(rest[3].asnumpy(), 0.9 * given[4] + 0.1 * var, wide, (2e-5, 2e-5))


def batch_norm_sum(given, order):
    """A number that depends on the `order`-th gradients, and the arrays it depends on."""
    leaves = arrays(given)
    for x in leaves[:3]:
        x.attach_grad()
    with mx.autograd.record():
        y = op.invoke("batch_norm", leaves, ATTRS)
        total = (y * y * mx.nd.array(normal(*y.shape), dtype="float64")).sum()
        for _ in range(order):
            grads = mx.autograd.grad(total, leaves[:3], create_graph=True)
            parts = [(g * mx.nd.array(normal(*g.shape), dtype="float64")).sum() for g in grads]
            total = parts[0] + parts[1] + parts[2]
    return leaves, total


@pytest.mark.parametrize("order", [0, 1, 2])
def test_batch_norm_gradients_of_train_mode(order):
    given = batch_norm_inputs(3, 2, 2)
    leaves, total = batch_norm_sum(given, order)
    total.backward()
    step = 1e-5
    for i in range(3):
        want = np.zeros(given[i].shape)
        for at in np.ndindex(given[i].shape):
            sums = []
            for sign in (1, -1):
                moved = [x.copy() for x in given]
                moved[i][at] += sign * step
                sums.append(batch_norm_sum(moved, order)[1].asscalar())
            want[at] = (sums[0] - sums[1]) / (2 * step)
        np.testing.assert_allclose(leaves[i].grad.asnumpy(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_dropout_drops_and_scales(dtype):
    x = mx.nd.array(np.ones((200, 100)), dtype=dtype)
    x.attach_grad()
    mx.random.seed(7)
    with mx.autograd.record():
        y = op.invoke("dropout", [x], {"p": 0.2})
    y.backward()
    values = y.astype("float64").asnumpy()
    assert set(np.unique(values)) == {0, float(mx.nd.array([1.25], dtype=dtype).asscalar())}
    assert abs((values == 0).mean() - 0.2) < 0.02
    np.testing.assert_array_equal(x.grad.astype("float64").asnumpy(), values)
    mx.random.seed(7)
    with mx.autograd.train_mode():
        again = op.invoke("dropout", [x], {"p": 0.2})
    np.testing.assert_array_equal(again.astype("float64").asnumpy(), values)


def test_dropout_shares_its_mask_along_axes():
    x = mx.nd.ones((50, 20, 3))
    y = op.invoke("dropout", [x], {"p": 0.5, "axes": (1,), "mode": "always"}).asnumpy()
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).mean() < 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_widens_its_result(name):
    x = mx.nd.array(normal(3, 40) * 4, dtype="float16")
    y = op.invoke(name, [x], {"dtype": "float32"})
    assert y.dtype == np.float32
    want = op.invoke(name, [x.astype("float64")], {})
    np.testing.assert_allclose(y.asnumpy(), want.asnumpy(), rtol=1e-5, atol=1e-5)
    x.attach_grad()
    with mx.autograd.record():
        first = op.invoke(name, [x], {"dtype": "float32"})[:, 0]
    first.backward()
    assert x.grad.dtype == np.float16


def test_maxima_of_nan_and_of_equal_numbers():
    x = mx.nd.array(np.array([[[np.nan, 1.0, 2.0, 2.0, -np.inf, -np.inf]]]))
    x.attach_grad()
    with mx.autograd.record():
        y = op.invoke("pooling", [x], {"kernel": (2,), "stride": (2,)})
    y.backward()
    np.testing.assert_array_equal(y.asnumpy(), [[[np.nan, 2, -np.inf]]])
    np.testing.assert_array_equal(x.grad.asnumpy(), [[[1, 0, 1, 0, 1, 0]]])


def test_gradient_of_a_weight_adds_up_its_many_products_in_parts():
    x, dy = normal(64, 1, 28, 28), normal(64, 5, 28, 28)

    def gradient(dtype):
        weight = mx.nd.zeros((5, 1, 5, 5), dtype=dtype)
        weight.attach_grad()
        with mx.autograd.record():
            y = mx.nd.Convolution(
                mx.nd.array(x, dtype=dtype),
                weight,
                kernel=(5, 5),
                num_filter=5,
                pad=(2, 2),
                no_bias=True,
            )
        y.backward(mx.nd.array(dy, dtype=dtype))
        return weight.grad.asnumpy()

    want = gradient("float64")
    error = np.sqrt(np.mean((gradient("float32") - want) ** 2) / np.mean(want**2))
    assert error < 6e-7  # ten roundings; 50,176 products added one by one would give twice that


def test_sparse_codes_are_pulled_to_their_target():
    x, mean = mx.nd.array([[0.2, 0.5], [0.4, 0.7]]), mx.nd.zeros((2,))
    x.attach_grad()
    for step in (1, 2):
        with mx.autograd.record():
            y = mx.nd.IdentityAttachKLSparseReg(
                x, mean, sparseness_target=0.1, penalty=0.5, momentum=0.5
            )
        y.backward(mx.nd.ones((2, 2)))
        want = (1 - 0.5**step) * np.array([0.3, 0.6])
        np.testing.assert_allclose(mean.asnumpy(), want, rtol=1e-6)
        grad = 1 + 0.5 * (0.9 / (1 - want) - 0.1 / want)
        np.testing.assert_allclose(x.grad.asnumpy(), [grad, grad], rtol=1e-5)
    np.testing.assert_array_equal(mx.nd.IdentityAttachKLSparseReg(x, mean).asnumpy(), x.asnumpy())
    np.testing.assert_allclose(mean.asnumpy(), want, rtol=1e-6)  # prediction leaves it
