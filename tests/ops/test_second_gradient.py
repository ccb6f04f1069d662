"""Gradients of gradients against central differences of gradients."""

import numpy as np
import pytest
from harness import arrays, normal, run

import plait as mx

CASES = [
    ("layer_norm", (normal(2, 4), normal(4), normal(4)), {}, 0),
    ("group_norm", (normal(2, 4, 3), normal(2), normal(2)), {"num_groups": 2}, 0),
    ("instance_norm", (normal(2, 2, 3), normal(2), normal(2)), {}, 0),
    ("rms_norm", (normal(2, 4), normal(4)), {}, 0),
    ("l2_normalization", (normal(2, 4),), {}, 0),
    ("lrn", (normal(2, 4, 2),), {"nsize": 3, "alpha": 0.5}, 0),
    ("leaky_relu", (normal(3, 4),), {"act_type": "elu"}, 0),
    ("leaky_relu", (normal(3, 4),), {"act_type": "gelu"}, 0),
    ("deconvolution", (normal(1, 2, 3), normal(2, 2, 2)), {"kernel": (2,), "num_filter": 2}, 1),
    ("softmax_cross_entropy", (normal(3, 4), np.array([0, 3, 1], "int32")), {}, 0),
]


def first_gradient(name, inputs, attrs, at, create_graph=False):
    leaves = arrays(inputs)
    leaves[at].attach_grad()
    with mx.autograd.record():
        y = run(name, leaves, attrs)[0]
        loss = (y * y * mx.nd.array(normal(*y.shape), dtype="float64")).sum()
        (grad,) = mx.autograd.grad(
            [loss], [leaves[at]], create_graph=create_graph, retain_graph=True
        )
        weight = mx.nd.array(normal(*grad.shape), dtype="float64")
        total = (grad * weight).sum()
    return leaves[at], total


@pytest.mark.parametrize(("name", "inputs", "attrs", "at"), CASES, ids=[c[0] for c in CASES])
def test_second_gradient(name, inputs, attrs, at):
    leaf, total = first_gradient(name, inputs, attrs, at, create_graph=True)
    total.backward()
    want = np.zeros(inputs[at].shape)
    for place in np.ndindex(want.shape):
        values = []
        for step in (1e-5, -1e-5):
            moved = [np.array(x) for x in inputs]
            moved[at][place] += step
            values.append(first_gradient(name, moved, attrs, at)[1].asscalar())
        want[place] = (values[0] - values[1]) / 2e-5
    np.testing.assert_allclose(leaf.grad.asnumpy(), want, rtol=1e-4, atol=1e-6)


REFUSED = {
    "rnn": (
        (normal(2, 1, 2), normal(36), normal(1, 1, 2)),
        {"mode": "gru", "state_size": 2, "num_layers": 1},
    ),
    "ctc_loss": ((normal(3, 1, 3), np.array([[1, 2]], "int32")), {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_missing_second_gradient_is_refused(name):
    inputs, attrs = REFUSED[name]
    with pytest.raises(NotImplementedError, match=f"{name}: second gradients"):
        first_gradient(name, inputs, attrs, 0, create_graph=True)[1].backward()
