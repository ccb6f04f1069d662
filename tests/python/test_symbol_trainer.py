"""`gluon.Trainer` on a symbol, and the examples that use it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blobs(samples, shape, classes=10, seed=0):
    """Images whose class is a pattern plus noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((classes, *shape))
    labels = rng.integers(0, classes, samples)
    x = patterns[labels] + 0.2 * rng.standard_normal((samples, *shape))
    return x.astype("f"), labels.astype("f")


def test_the_fully_connected_example(capsys):
    x, y = blobs(320, (784,))
    history, weight = example("symbol_mlp").main(x, y, num_epoch=4)
    assert weight.shape == (10, 784)
    assert history[-1]["loss"] < history[0]["loss"]
    assert "epoch 4/4" in capsys.readouterr().out


def test_the_convolutional_example():
    x, y = blobs(256, (1, 28, 28))
    history, accuracy = example("symbol_convnet").main(x, y, num_epoch=12, filters=(4, 8))
    assert history[-1]["loss"] < history[0]["loss"]
    assert accuracy > 0.8


def gluon_losses(net, weights, x, y, hybridize):
    net.initialize()
    net(nd.array(x[:1]))
    for param, value in zip(net.collect_params().values(), weights, strict=True):
        param.set_data(value)
    if hybridize:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    for start in range(0, len(x), 64):
        data, label = nd.array(x[start : start + 64]), nd.array(y[start : start + 64])
        with autograd.record():
            loss = loss_of(net(data), label)
        loss.backward()
        trainer.step(64)
        losses.append(float(loss.mean().asscalar()))
    return losses


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_the_same_curve_in_gluon(kind):
    """Symbol, dynamic and hybridized Gluon from the same weights on the same batches."""
    nn = gluon.nn
    if kind == "mlp":
        x, y = blobs(256, (784,))
        loss = example("symbol_mlp").network()[-1]
        make = lambda: nn.Dense(10, activation="sigmoid", in_units=784)  # noqa: E731
    else:
        x, y = blobs(256, (1, 28, 28))
        loss = example("symbol_convnet").network((4, 8))[-1]

        def make():
            net = nn.HybridSequential()
            net.add(nn.Conv2D(4, 5, padding=2), nn.MaxPool2D(2, 2))
            net.add(nn.Conv2D(8, 5, padding=2), nn.MaxPool2D(2, 2), nn.Flatten(), nn.Dense(10))
            return net

    names = [n for n in loss.list_arguments() if n not in ("x", "y")]
    shapes = dict(
        zip(loss.list_arguments(), loss.infer_shape(x=(64, *x.shape[1:]), y=(64,))[0], strict=True)
    )
    rng = np.random.default_rng(1)
    weights = [nd.array(rng.standard_normal(shapes[n]) * 0.05) for n in names]
    internals = loss.get_internals()
    for i, name in enumerate(internals.list_outputs()):
        if name in names:
            internals[i].value = weights[names.index(name)]
    trainer = gluon.Trainer(loss, mx.optimizer.SGD(learning_rate=0.1))
    symbol_losses = []
    for start in range(0, len(x), 64):
        part = slice(start, start + 64)
        row = trainer.fit(x[part], y[part], batch_size=64, shuffle=False, verbose=False)
        symbol_losses.append(row[0]["loss"])
    dynamic = gluon_losses(make(), weights, x, y, False)
    hybrid = gluon_losses(make(), weights, x, y, True)
    np.testing.assert_allclose(symbol_losses, dynamic, rtol=1e-4)
    np.testing.assert_allclose(hybrid, dynamic, rtol=1e-4)


def test_variables_keep_their_values():
    x, y = blobs(64, (5,), 3)
    data, label, weight = (mx.sym.Variable(n) for n in ("data", "label", "w"))
    out = mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(data, weight, no_bias=True, num_hidden=3), label
    )
    loss = mx.sym.mean(mx.sym.LabelCrossEntropyOutput(out, label))
    assert weight.value is None
    with pytest.raises(ValueError, match="w"):
        weight.eval()
    trainer = gluon.Trainer(loss, "sgd", {"learning_rate": 0.5})
    first = trainer.fit(x, y, num_epoch=3, verbose=False)
    again = trainer.fit(x, y, num_epoch=1, verbose=False)
    assert again[0]["loss"] < first[0]["loss"]
    np.testing.assert_array_equal(weight.eval()[0].asnumpy(), weight.value.asnumpy())
    assert trainer.predict(out, x).shape == (64, 3)


def test_a_loss_of_means_is_not_divided_again():
    data, target, weight = (mx.sym.Variable(n) for n in ("data", "target", "w"))
    error = mx.sym.FullyConnected(data, weight, no_bias=True, num_hidden=1) - target
    loss = mx.sym.mean(error * error)
    trainer = gluon.symbol_trainer.SymbolTrainer(
        loss, "sgd", {"learning_rate": 0.25}, data_names=["data"], label_names=["target"]
    )
    x = np.ones((8, 1), "f")
    weight.value = nd.zeros((1, 1))
    trainer.fit(x, x * 2, batch_size=8, verbose=False)
    np.testing.assert_allclose(weight.eval()[0].asnumpy(), [[1.0]], rtol=1e-6)


def test_refusals():
    x = mx.sym.Variable("x")
    with pytest.raises(ValueError, match="1"):
        gluon.Trainer(mx.sym.Group([x * 2, x]), "sgd")
    with pytest.raises(ValueError, match="parameters"):
        gluon.Trainer(x * 2, "sgd")
    with pytest.raises(ValueError, match="variable"):
        (x * 2).value = nd.zeros(1)
    loss = example("symbol_mlp").network()[-1]
    with pytest.raises(ValueError, match="y_train"):
        gluon.Trainer(loss, "sgd").fit(np.zeros((4, 3), "f"))
