"""Blocks, losses, trainer and optimizers against NumPy formulas."""

import gc
import weakref

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn


def mlp():
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Dense(5, activation="tanh"), nn.BatchNorm(), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    return net


def test_dense_is_affine_map_with_mxnet_names():
    layer = nn.Dense(4, prefix="dense0_")
    layer.initialize(mx.init.Normal(1))
    x = np.random.rand(2, 3).astype("float32")
    out = layer(nd.array(x)).asnumpy()
    weight, bias = layer.weight.data().asnumpy(), layer.bias.data().asnumpy()
    assert list(layer.collect_params()) == ["dense0_weight", "dense0_bias"]
    assert weight.shape == (4, 3)
    np.testing.assert_allclose(out, x @ weight.T + bias, rtol=1e-5, atol=1e-6)


def test_deferred_parameter_tells_what_to_do():
    layer = nn.Dense(4)
    with pytest.raises(RuntimeError, match="not initialized"):
        layer.weight.data()
    layer.initialize()
    with pytest.raises(gluon.DeferredInitializationError, match="first forward pass"):
        layer.weight.data()


def test_hybridize_gives_equal_outputs_and_gradients():
    net, x = mlp(), nd.random.normal(scale=2, shape=(16, 4))
    results = []
    for active in (False, True):
        net.hybridize(active)
        with autograd.record():
            loss = (net(x) ** 2).sum()
        loss.backward()
        grads = {
            name: p.grad().asnumpy()
            for name, p in net.collect_params().items()
            if p.grad_req != "null"
        }
        results.append((loss.asscalar(), grads))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for name, grad in results[0][1].items():
        np.testing.assert_allclose(grad, results[1][1][name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_files_round_trip(tmp_path):
    net, x = mlp(), nd.random.uniform(shape=(2, 4))
    net.hybridize()
    expected = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "p"))
    assert "0.weight" in nd.load(str(tmp_path / "p"))
    copy = mlp()
    copy.load_parameters(str(tmp_path / "p"))
    np.testing.assert_allclose(copy(x).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    files = net.export(str(tmp_path / "net"), epoch=3)
    assert files[1].endswith("net-0003.params")
    block = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    np.testing.assert_allclose(block(x).asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_load_lists_what_is_missing(tmp_path):
    nd.save(str(tmp_path / "p"), {"0.weight": nd.ones((5, 4))})
    with pytest.raises(KeyError, match="0.bias"):
        mlp().load_parameters(str(tmp_path / "p"))


def test_softmax_cross_entropy():
    pred = np.random.randn(4, 3).astype("float32")
    label = np.array([0, 2, 1, 1])
    loss = gluon.loss.SoftmaxCrossEntropyLoss()(nd.array(pred), nd.array(label)).asnumpy()
    expected = np.log(np.exp(pred).sum(axis=1)) - pred[np.arange(4), label]
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)


def test_l2_huber_and_sigmoid_losses():
    pred, label = np.random.randn(2, 4, 3).astype("float32")

    def run(loss, label):
        return loss(nd.array(pred), nd.array(label)).asnumpy()

    gap = np.abs(pred - label)
    np.testing.assert_allclose(run(gluon.loss.L2Loss(), label), (gap**2).mean(1) / 2, rtol=1e-5)
    huber = np.where(gap > 1, gap - 0.5, gap**2 / 2).mean(1)
    np.testing.assert_allclose(run(gluon.loss.HuberLoss(), label), huber, rtol=1e-5)
    truth = (label > 0).astype("float32")
    expected = (np.log1p(np.exp(pred)) - truth * pred).mean(1)
    np.testing.assert_allclose(
        run(gluon.loss.SigmoidBCELoss(), truth), expected, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_trainer_sgd(momentum):
    layer = nn.Dense(2, in_units=3, use_bias=False)
    layer.initialize(mx.init.Normal(1))
    trainer = gluon.Trainer(
        layer.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": momentum, "wd": 0.01}
    )
    weight, velocity = layer.weight.data().asnumpy(), 0.0
    x = np.random.rand(4, 3).astype("float32")
    for _ in range(3):
        with autograd.record():
            loss = layer(nd.array(x)).sum()
        loss.backward()
        trainer.step(4)
        grad = np.tile(x.sum(0), (2, 1)) / 4 + 0.01 * weight
        velocity = momentum * velocity - 0.1 * grad
        weight = weight + velocity
    np.testing.assert_allclose(layer.weight.data().asnumpy(), weight, rtol=1e-5, atol=1e-6)


def test_adam_and_states(tmp_path):
    weight, grad = nd.array([1.0, -2.0]), nd.array([0.5, 0.25])
    updater = mx.optimizer.get_updater(mx.optimizer.create("adam", learning_rate=0.1))
    w, m, v = weight.asnumpy(), 0.0, 0.0
    for t in range(1, 4):
        updater(0, grad, weight)
        updater.set_states(updater.get_states(dump_optimizer=True))
        m, v = 0.9 * m + 0.1 * grad.asnumpy(), 0.999 * v + 0.001 * grad.asnumpy() ** 2
        w = w - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(weight.asnumpy(), w, rtol=1e-5)


def test_one_cycle_schedule():
    schedule = mx.lr_scheduler.OneCycleScheduler(101, base_lr=1.0, rise=0.3)
    rates = [schedule(t) for t in range(1, 103)]
    assert rates[0] == pytest.approx(1 / 25) and max(rates) == rates[30] == pytest.approx(1.0)
    assert rates[100] == rates[101] == pytest.approx(1 / 25e4)
    with pytest.raises(ValueError, match="rise is 1.5"):
        mx.lr_scheduler.OneCycleScheduler(10, rise=1.5)


def test_fused_rnn_initializer():
    layer = gluon.rnn.LSTM(4, 2, bidirectional=True, input_size=3)
    sizes = [p.shape for p in layer.collect_params().values()]
    flat = nd.zeros((sum(int(np.prod(s)) for s in sizes),))
    init = mx.init.FusedRNN("one", 4, 2, "lstm", True, forget_bias=2.0)
    mx.init.create(init.dumps())(mx.init.InitDesc("rnn_parameters"), flat)
    values = flat.asnumpy()
    biases = values[-2 * 4 * 16 :].reshape(8, 4, 4)
    assert (values[: -2 * 4 * 16] == 1).all()
    assert (biases[:, 1] == 2).all() and (biases[:, [0, 2, 3]] == 0).all()
    with pytest.raises(ValueError, match="which fit no input size"):
        init("rnn_parameters", nd.zeros((1000,)))
    with pytest.raises(ValueError, match="mode is 'mgu'"):
        mx.init.FusedRNN(None, 4, 2, "mgu")


def test_default_names_are_those_of_mxnet():
    net = nn.HybridSequential(prefix="n_")
    with net.name_scope():
        net.add(nn.Conv2D(2, 3, activation="relu"), nn.MaxPool2D(), nn.Conv2DTranspose(2, 3))
        net.add(gluon.rnn.GRUCell(2), nn.Activation("tanh"), gluon.rnn.DropoutCell(0.1))
    names = [child.name for child in net]
    assert names == ["n_conv0", "n_pool0", "n_conv1", "n_gru0", "n_tanh0", "n_dropout0"]


def test_schedules():
    schedule = mx.lr_scheduler.FactorScheduler(step=10, factor=0.5, base_lr=1.0)
    assert [schedule(n) for n in (1, 10, 11, 21)] == [1.0, 1.0, 0.5, 0.25]
    cosine = mx.lr_scheduler.CosineScheduler(10, base_lr=1.0)
    assert cosine(5) == pytest.approx(0.5) and cosine(10) == pytest.approx(0.0)


def test_xavier_range_and_orthogonal():
    w = nd.empty((30, 20))
    mx.init.Xavier(magnitude=3)("a_weight", w)
    bound = np.sqrt(3 / 25)
    assert 0.9 * bound < np.abs(w.asnumpy()).max() <= bound
    mx.init.Orthogonal(scale=2)("a_weight", w)
    np.testing.assert_allclose(w.asnumpy().T @ w.asnumpy(), 4 * np.eye(20), atol=1e-4)


def test_metrics():
    accuracy = mx.metric.create("acc")
    accuracy.update([nd.array([1, 0])], [nd.array([[0.1, 0.9], [0.2, 0.8]])])
    assert accuracy.get() == ("accuracy", 0.5)


def test_gradient_of_hybrid_block_with_unused_output():
    class Pair(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x * 2, [x * x]

    net, x = Pair(), nd.array([1.0, 2.0])
    x.attach_grad()
    for active in (False, True):
        net.hybridize(active)
        with autograd.record():
            double, (_,) = net(x)
        double.backward()
        assert x.grad.asnumpy().tolist() == [2, 2]


@pytest.mark.parametrize("use", ["made", "run", "hybridized", "trained"])
def test_a_block_is_freed_without_the_garbage_collector(use):
    gc.disable()
    try:
        net = nn.HybridSequential()
        net.add(nn.Dense(3), nn.Dense(2))
        net.initialize()
        if use in ("hybridized", "trained"):
            net.hybridize()
        if use != "made":
            x = nd.ones((2, 3))
            with autograd.record(train_mode=use == "trained"):
                loss = net(x)
            if use == "trained":
                trainer = gluon.Trainer(net.collect_params(), "adam")
                loss.backward()
                trainer.step(2)
                gone = weakref.ref(trainer)
                del trainer
                assert gone() is None
            del loss, x
        gone = weakref.ref(net)
        del net
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("hybrid", [False, True])
def test_hooks_of_calls(hybrid):
    net = nn.Dense(2, in_units=3)
    net.initialize()
    if hybrid:
        net.hybridize()
    x, seen = nd.ones((1, 3)), []
    before = net.register_forward_pre_hook(lambda block, args: seen.append((block, args)))
    after = net.register_forward_hook(lambda block, args, out: seen.append((block, args, out)))
    y = net(x)
    assert seen == [(net, (x,)), (net, (x,), y)]
    before.detach()
    net(x)
    assert len(seen) == 3
    with after:
        net(x)
    net(x)
    assert len(seen) == 4


def test_parameters_move_to_other_devices():
    net = nn.Dense(2, in_units=3)
    net.initialize()
    value = net.weight.data().asnumpy()
    places = [mx.cpu(0), mx.cpu(1)]
    net.collect_params().reset_ctx(places)
    assert net.weight.list_ctx() == places and net.weight.list_device() == places
    for place in places:
        np.testing.assert_array_equal(net.weight.data(place).asnumpy(), value)
    net.weight.reset_ctx(mx.cpu(1))
    assert net.weight.list_ctx() == [mx.cpu(1)]


def test_gradients_of_several_devices_are_summed_then_used():
    places, found = [mx.cpu(0), mx.cpu(1)], []
    for apart in (False, True):
        net = nn.Dense(1, in_units=2, use_bias=False)
        net.initialize(mx.init.One(), ctx=places)
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5}, kvstore=None)
        with autograd.record():
            losses = [net(nd.full((1, 2), i + 1, ctx=c)) for i, c in enumerate(places)]
        autograd.backward(losses)
        if apart:
            trainer.allreduce_grads()
            assert [g.asnumpy().tolist() for g in net.weight.list_grad()] == [[[3, 3]]] * 2
            net.weight.grad(places[0])[:] *= 2
            net.weight.grad(places[1])[:] *= 2
            trainer.update(2)
        else:
            trainer.step(1)
        found.append([w.asnumpy().tolist() for w in net.weight.list_data()])
    assert found[0] == found[1] == [[[-0.5, -0.5]]] * 2


def two_layers():
    net = nn.Sequential()
    net.add(nn.Dense(1, in_units=2, use_bias=False), nn.Dense(1, in_units=2, use_bias=False))
    net.initialize(mx.init.One())
    options = {"learning_rate": 1.0, "momentum": 0.5}
    return net, gluon.Trainer(net.collect_params(), "sgd", options)


def backward_of(*layers):
    with autograd.record():
        loss = sum(layer(nd.ones((1, 2))) for layer in layers)
    loss.backward()


def test_gradients_that_no_backward_pass_wrote():
    net, trainer = two_layers()
    backward_of(net[0])
    with pytest.raises(UserWarning, match=f"gradient of {net[1].weight.name} since"):
        trainer.step(1)
    trainer.step(1, ignore_stale_grad=True)
    assert net[0].weight.data().asnumpy().tolist() == [[0, 0]]
    assert net[1].weight.data().asnumpy().tolist() == [[1, 1]]
    backward_of(*net)
    trainer.step(1)
    backward_of(net[1])
    trainer.allreduce_grads()
    trainer.update(1, ignore_stale_grad=True)  # the momentum of the first does not move it
    assert net[0].weight.data().asnumpy().tolist() == [[-1.5, -1.5]]
    with pytest.raises(UserWarning, match="ignore_stale_grad=True leaves such"):
        trainer.step(1)
    for param in net.collect_params().values():
        param.grad()[:] = 0  # written by hand
    trainer.step(1)


def test_stale_gradients_are_told_apart_after_a_parameter_moved():
    net, trainer = two_layers()
    backward_of(*net)
    trainer.step(1)
    net[1].weight.set_data(nd.ones((1, 2)))
    net[1].weight.lr_mult = 2.0
    net[0].cast("float64")
    net[0].cast("float32")
    with pytest.raises(UserWarning, match=net[1].weight.name):
        trainer.step(1)


@pytest.mark.parametrize("kind", ["cpu_shared", "cpu_pinned"])
def test_batches_in_shared_or_pinned_memory(kind):
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    x = nd.ones((2, 3), ctx=mx.Context(kind, 0))
    want = net(x).asnumpy()
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), want, rtol=1e-6)
    with pytest.raises(RuntimeError, match="must be one of"):
        net.weight.data(mx.Context(kind, 1))
