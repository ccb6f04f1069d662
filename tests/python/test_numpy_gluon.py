"""Gluon with mx.np arrays, after npx.set_np(): the programs of MXNet 2."""

import math

import numpy as onp
import pytest

import plait as mx
from plait import autograd, gluon, np, npx
from plait.gluon import nn, rnn


@pytest.fixture(autouse=True)
def numpy_world():
    npx.set_np()
    yield
    npx.reset_np()


def both(block, *args):
    """Outputs and gradients of a block, run eagerly and hybridized, must be equal."""
    block.initialize(mx.init.Xavier())
    results = []
    for active in (False, True):
        block.hybridize(active)
        with autograd.record():
            out = block(*args)
            loss = (out * out).sum()
        loss.backward()
        params = block.collect_params().values()
        results.append([out, *(p.grad() for p in params if p.grad_req != "null")])
    for eager, compiled in zip(*results, strict=True):
        assert type(eager) is type(compiled) is np.ndarray
        onp.testing.assert_allclose(eager.asnumpy(), compiled.asnumpy(), rtol=1e-5, atol=1e-6)
    return results[0][0]


def test_parameters_are_numpy_arrays():
    net = nn.Dense(2)
    net.initialize()
    net(np.ones((1, 3)))
    assert type(net.weight.data()) is type(net.weight.grad()) is np.ndarray
    net.weight.data()[:] = np.arange(6).reshape(2, 3)
    assert (net.weight.data() > 2).sum() == 3
    npx.reset_np()
    net = nn.Dense(2, in_units=3)
    net.initialize()
    assert type(net.weight.data()) is mx.nd.NDArray


def test_initializer_of_the_user_gets_numpy_arrays():
    class Sparse(mx.init.Initializer):
        def _init_weight(self, name, data):
            data[:] = np.random.uniform(-10, 10, data.shape)
            data *= np.abs(data) >= 5

    net = nn.Dense(20, in_units=20)
    net.initialize(Sparse())
    size = np.abs(net.weight.data())
    assert ((size == 0) | (size >= 5)).all() and (size > 0).any()


def test_hybrid_forward_reaches_numpy_operators():
    class Net(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(4)

        def hybrid_forward(self, F, x):
            return F.npx.relu(F.np.tanh(self.dense(x)))

    assert both(Net(), np.ones((3, 5))).shape == (3, 4)


@pytest.mark.parametrize("give_state", [False, True])
def test_recurrent_layer_inside_a_hybridized_block(give_state):
    class Encoder(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 8)
            self.rnn = rnn.GRU(16, 2)

        def forward(self, tokens):
            steps = self.embedding(tokens).swapaxes(0, 1)
            if not give_state:
                return self.rnn(steps)
            state = self.rnn.begin_state(batch_size=steps.shape[1], ctx=steps.ctx)
            return self.rnn(steps, state)[0]

    assert both(Encoder(), np.arange(8).reshape(2, 4)).shape == (4, 2, 16)


def test_constants_made_inside_a_hybridized_block():
    class Net(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.scale = gluon.Parameter("scale", shape=(3,), init="ones")

        def forward(self, x):
            x = x * self.scale.data() + np.full((3,), 2.5)
            return x + np.zeros(3) + mx.nd.ones((3,)).as_np_ndarray() + np.arange(3)

    assert both(Net(), np.ones((2, 3))).shape == (2, 3)


def test_block_without_inputs():
    class Picture(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.weight = gluon.Parameter("weight", shape=(2, 3))

        def forward(self):
            return self.weight.data() * 2

    assert both(Picture()).shape == (2, 3)


def test_masked_attention():
    class Attention(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.query, self.key = (nn.Dense(8, flatten=False, use_bias=False) for _ in range(2))

        def forward(self, x, lengths):
            query, key = self.query(x), self.key(x)
            scores = npx.batch_dot(query, key, transpose_b=True) / math.sqrt(8)
            shape = scores.shape
            flat = npx.sequence_mask(
                scores.reshape(-1, shape[-1]), lengths.repeat(shape[1]), True, value=-1e6, axis=1
            )
            return npx.batch_dot(npx.softmax(flat).reshape(shape), x)

    x, lengths = np.random.normal(size=(2, 5, 4)), np.array([2, 5])
    out = both(Attention(), x, lengths)
    assert out.shape == (2, 5, 4)
    assert float(np.abs(out[0]).max()) <= float(np.abs(x[0, :2]).max()) + 1e-6


def test_training_on_several_devices():
    devices = [npx.cpu(0), npx.cpu(1)]
    net = nn.Dense(1)
    net.initialize(ctx=devices)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    x = np.random.normal(size=(8, 3))
    y = x.sum(axis=1, keepdims=True)
    for _ in range(60):
        parts = gluon.utils.split_and_load(x, devices), gluon.utils.split_and_load(y, devices)
        with autograd.record():
            losses = [gluon.loss.L2Loss()(net(a), b) for a, b in zip(*parts, strict=True)]
        for loss in losses:
            loss.backward()
        trainer.step(8)
    assert type(losses[1]) is np.ndarray and float(losses[1].mean()) < 0.05
    assert (net.weight.data(devices[0]) == net.weight.data(devices[1]).as_in_ctx(devices[0])).all()
