"""Each pass of the graph compiler on and off, on random networks that give it something to do."""

import functools

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd, sym

SEEDS = range(3)
DEFAULTS = {p["name"]: p["on"] for p in mx.graph.passes()}
STATES = ("moving_mean", "moving_var")


def image_block(rng, x, name):
    """A convolution, perhaps with batch norm, an activation and a shortcut around them."""
    y = sym.Convolution(
        x, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=bool(rng.integers(2)), name=name
    )
    if rng.random() < 0.7:
        y = sym.BatchNorm(y, fix_gamma=False, name=f"{name}_norm")
    if rng.random() < 0.4:
        y = y + x
    kind = ("tanh", "sigmoid", "softrelu")[rng.integers(3)]
    return sym.Activation(y, act_type=kind, name=f"{name}_act")


def attention(rng, x, name):
    """Scaled products of queries and keys that weigh values: (batch, steps, width)."""
    query, key, value = (
        sym.FullyConnected(x, num_hidden=8, flatten=False, name=f"{name}_{part}")
        for part in ("query", "key", "value")
    )
    scores = sym.batch_dot(query, key, transpose_b=True) * float(rng.choice([0.3, 0.5]))
    return sym.batch_dot(sym.softmax(scores, axis=-1), value)


def element_wise(rng, x):
    """Chains of cheap operators, with repeated expressions, constants and what changes nothing."""
    half = sym.tanh(x * 0.5)
    choices = [
        lambda s: s + sym.tanh(x * 0.5),
        lambda s: s * (sym.ones((8,)) * 3 - 1),
        lambda s: (s * 1 + 0) * sym.sigmoid(s),
        lambda s: sym.exp(-s * s) + half,
        lambda s: sym.transpose(sym.transpose(s)) - 0.1,
    ]
    for i in rng.permutation(len(choices)):
        x = choices[i](x)
    return x


def random_network(rng):
    x = sym.Variable("x")
    for i in range(rng.integers(2, 5)):
        x = image_block(rng, x, f"conv{i}")
    x = sym.Dropout(x, p=0.0)
    x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg")
    x = sym.reshape(x, shape=(0, 4, -1))
    for i in range(rng.integers(1, 3)):
        x = attention(rng, x, f"attention{i}")
    act = ("tanh", "sigmoid")[rng.integers(2)]
    x = sym.Activation(sym.FullyConnected(x, num_hidden=8, name="dense"), act_type=act)
    return sym.Group([element_wise(rng, x), sym.mean(x, axis=1)])


@functools.cache
def problem(seed):
    """A network and values of its inputs."""
    rng = np.random.default_rng(seed)
    net = random_network(rng)
    args, _, aux = net.infer_shape(x=(2, 4, 8, 8))
    names = net.list_arguments() + net.list_auxiliary_states()
    arrays = {}
    for name, shape in zip(names, args + aux, strict=True):
        values = rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
        arrays[name] = (abs(values) + 0.5 if name.endswith("_var") else values).astype("f")
    arrays["x"] = rng.standard_normal((2, 4, 8, 8)).astype("f")
    return net, arrays


@functools.cache
def ran(seed, on):
    """Results, gradients and states of a step of training and a prediction, and the plans."""
    net, arrays = problem(seed)
    inputs = {name: nd.array(arrays[name]) for name in net.list_inputs()}
    trained = [a for name, a in inputs.items() if not name.endswith(STATES)]
    for array in trained:
        array.attach_grad()
    with mx.graph.switched(**{name: name in on for name in DEFAULTS}):
        graph = sym.CachedGraph(net)
    with autograd.record():
        outs = graph(*inputs.values())
    autograd.backward(outs, [nd.ones(o.shape) * 0.5 for o in outs])
    values = [o.asnumpy() for o in outs] + [a.grad.asnumpy() for a in trained]
    values += [a.asnumpy() for name, a in inputs.items() if name.endswith(STATES)]
    values += [o.asnumpy() for o in graph(*inputs.values())]
    listed = tuple(f"  {name}" for name in DEFAULTS)  # what passes say of themselves
    lines = graph.explain().splitlines()
    return values, "\n".join(line for line in lines if not line.startswith(listed))


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_pass_changes_plans_and_no_results(name):
    """Among the others, and alone."""
    usual = frozenset(n for n, on in DEFAULTS.items() if on)
    changed = 0
    for seed in SEEDS:
        want, _ = ran(seed, frozenset())
        for others in (usual - {name}, frozenset()):
            (a, plan), (b, other_plan) = ran(seed, others), ran(seed, others | {name})
            changed += plan != other_plan
            for values in (a, b):
                for x, y in zip(want, values, strict=True):
                    np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4, err_msg=f"seed {seed}")
    assert changed > 0, "no random network gives this pass something to do"
