"""Last layers of a network: their gradient is that of a loss, whatever comes from behind."""

import numpy as np
import pytest
from harness import arrays, normal, run

import plait as mx

X = normal(3, 4)
LABEL = np.array([0, 3, 1], dtype="int32")


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def gradient(name, x, label, behind=3.0, **attrs):
    """Gradient by the data when `behind` times ones comes from behind."""
    data, target = arrays([x, label])
    data.attach_grad()
    with mx.autograd.record():
        y = run(name, [data, target], attrs)[0]
    y.backward(mx.nd.full(y.shape, behind, dtype="float64"))
    return data.grad.asnumpy()


def hot(label, n, axis=-1):
    return np.moveaxis(np.eye(n)[label], -1, axis)


@pytest.mark.parametrize(
    ("attrs", "scale"),
    [
        ({}, 1),
        ({"grad_scale": 2.0}, 2),
        ({"normalization": "batch"}, 1 / 3),
        ({"normalization": "valid"}, 1 / 3),
        ({"out_grad": True}, 3),
    ],
)
def test_softmax_output(attrs, scale):
    want = (softmax(X) - hot(LABEL, 4)) * scale
    np.testing.assert_allclose(gradient("softmax_output", X, LABEL, **attrs), want, atol=1e-12)


def test_softmax_output_ignores_a_label():
    want = softmax(X) - hot(LABEL, 4)
    want[1] = 0
    got = gradient("softmax_output", X, LABEL, use_ignore=True, ignore_label=3)
    np.testing.assert_allclose(got, want, atol=1e-12)
    got = gradient(
        "softmax_output", X, LABEL, use_ignore=True, ignore_label=3, normalization="valid"
    )
    np.testing.assert_allclose(got, want / 2, atol=1e-12)


def test_softmax_output_of_places_divides_by_their_number():
    x, label = normal(2, 3, 4), np.array([[0, 1, 2, 0], [2, 2, 1, 0]], dtype="int32")
    want = (softmax(x, 1) - hot(label, 3, 1)) / 4
    got = gradient("softmax_output", x, label, multi_output=True)
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_softmax_output_smooths_labels():
    target = hot(LABEL, 4) * 0.7 + (1 - hot(LABEL, 4)) * 0.1
    got = gradient("softmax_output", X, LABEL, smooth_alpha=0.3)
    np.testing.assert_allclose(got, softmax(X) - target, atol=1e-12)


def test_softmax_output_takes_distributions():
    target = softmax(normal(3, 4) * 2)
    got = gradient("softmax_output", X, target)
    np.testing.assert_allclose(got, softmax(X) - target, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("linear_regression_output", lambda x, y: x - y),
        ("mae_regression_output", lambda x, y: np.sign(x - y)),
        ("logistic_regression_output", lambda x, y: 1 / (1 + np.exp(-x)) - y),
    ],
)
def test_regression(name, slope):
    y = normal(3, 4) * 2
    np.testing.assert_allclose(gradient(name, X, y), slope(X, y) / 4, atol=1e-12)
    np.testing.assert_allclose(gradient(name, X, y, grad_scale=2.0), slope(X, y) / 2, atol=1e-12)


@pytest.mark.parametrize("linear", [True, False])
def test_svm(linear):
    sign = 1 - 2 * hot(LABEL, 4)
    reach = np.maximum(1.5 + sign * X, 0)
    want = 0.5 * sign * (np.sign(reach) if linear else 2 * reach)
    got = gradient(
        "svm_output", X, LABEL, margin=1.5, regularization_coefficient=0.5, use_linear=linear
    )
    np.testing.assert_allclose(got, want, atol=1e-12)
