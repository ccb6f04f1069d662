"""Blocks and parameters through `copy.deepcopy` and `pickle`, as MXNet's users copy networks."""

import copy
import pickle

import numpy as np
import pytest

from plait import autograd, gluon, nd
from plait.gluon import nn

WAYS = {"deepcopy": copy.deepcopy, "pickle": lambda block: pickle.loads(pickle.dumps(block))}


@pytest.fixture(params=WAYS)
def copied(request):
    return WAYS[request.param]


def network():
    net = nn.HybridSequential()
    net.add(nn.Dense(4, activation="relu"), nn.BatchNorm(), nn.Dense(2, in_units=4))
    return net


def step(net, x):
    """Outputs of a step and after it."""
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    with autograd.record():
        out = net(x)
        loss = (out * out).sum()
    loss.backward()
    trainer.step(1)
    return out.asnumpy(), net(x).asnumpy()


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_copy_trains_by_itself(copied, hybrid):
    net, x = network(), nd.random.normal(shape=(5, 3))
    net.initialize()
    if hybrid:
        net.hybridize()
    step(net, x)  # gradients, a trainer, a compiled graph: not for the copy
    twin = copied(net)
    before = net(x).asnumpy()
    np.testing.assert_array_equal(twin(x).asnumpy(), before)
    moved = step(twin, x)[1]
    assert abs(moved - before).max() > 1e-4
    np.testing.assert_array_equal(net(x).asnumpy(), before)
    np.testing.assert_array_equal(step(net, x)[1], moved)


def test_a_copy_is_initialised_for_itself(copied):
    net = network()
    waiting = copied(net)
    for block in (net, waiting):
        block.initialize()
    late = copied(net)  # shapes are not known yet
    for block in (net, waiting, late):
        assert block(nd.ones((1, 3))).shape == (1, 2)
    assert late[0].weight.shape == (4, 3)


def test_shared_parameters_stay_shared(copied):
    first = nn.Dense(3, in_units=3)
    net = nn.HybridSequential()
    net.add(first, nn.Dense(3, in_units=3, params=first.params))
    net.initialize()
    twin = copied(net)
    assert twin[0].weight is twin[1].weight
    assert twin[0].weight is not first.weight


def test_recurrent_and_symbol_blocks(copied, tmp_path):
    layer, x = gluon.rnn.LSTM(3, 2, input_size=4), nd.random.normal(shape=(5, 2, 4))
    layer.initialize()
    np.testing.assert_array_equal(copied(layer)(x).asnumpy(), layer(x).asnumpy())
    net, x = network(), nd.random.normal(shape=(5, 3))
    net.initialize()
    net.hybridize()
    net(x)
    files = net.export(str(tmp_path / "net"))
    block = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    np.testing.assert_array_equal(copied(block)(x).asnumpy(), net(x).asnumpy())


def test_constants_and_frozen_parameters(copied):
    constant = gluon.Constant("table", nd.array([1.0, 2.0]))
    constant.initialize()
    twin = copied(constant)
    np.testing.assert_array_equal(twin.data().asnumpy(), [1, 2])
    assert twin.grad_req == "null"
