"""Compiled steps take no memory from the system once they have run."""

import pytest

import plait as mx
from plait import autograd, gluon, nd

nn = gluon.nn


def lenet():
    net = nn.HybridSequential()
    for channels in (4, 8):
        net.add(nn.Conv2D(channels, 5, activation="tanh"), nn.MaxPool2D(2, 2))
    net.add(nn.Dense(16, activation="tanh"), nn.Dense(10))
    return net, (8, 1, 28, 28)


class Residual(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        self.body = nn.HybridSequential()
        for _ in range(2):
            self.body.add(nn.Conv2D(8, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"))

    def hybrid_forward(self, F, x):
        return F.relu(self.body(x) + x)


def residual():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(8, 3), Residual(), Residual(), nn.GlobalAvgPool2D(), nn.Dense(10))
    return net, (4, 3, 18, 18)


def hybridized(make, block=None):
    net, shape = make()
    net.initialize()
    x, y = nd.random.uniform(shape=shape), nd.zeros(shape[:1])
    net(x)
    for b in (net, block) if block else (net,):
        b.hybridize(static_alloc=True, static_shape=True)
    return net, x, y


def training(make):
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    net, x, y = hybridized(make, loss_of)
    options = {"learning_rate": 0.01, "momentum": 0.9}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options)

    def step():
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(len(y))

    return step


def inference(make):
    net, x, _ = hybridized(make)
    return lambda: net(x)


def module(make):
    net, shape = make()
    mod = mx.mod.Module(mx.sym.SoftmaxOutput(net(mx.sym.Variable("data")), name="softmax"))
    mod.bind([("data", shape)], [("softmax_label", shape[:1])])
    mod.init_params()
    mod.init_optimizer(optimizer_params={"learning_rate": 0.01, "momentum": 0.9})
    batch = mx.io.DataBatch([nd.random.uniform(shape=shape)], [nd.zeros(shape[:1])])

    def step():
        mod.forward_backward(batch)
        mod.update()

    return step


@pytest.mark.parametrize("way", [training, inference, module])
@pytest.mark.parametrize("make", [lenet, residual])
def test_a_step_takes_no_memory_from_the_system(make, way):
    """More steps than a thread keeps blocks of a size."""
    step = way(make)
    counts = []
    for _ in range(83):
        step()
        nd.waitall()
        counts.append(mx.engine.memory_stats()["system_allocations"])
    assert counts[2:] == counts[2:3] * 81


def test_a_result_that_was_read_leaves_its_memory_to_the_next():
    """Nobody waits for the end of the task here, only for what it computed."""
    step = inference(residual)
    counts = []
    for _ in range(100):
        step().asnumpy()
        counts.append(mx.engine.memory_stats()["system_allocations"])
    assert counts[2:] == counts[2:3] * 98
