"""Networks train on a device as on the CPU, step by step and compiled."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

GPU = mx.gpu(0)


def lenet():
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(4, 5, activation="tanh"),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(6, 3),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.AvgPool2D(2, 2),
        nn.Flatten(),
        nn.Dense(20, activation="relu"),
        nn.Dropout(0.2),
        nn.Dense(5),
    )
    return net, (8, 1, 16, 16), 5


def mlp():
    net = nn.HybridSequential()
    net.add(nn.Dense(16), nn.LayerNorm(), nn.GELU(), nn.Dense(8, activation="sigmoid"), nn.Dense(4))
    return net, (8, 10), 4


def resnet():
    net = gluon.model_zoo.vision.ResNetV1(
        gluon.model_zoo.vision.BasicBlockV1, [1, 1], [4, 4, 8], classes=5, thumbnail=True
    )
    return net, (4, 3, 12, 12), 5


def encoder():
    net = nn.HybridSequential()
    net.add(
        nn.Embedding(11, 8),
        nn.TransformerEncoderLayer(8, 2, 16),
        nn.Flatten(),
        nn.Dense(4),
    )
    return net, (4, 6), 4


class Recurrent(gluon.HybridBlock):
    """Two layers of LSTM, both ways, and one of GRU, over time steps in front."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.lstm = gluon.rnn.LSTM(5, num_layers=2, bidirectional=True, dropout=0.2)
        self.gru = gluon.rnn.GRU(4, num_layers=3)
        self.dense = nn.Dense(4)

    def hybrid_forward(self, F, x):
        steps = self.gru(self.lstm(self.embedding(F.transpose(x))))
        return self.dense(F.SequenceLast(steps))


def recurrent():
    return Recurrent(), (4, 6), 4


def train(make, context, optimizer, options, hybrid, steps=3):
    """Losses and parameters after some steps, from the same start."""
    mx.random.seed(1)
    np.random.seed(1)
    net, shape, classes = make()
    net.initialize(mx.init.Xavier(), ctx=context)
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), optimizer, options)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    mx.random.seed(2)
    for step in range(steps):
        numbers = np.random.RandomState(step).normal(size=shape)
        if make in (encoder, recurrent):
            numbers = np.abs(numbers * 5).astype("int32") % 11
        x = nd.array(numbers, ctx=context)
        y = nd.array(np.random.RandomState(step).randint(0, classes, shape[0]), ctx=context)
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(shape[0])
        losses.append(loss.mean().asscalar())
    parameters = [p.data(context).asnumpy() for p in net.collect_params().values()]
    assert all(p.list_ctx() == [context] for p in net.collect_params().values())
    return losses, parameters


@pytest.mark.parametrize("hybrid", [False, True], ids=["eager", "hybrid"])
@pytest.mark.parametrize("make", [lenet, mlp, resnet, encoder, recurrent], ids=lambda f: f.__name__)
def test_equal_to_the_cpu(make, hybrid):
    options = {"learning_rate": 0.05, "momentum": 0.9}
    want, want_parameters = train(make, mx.cpu(), "sgd", options, hybrid)
    got, parameters = train(make, GPU, "sgd", options, hybrid)
    np.testing.assert_allclose(got, want, rtol=2e-4)
    for a, b in zip(parameters, want_parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(
    "optimizer", ["sgd", "adam", "nag", "rmsprop", "adagrad", "adamax", "signum"]
)
def test_optimizers(optimizer):
    options = {"learning_rate": 0.01, "wd": 0.001}
    want, _ = train(mlp, mx.cpu(), optimizer, options, False)
    got, _ = train(mlp, GPU, optimizer, options, False)
    np.testing.assert_allclose(got, want, rtol=2e-4)


def test_float16():
    x = nd.array(np.random.normal(size=(4, 6)), ctx=GPU).astype("float16")
    w = nd.array(np.random.normal(size=(3, 6)), ctx=GPU).astype("float16")
    w.attach_grad()
    with autograd.record():
        y = nd.FullyConnected(x, w, no_bias=True, num_hidden=3)
        loss = nd.log_softmax(y).sum()
    loss.backward()
    assert w.grad.dtype == np.float16 and np.isfinite(w.grad.asnumpy()).all()


def test_module():
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=8, name="a")
    net = mx.sym.Activation(net, act_type="relu")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="b"), name="softmax")
    x = np.random.RandomState(0).normal(size=(24, 5)).astype("float32")
    y = np.random.RandomState(0).randint(0, 3, 24).astype("float32")
    results = []
    for context in (mx.cpu(), GPU):
        mx.random.seed(5)
        np.random.seed(5)
        module = mx.mod.Module(net, context=context)
        batches = mx.io.NDArrayIter(x, y, 8)
        module.fit(
            batches,
            num_epoch=2,
            optimizer_params={"learning_rate": 0.1},
            initializer=mx.init.Xavier(),
        )
        results.append(module.predict(mx.io.NDArrayIter(x, y, 8)).asnumpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_gradients_flow_between_devices():
    a = nd.array([1.0, 2, 3])
    a.attach_grad()
    with autograd.record():
        b = (a * 2).as_in_context(GPU)
        loss = (b * b).sum()
    loss.backward()
    assert a.grad.context == mx.cpu() and a.grad.asnumpy().tolist() == [8, 16, 24]


def test_gradient_of_a_gradient():
    x = nd.array([0.5, 1.5], ctx=GPU)
    x.attach_grad()
    with autograd.record():
        y = nd.sin(x) * x
        first = autograd.grad(y, [x], create_graph=True)[0]
        loss = (first * first).sum()
    loss.backward()
    v = np.array([0.5, 1.5])
    f = np.cos(v) * v + np.sin(v)
    np.testing.assert_allclose(x.grad.asnumpy(), 2 * f * (2 * np.cos(v) - v * np.sin(v)), rtol=1e-5)


def test_two_devices_share_a_batch():
    """As many samples on each: the parameters go the way they go on two CPUs."""
    x = np.random.RandomState(0).normal(size=(8, 10)).astype("float32")
    y = np.random.RandomState(1).randint(0, 4, 8).astype("float32")
    results = []
    for contexts in ([mx.cpu(0), mx.cpu(1)], [mx.gpu(0), mx.gpu(1)]):
        mx.random.seed(1)
        np.random.seed(1)
        net = mlp()[0]
        net.initialize(mx.init.Xavier(), ctx=contexts)
        trainer = gluon.Trainer(
            net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore="device"
        )
        for _ in range(3):
            parts = zip(
                gluon.utils.split_and_load(nd.array(x), contexts),
                gluon.utils.split_and_load(nd.array(y), contexts),
                strict=True,
            )
            with autograd.record():
                losses = [gluon.loss.SoftmaxCrossEntropyLoss()(net(a), b) for a, b in parts]
            autograd.backward(losses)
            trainer.step(8)
        results.append([p.data(contexts[-1]).asnumpy() for p in net.collect_params().values()])
    for got, want in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [lenet, resnet, encoder], ids=lambda f: f.__name__)
def test_compiled_prediction(make):
    """Graphs for prediction: batch norms are folded, constants are copied to the device once."""
    net, shape, _ = make()
    net.initialize()
    numbers = np.random.RandomState(0).normal(size=shape)
    x = nd.array(np.abs(numbers * 5).astype("int32") % 11 if make is encoder else numbers)
    want = net(x).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    net(x)
    net.collect_params().reset_ctx(GPU)
    for _ in range(2):
        got = net(x.as_in_context(GPU))
        assert got.context == GPU
        np.testing.assert_allclose(got.asnumpy(), want, rtol=1e-4, atol=1e-5)


def test_a_graph_says_which_operator_has_no_kernel():
    data = mx.sym.Variable("data")
    graph = mx.sym.linalg.potrf(mx.sym.relu(data), name="root")
    executor = graph.bind(GPU, {"data": nd.array([[3, 1], [1, 2]], ctx=GPU)})
    with pytest.raises(NotImplementedError, match="cholesky: has no CUDA kernel"):
        executor.forward()[0].asnumpy()
